import { VALUE_BYTES_MAX } from '../base/limits.ts'
import type { Lender } from './copy-out.ts'
import { copyOut, copyOutAligned } from './copy-out.ts'
import type { ByteBounds, EncodedValue } from './direct-codec.ts'
import { DirectKeyCodec, NO_ROOM, encodedKey, successor } from './direct-codec.ts'
import type { KeyCodec } from './key-codec.ts'
import type { Role } from './refusal.ts'
import { refuse, valueTooLarge } from './refusal.ts'
import type { Bytes } from './value-codec.ts'

const LOOP_BYTES_MAX = 24
const typedArrayName = Object.getOwnPropertyDescriptor(
  Object.getPrototypeOf(Uint8Array.prototype),
  Symbol.toStringTag,
)?.get

/** A Uint8Array, a Buffer included, of this realm or another: test runners load code in realms of its own. */
export function isBytes(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array || (ArrayBuffer.isView(value) && typedArrayName?.call(value) === 'Uint8Array')
}

class BytesCodec extends DirectKeyCodec<Bytes> {
  readonly id = 'bytes'

  encodeInto(value: unknown, target: Uint8Array, offset: number, role: Role): number {
    const bytes = this.#checked(value, role)
    const { length } = bytes
    if (length > target.length - offset) return NO_ROOM
    if (length <= LOOP_BYTES_MAX) for (let i = 0; i < length; i++) target[offset + i] = bytes[i]!
    else target.set(bytes, offset)
    return length
  }

  /** Passes the caller's array on: the engine copies it once, into its arena. */
  override encodeValue(value: unknown, into: EncodedValue, role: Role): void {
    const bytes = this.#checked(value, role)
    if (bytes.length > VALUE_BYTES_MAX) throw valueTooLarge(this.id)
    into.bytes = bytes
    into.length = bytes.length
  }

  decodeFrom(source: Uint8Array, offset: number, length: number): Bytes {
    return copyOut(source, offset, length)
  }

  override decodeAligned(words: Int32Array, source: Uint8Array, offset: number, length: number): Bytes {
    return copyOutAligned(words, source, offset, length)
  }

  override decodeOwned(bytes: Bytes): Bytes {
    return bytes
  }

  override lendFrom(source: Uint8Array, offset: number, length: number, lender: Lender): Bytes {
    return lender.lend(source, offset, length)
  }

  override prefixBounds(prefix: unknown): ByteBounds {
    const start = encodedKey(this, prefix, 0)
    return { start, end: successor(start) }
  }

  decode(bytes: Uint8Array): Bytes {
    return copyOut(bytes, 0, bytes.length)
  }

  #checked(value: unknown, role: Role): Uint8Array {
    if (isBytes(value)) return value
    return refuse(role, this.id, 'a Uint8Array', value, 'Encode text with the codec utf8 or with a TextEncoder.')
  }
}

/** Byte strings as they are, in the order of their unsigned bytes; one that begins another stands before it. */
export const bytes: KeyCodec<Bytes> = new BytesCodec()

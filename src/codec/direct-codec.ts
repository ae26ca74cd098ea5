import { KEY_BYTES_MAX, VALUE_BYTES_MAX } from '../base/limits.ts'
import type { KeyCodec } from './key-codec.ts'
import type { Lender } from './copy-out.ts'
import type { Role } from './refusal.ts'
import { KEY, VALUE, keyTooLarge, valueTooLarge } from './refusal.ts'
import type { Bytes, ValueCodec } from './value-codec.ts'

/**
 * How the engine sees a codec: it reads from and writes to memory that is there already, so that a put and a lookup
 * allocate nothing for their key. The package's own codecs are such; `own-codec.ts` makes one of any other.
 *
 * `role` says what the input is meant for and is the code with which it is refused: one codec serves keys and values.
 */
const SCRATCH_BYTES = 64 * 1024

/** What `encodeInto` answers when the target has no room for the encoding. */
export const NO_ROOM = -1

/** A value on its way into the engine: the first `length` bytes of `bytes`, valid until the next `encodeValue`. */
export class EncodedValue {
  readonly scratch: Bytes = new Uint8Array(SCRATCH_BYTES)
  /** The scratch buffer, or an array that the codec or the caller made. */
  bytes: Uint8Array = this.scratch
  length = 0

  /** The encoding in an array of its own. (`bytes` may be a Buffer, whose `slice` copies nothing.) */
  copy(): Bytes {
    const { bytes, length } = this
    const own = new Uint8Array(length)
    own.set(bytes.length === length ? bytes : bytes.subarray(0, length))
    return own
  }
}

export abstract class DirectValueCodec<V> implements ValueCodec<V> {
  abstract readonly id: string
  /** The length of every encoding, or 0 where it varies. */
  readonly fixedBytes: number = 0

  /** Points `into` at the encoding. */
  abstract encodeValue(value: unknown, into: EncodedValue, role: Role): void

  /** Requires: the bytes were written by this codec. What it returns shares no memory with `source`. */
  abstract decodeFrom(source: Uint8Array, offset: number, length: number): V

  /** Like `decodeFrom`, where the value starts at a multiple of 8, has zeros behind it up to the next, and `words` are those of `source`. */
  decodeAligned(_words: Int32Array, source: Uint8Array, offset: number, length: number): V {
    return this.decodeFrom(source, offset, length)
  }

  /** Like `decodeFrom`, for a value in an array of its own, which the result may be. */
  decodeOwned(bytes: Bytes): V {
    return this.decodeFrom(bytes, 0, bytes.length)
  }

  /** Like `decodeFrom`, but byte arrays in the result are valid only until the lender is used again. */
  lendFrom(source: Uint8Array, offset: number, length: number, _lender: Lender): V {
    return this.decodeFrom(source, offset, length)
  }

  /** For `encode`, which is called outside of any table. */
  protected get role(): Role {
    return VALUE
  }

  encode(value: V): Bytes {
    const into = new EncodedValue()
    this.encodeValue(value, into, this.role)
    return into.copy()
  }

  abstract decode(bytes: Uint8Array): V
}

/** The keys from `start` on and before `end`; without an end, all from `start` on. */
export interface ByteBounds {
  readonly start: Bytes
  readonly end: Bytes | undefined
}

export abstract class DirectKeyCodec<K> extends DirectValueCodec<K> implements KeyCodec<K> {
  readonly ordered = true
  /** True where encoding runs the caller's code, which may use the database and with it the same scratch buffers. */
  readonly foreign: boolean = false

  /**
   * Writes the encoding at `offset` and returns its length, or NO_ROOM if the target ends before it. It may have
   * written a part then.
   */
  abstract encodeInto(value: unknown, target: Uint8Array, offset: number, role: Role): number

  /** True if `bound` is a leading part of a key and not a whole one. */
  isPart(_bound: unknown): boolean {
    return false
  }

  /** The keys that begin with `prefix`, or undefined where the codec's keys have no parts. */
  prefixBounds(_prefix: unknown): ByteBounds | undefined {
    return undefined
  }

  encodeValue(value: unknown, into: EncodedValue, role: Role): void {
    const { scratch } = into
    const length = this.encodeInto(value, scratch, 0, role)
    if (length === NO_ROOM) encodeLong(this, value, into, role)
    else {
      into.bytes = scratch
      into.length = length
    }
  }

  protected override get role(): Role {
    return KEY
  }
}

/** Doubles the room until the value fits. The array is not kept: long values would pin the longest of them for ever. */
function encodeLong(codec: DirectKeyCodec<unknown>, value: unknown, into: EncodedValue, role: Role): void {
  for (let room = 2 * SCRATCH_BYTES; room <= VALUE_BYTES_MAX; room *= 2) {
    const target = new Uint8Array(room)
    const length = codec.encodeInto(value, target, 0, role)
    if (length === NO_ROOM) continue
    into.bytes = target
    into.length = length
    return
  }
  throw valueTooLarge(codec.id)
}

const keyScratch: Bytes = new Uint8Array(KEY_BYTES_MAX)

/** The encoding of a key in an array of its own, with `zeros` zero bytes behind it. */
export function encodedKey<K>(codec: DirectKeyCodec<K>, key: unknown, zeros: number): Bytes {
  const target = codec.foreign ? new Uint8Array(KEY_BYTES_MAX) : keyScratch
  const length = codec.encodeInto(key, target, 0, KEY)
  if (length === NO_ROOM) throw keyTooLarge(codec.id)
  const bytes = new Uint8Array(length + zeros)
  bytes.set(target.subarray(0, length))
  return bytes
}

/** The first byte string behind all that begin with `prefix`, or undefined if none is. */
export function successor(prefix: Uint8Array): Bytes | undefined {
  let length = prefix.length
  while (length > 0 && prefix[length - 1] === 0xff) length--
  if (length === 0) return undefined
  const bytes = new Uint8Array(length)
  bytes.set(prefix.subarray(0, length))
  bytes[length - 1]!++
  return bytes
}

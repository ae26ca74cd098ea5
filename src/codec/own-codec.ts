import { DatabaseError } from '../base/errors.ts'
import { copyOut } from './copy-out.ts'
import type { EncodedValue } from './direct-codec.ts'
import { DirectKeyCodec, DirectValueCodec, NO_ROOM } from './direct-codec.ts'
import { isBytes } from './bytes.ts'
import { valueTooLarge } from './refusal.ts'
import type { KeyCodec } from './key-codec.ts'
import type { Role } from './refusal.ts'
import { KEY, VALUE, describe } from './refusal.ts'
import type { Bytes, ValueCodec } from './value-codec.ts'
import { VALUE_BYTES_MAX } from '../base/limits.ts'

/** Runs the caller's `encode`. What it throws and what else than bytes it returns is refused with the role's code. */
function encodeOwn(codec: ValueCodec<unknown>, value: unknown, role: Role): Uint8Array {
  let bytes: unknown
  try {
    bytes = codec.encode(value)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    const what = role === KEY ? 'key' : 'value'
    const advice = `Give a ${what} that it takes, or correct the codec.`
    throw new DatabaseError(role, `The codec '${codec.id}' could not encode the ${what}: ${reason}. ${advice}`, {
      cause: error,
    })
  }
  if (isBytes(bytes)) return bytes
  throw new DatabaseError(
    role,
    `encode() of the codec '${codec.id}' must return a Uint8Array, but returned ${describe(bytes)}. Correct the codec.`,
  )
}

function decodeOwn<V>(codec: ValueCodec<V>, bytes: Bytes, role: Role): V {
  try {
    return codec.decode(bytes)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new DatabaseError(
      role,
      `The codec '${codec.id}' could not decode what it had encoded: ${reason}. ` +
        'Give a codec that changes its format a new id, or let it read the old one.',
      { cause: error },
    )
  }
}

class OwnValueCodec<V> extends DirectValueCodec<V> {
  readonly id: string
  readonly #codec: ValueCodec<V>

  constructor(codec: ValueCodec<V>) {
    super()
    this.id = codec.id
    this.#codec = codec
  }

  encodeValue(value: unknown, into: EncodedValue, role: Role): void {
    const bytes = encodeOwn(this.#codec, value, role)
    if (bytes.length > VALUE_BYTES_MAX) throw valueTooLarge(this.id)
    into.bytes = bytes
    into.length = bytes.length
  }

  decodeFrom(source: Uint8Array, offset: number, length: number): V {
    return decodeOwn(this.#codec, copyOut(source, offset, length), VALUE)
  }

  override decodeOwned(bytes: Bytes): V {
    return decodeOwn(this.#codec, bytes, VALUE)
  }

  decode(bytes: Uint8Array): V {
    return this.decodeFrom(bytes, 0, bytes.length)
  }
}

class OwnKeyCodec<K> extends DirectKeyCodec<K> {
  readonly id: string
  override readonly foreign = true
  readonly #codec: ValueCodec<K>

  constructor(codec: ValueCodec<K>) {
    super()
    this.id = codec.id
    this.#codec = codec
  }

  encodeInto(value: unknown, target: Uint8Array, offset: number, role: Role): number {
    const bytes = encodeOwn(this.#codec, value, role)
    if (bytes.length > target.length - offset) return NO_ROOM
    target.set(bytes, offset)
    return bytes.length
  }

  decodeFrom(source: Uint8Array, offset: number, length: number): K {
    return decodeOwn(this.#codec, copyOut(source, offset, length), KEY)
  }

  decode(bytes: Uint8Array): K {
    return this.decodeFrom(bytes, 0, bytes.length)
  }
}

/** The codec as the engine uses it. Requires: the codec has passed `table()`'s checks. */
export function directKeyCodec<K>(codec: KeyCodec<K>): DirectKeyCodec<K> {
  return codec instanceof DirectKeyCodec ? (codec as DirectKeyCodec<K>) : new OwnKeyCodec(codec)
}

/** The codec as the engine uses it. Requires: the codec has passed `table()`'s checks. */
export function directValueCodec<V>(codec: ValueCodec<V>): DirectValueCodec<V> {
  return codec instanceof DirectValueCodec ? (codec as DirectValueCodec<V>) : new OwnValueCodec(codec)
}

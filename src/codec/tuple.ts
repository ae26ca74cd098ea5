import { DatabaseError } from '../base/errors.ts'
import { KEY_BYTES_MAX } from '../base/limits.ts'
import type { ByteBounds } from './direct-codec.ts'
import { DirectKeyCodec, NO_ROOM, successor } from './direct-codec.ts'
import type { KeyCodec } from './key-codec.ts'
import { directKeyCodec } from './own-codec.ts'
import type { Role } from './refusal.ts'
import { KEY, keyTooLarge, refuse } from './refusal.ts'
import type { Bytes } from './value-codec.ts'
import { checkCodec } from './check-codec.ts'

/**
 * The elements of a tuple stand one after the other, each so that its end can be told from its bytes:
 *
 *   fixed length (all scalars)    as they are
 *   a tuple                       its elements, with nothing around them
 *   any other                     00 becomes 01 01, 01 becomes 01 02, and 00 stands behind the last byte
 *
 * The end marker is below whatever can continue an element, so the order of the bytes is that of the elements, the first
 * ones before the later ones. And the encoding of the first n elements begins the encodings of exactly the tuples that
 * begin with them: a prefix is a range of keys. (Escaping 00 alone would need an end marker of two bytes, or one that
 * could be mistaken for an escape when the next element begins with FF.)
 */
const END = 0x00
const ESCAPE = 0x01

const MODE_FIXED = 0
const MODE_TUPLE = 1
const MODE_ESCAPED = 2

/** Escapes the `length` bytes at `offset` where they stand and ends them. Returns the new length, or NO_ROOM. */
function escapeInPlace(target: Uint8Array, offset: number, length: number): number {
  let extra = 0
  for (let i = 0; i < length; i++) if (target[offset + i]! <= ESCAPE) extra++
  const escaped = length + extra + 1
  if (escaped > target.length - offset) return NO_ROOM
  let to = offset + escaped
  target[--to] = END
  // From the back, so that no byte is overwritten before it has been moved. Nothing moves in front of the first escape.
  for (let from = offset + length - 1; to - 1 > from; from--) {
    const byte = target[from]!
    if (byte <= ESCAPE) {
      target[--to] = byte + 1
      target[--to] = ESCAPE
    } else target[--to] = byte
  }
  return escaped
}

/** The length of the escaped element at `offset`, without its end. */
function escapedLength(source: Uint8Array, offset: number, end: number): number {
  let at = offset
  while (at < end && source[at] !== END) at++
  return at - offset
}

/** The bytes of the escaped element at `offset` as they were, or undefined if nothing in them was escaped. */
function unescape(source: Uint8Array, offset: number, length: number): Bytes | undefined {
  const end = offset + length
  let at = offset
  while (at < end && source[at] !== ESCAPE) at++
  if (at === end) return undefined
  const bytes = new Uint8Array(length)
  let to = 0
  for (let from = offset; from < end; from++) {
    const byte = source[from]!
    bytes[to++] = byte === ESCAPE ? source[++from]! - 1 : byte
  }
  return bytes.subarray(0, to)
}

class TupleCodec extends DirectKeyCodec<readonly unknown[]> {
  readonly id: string
  override readonly fixedBytes: number
  override readonly foreign: boolean
  readonly #codecs: readonly DirectKeyCodec<unknown>[]
  readonly #modes: readonly number[]
  /** Where the element that was read last ended. */
  #at = 0

  constructor(codecs: readonly DirectKeyCodec<unknown>[]) {
    super()
    this.#codecs = codecs
    this.#modes = codecs.map(codec =>
      codec instanceof TupleCodec ? MODE_TUPLE : codec.fixedBytes > 0 ? MODE_FIXED : MODE_ESCAPED,
    )
    this.id = `tuple(${codecs.map(codec => codec.id).join(',')})`
    this.foreign = codecs.some(codec => codec.foreign)
    this.fixedBytes = codecs.every(codec => codec.fixedBytes > 0)
      ? codecs.reduce((sum, codec) => sum + codec.fixedBytes, 0)
      : 0
  }

  encodeInto(value: unknown, target: Uint8Array, offset: number, role: Role): number {
    if (!Array.isArray(value) || value.length !== this.#codecs.length) {
      return refuse(
        role,
        this.id,
        `an array of ${this.#codecs.length}`,
        value,
        'Give one element for each codec of the tuple.',
      )
    }
    return this.#encodeElements(value, target, offset, role)
  }

  #encodeElements(elements: readonly unknown[], target: Uint8Array, offset: number, role: Role): number {
    let at = offset
    let i = 0
    try {
      for (; i < elements.length; i++) {
        let length = this.#codecs[i]!.encodeInto(elements[i], target, at, role)
        if (length !== NO_ROOM && this.#modes[i] === MODE_ESCAPED) length = escapeInPlace(target, at, length)
        if (length === NO_ROOM) return NO_ROOM
        at += length
      }
    } catch (error) {
      if (!(error instanceof DatabaseError)) throw error
      throw new DatabaseError(error.code, `Element ${i} of the codec '${this.id}': ${error.message}`, { cause: error })
    }
    return at - offset
  }

  decodeFrom(source: Uint8Array, offset: number, length: number): readonly unknown[] {
    const end = offset + length
    const elements: unknown[] = []
    let at = offset
    for (let i = 0; i < this.#codecs.length; i++) {
      const codec = this.#codecs[i]!
      if (this.#modes[i] === MODE_ESCAPED) {
        const escaped = escapedLength(source, at, end)
        const bytes = unescape(source, at, escaped)
        elements.push(
          bytes === undefined ? codec.decodeFrom(source, at, escaped) : codec.decodeFrom(bytes, 0, bytes.length),
        )
        at += escaped + 1
      } else {
        elements.push(codec.decodeFrom(source, at, end - at))
        at = codec instanceof TupleCodec ? codec.#at : at + codec.fixedBytes
      }
    }
    if (at > end) throw new RangeError('the tuple ends early')
    this.#at = at
    return elements
  }

  override isPart(bound: unknown): boolean {
    return Array.isArray(bound) && bound.length < this.#codecs.length
  }

  override prefixBounds(prefix: unknown): ByteBounds {
    const count = this.#codecs.length
    if (!Array.isArray(prefix) || prefix.length === 0 || prefix.length > count) {
      return refuse(
        KEY,
        this.id,
        `an array of the first 1 to ${count} elements`,
        prefix,
        'Leave the bound out to mean every key.',
      )
    }
    const target = new Uint8Array(KEY_BYTES_MAX)
    const length = this.#encodeElements(prefix, target, 0, KEY)
    if (length === NO_ROOM) throw keyTooLarge(this.id)
    const start = target.slice(0, length)
    return { start, end: successor(start) }
  }

  decode(bytes: Uint8Array): readonly unknown[] {
    const refused = (): never =>
      refuse(this.role, this.id, 'the bytes of a tuple', bytes, 'Decode only what this codec has encoded.')
    let elements: readonly unknown[]
    try {
      elements = this.decodeFrom(bytes, 0, bytes.length)
    } catch {
      return refused()
    }
    return this.#at === bytes.length ? elements : refused()
  }
}

/**
 * Arrays with one codec for each element, in the order of the first element, then the second, and so on. The first
 * elements of a tuple can stand wherever a bound can.
 *
 * @example
 * const visits = table('visits', { key: tuple(utf8, timestamp), value: uint })
 * for (const [[page, time], count] of db.table(visits).range({ prefix: ['/home'] })) { ... }
 */
export function tuple<T extends readonly unknown[]>(
  ...codecs: { [I in keyof T]: KeyCodec<T[I]> }
): KeyCodec<Readonly<T>> {
  if (codecs.length === 0) {
    throw new DatabaseError('MANIFOLD_INVALID_ARGUMENT', 'tuple() needs at least one codec: tuple(utf8, uint).')
  }
  const direct = codecs.map((codec, i) => {
    checkCodec(codec, `argument ${i} of tuple()`, true)
    return directKeyCodec(codec as KeyCodec<unknown>)
  })
  return new TupleCodec(direct) as DirectKeyCodec<unknown> as KeyCodec<Readonly<T>>
}

import { compareBytes } from '../base/bytes.ts'
import { DatabaseError } from '../base/errors.ts'
import type { DirectKeyCodec } from '../codec/direct-codec.ts'
import { encodedKey } from '../codec/direct-codec.ts'
import type { Bytes } from '../codec/value-codec.ts'
import { checkProperties, refuseOption } from './durability.ts'

/**
 * Leading part of a key: a string or byte prefix, or the first elements of a tuple. `never` for scalars.
 */
export type Prefix<K> = K extends string | Uint8Array
  ? K
  : K extends readonly [...infer I, unknown]
    ? I extends readonly []
      ? never
      : Readonly<I> | Prefix<I>
    : never

/** What is taken where `K` is returned: any `Uint8Array` for bytes. */
export type In<K> = K | (K extends Uint8Array ? Uint8Array : never)

/**
 * Which keys: those that satisfy every bound given. In place of a tuple any bound takes its first elements: `gte` and
 * `lte` then include all tuples that begin with them, `gt` and `lt` none.
 */
export interface Bounds<K> {
  gt?: In<K> | Prefix<K>
  gte?: In<K> | Prefix<K>
  lt?: In<K> | Prefix<K>
  lte?: In<K> | Prefix<K>
  prefix?: Prefix<K>
}

export interface RangeOptions<K> extends Bounds<K> {
  /** From the last key to the first; the bounds stay as they are. Default: false. */
  reverse?: boolean
  /** The most entries. Default: Infinity. */
  limit?: number
  /** Entries to skip, after `reverse` and before `limit`. Default: 0. */
  offset?: number
}

/** Encoded keys from `start` on and before `end`; without an end, all from `start` on. */
export interface ByteRange {
  readonly start: Bytes
  readonly end: Bytes | undefined
  /** True if no key can lie between the bounds. */
  readonly empty: boolean
}

/** A range with its options; `empty` is also true where `limit` is 0. */
export interface ResolvedRange extends ByteRange {
  readonly reverse: boolean
  readonly limit: number
  readonly offset: number
}

const BOUNDS = ['gt', 'gte', 'lt', 'lte', 'prefix']
const RANGE_OPTIONS = [...BOUNDS, 'reverse', 'limit', 'offset']
const FIRST: Bytes = new Uint8Array(0)

/** A range that is narrowed by one bound after the other. */
class Narrowing<K> {
  start: Bytes = FIRST
  end: Bytes | undefined = undefined
  empty = false
  readonly #codec: DirectKeyCodec<K>

  constructor(codec: DirectKeyCodec<K>) {
    this.#codec = codec
  }

  /** Undefined: behind all keys. */
  from(start: Bytes | undefined): void {
    if (start === undefined) this.empty = true
    else if (compareBytes(start, this.start) > 0) this.start = start
  }

  /** Undefined: behind all keys. */
  to(end: Bytes | undefined): void {
    if (end !== undefined && (this.end === undefined || compareBytes(end, this.end) < 0)) this.end = end
  }

  /** The first byte string of a bound's keys. A part of a key is the first of those that begin with it. */
  first(bound: unknown): Bytes {
    return (
      (this.#codec.isPart(bound) ? this.#codec.prefixBounds(bound)?.start : undefined) ??
      encodedKey(this.#codec, bound, 0)
    )
  }

  /** The first byte string behind a bound's keys: behind a whole key that is the key with a zero byte. */
  behind(bound: unknown): Bytes | undefined {
    const part = this.#codec.isPart(bound) ? this.#codec.prefixBounds(bound) : undefined
    return part === undefined ? encodedKey(this.#codec, bound, 1) : part.end
  }

  prefix(prefix: unknown): void {
    const part = this.#codec.prefixBounds(prefix)
    if (part === undefined) {
      refuseOption(
        'prefix',
        'left out',
        prefix,
        `Keys of the codec '${this.#codec.id}' have no prefixes: use gte and lt.`,
      )
    }
    this.from(part.start)
    this.to(part.end)
  }

  range(): ByteRange {
    const { start, end } = this
    return { start, end, empty: this.empty || (end !== undefined && compareBytes(start, end) >= 0) }
  }
}

function narrow<K>(codec: DirectKeyCodec<K>, bounds: Bounds<K>): ByteRange {
  const narrowing = new Narrowing(codec)
  const { gt, gte, lt, lte, prefix } = bounds
  if (prefix !== undefined) narrowing.prefix(prefix)
  if (gte !== undefined) narrowing.from(narrowing.first(gte))
  if (gt !== undefined) narrowing.from(narrowing.behind(gt))
  if (lt !== undefined) narrowing.to(narrowing.first(lt))
  if (lte !== undefined) narrowing.to(narrowing.behind(lte))
  return narrowing.range()
}

/** Every key. */
export const WHOLE_RANGE: ResolvedRange = {
  start: FIRST,
  end: undefined,
  empty: false,
  reverse: false,
  limit: Infinity,
  offset: 0,
}

/** The byte range of `first`, `last`, `count`. */
export function resolveBounds<K>(codec: DirectKeyCodec<K>, bounds: Bounds<K> | undefined): ByteRange {
  if (bounds === undefined) return WHOLE_RANGE
  checkProperties('bounds', bounds, BOUNDS)
  return narrow(codec, bounds)
}

/**
 * The byte range of `deleteRange`, or undefined if no key can lie in it. There must be a bound: an object without one
 * would empty the table where somebody forgot to fill it in.
 */
export function deletionBounds<K>(codec: DirectKeyCodec<K>, bounds: Bounds<K>): ByteRange | undefined {
  checkProperties('bounds', bounds, BOUNDS)
  if (BOUNDS.every(name => bounds[name as keyof Bounds<K>] === undefined)) {
    throw new DatabaseError(
      'MANIFOLD_INVALID_ARGUMENT',
      `deleteRange needs a defined bound: one of ${BOUNDS.join(', ')}. Call clear() to delete every entry.`,
    )
  }
  const range = narrow(codec, bounds)
  return range.empty ? undefined : range
}

/** The byte range and options of `range`, `keys`, `values`, `scan`. */
export function resolveRange<K>(codec: DirectKeyCodec<K>, options: RangeOptions<K> | undefined): ResolvedRange {
  if (options === undefined) return WHOLE_RANGE
  checkProperties('options', options, RANGE_OPTIONS)
  const { reverse = false, limit = Infinity, offset = 0 } = options
  if (typeof reverse !== 'boolean') refuseOption('reverse', 'true or false', reverse)
  if (limit !== Infinity && !(Number.isSafeInteger(limit) && limit >= 0)) {
    refuseOption('limit', 'an integer of at least 0, or Infinity', limit)
  }
  if (!(Number.isSafeInteger(offset) && offset >= 0)) refuseOption('offset', 'an integer of at least 0', offset)
  const { start, end, empty } = narrow(codec, options)
  return { start, end, empty: empty || limit === 0, reverse, limit, offset }
}

import type { Entries } from './entries.ts'
import type { Bounds, In, RangeOptions } from './range.ts'

/** What every table can be asked. All reads are synchronous, and each sees one consistent state. */
export interface ReadTable<K, V> {
  /** The value, or undefined if the key is missing. */
  get(key: In<K>): V | undefined
  has(key: In<K>): boolean
  /** The values in the order of the keys, undefined for those that are missing; all from one state. */
  getMany(keys: Iterable<In<K>>): (V | undefined)[]
  /**
   * The entries between the bounds, in the order of their keys.
   *
   * @example
   * for (const [id, user] of users.range({ gte: 1, lt: 100, limit: 10 })) { ... }
   */
  range(options?: RangeOptions<K>): Entries<[key: K, value: V]>
  keys(options?: RangeOptions<K>): Entries<K>
  values(options?: RangeOptions<K>): Entries<V>
  /** The entry with the lowest key between the bounds. */
  first(options?: Bounds<K>): [key: K, value: V] | undefined
  /** The entry with the highest key between the bounds. */
  last(options?: Bounds<K>): [key: K, value: V] | undefined
  /** How many entries there are between the bounds. */
  count(options?: Bounds<K>): number
  /**
   * Calls `visit` with each entry until it returns false: the fastest way through many. Byte arrays that it passes are
   * valid during the call only.
   */
  scan(options: RangeOptions<K>, visit: (key: K, value: V) => void | false): void
}

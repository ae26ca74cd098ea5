import { Lender } from '../codec/copy-out.ts'
import type { DirectValueCodec } from '../codec/direct-codec.ts'
import { KEY, VALUE } from '../codec/refusal.ts'
import { decodeAlignedValue, decodeOwnedValue, decodeStored, lendStored } from '../codec/stored.ts'
import type { Bytes } from '../codec/value-codec.ts'
import type { Engine } from '../engine/engine.ts'
import type { EntryCursor } from '../engine/entry-cursor.ts'
import type { FamilyView } from '../engine/family.ts'
import type { ValuePlace } from '../engine/find.ts'
import { RangeWalk } from '../engine/range-walk.ts'
import { checkCallable, checkIterable } from './durability.ts'
import type { Entries } from './entries.ts'
import type { Cut } from './table-iterator.ts'
import { TableIterator } from './table-iterator.ts'
import type { Bounds, In, RangeOptions, ResolvedRange } from './range.ts'
import { resolveBounds, resolveRange } from './range.ts'
import type { TableShape } from './table-shape.ts'
import type { ReadTable } from './types.ts'

/** Where the value of the last lookup lies. */
const place: ValuePlace = { bytes: new Uint8Array(0), offset: 0, length: 0, owned: false, words: undefined }

/** The reads that tables of a family, of a transaction and of a snapshot share; they differ in what they see. */
export abstract class TableReads<K, V> implements ReadTable<K, V> {
  protected readonly engine: Engine
  protected readonly shape: TableShape<K, V>

  protected constructor(engine: Engine, shape: TableShape<K, V>) {
    this.engine = engine
    this.shape = shape
  }

  /** What a read at this moment sees of the family; undefined if there is no such family. Throws where reading is over. */
  protected abstract view(): FamilyView | undefined
  /** The same, kept for as long as an iterator needs it. */
  protected abstract cut(view: FamilyView): Cut

  /** The value of a key, or undefined if the table does not have it. Throws MANIFOLD_INVALID_KEY for a key of another type. */
  get(key: In<K>): V | undefined {
    return this.#find(key) ? decodePlace(this.shape.value) : undefined
  }

  /** True if the table has the key. */
  has(key: In<K>): boolean {
    return this.#find(key)
  }

  #find(key: unknown): boolean {
    const encoded = this.shape.encodeKey(key)
    const view = this.view()
    if (view === undefined) return false
    const entry = this.shape.find(view.tables)
    return entry !== undefined && this.engine.find(view, entry.id, encoded, place)
  }

  /** The values of several keys, in the order of the keys, from one cut. */
  getMany(keys: Iterable<In<K>>): (V | undefined)[] {
    const values: (V | undefined)[] = []
    checkIterable('keys', keys)
    // The caller's iterable runs to its end before the cut is taken: it may write.
    const list = [...keys]
    const view = this.view()
    const entry = view === undefined ? undefined : this.shape.find(view.tables)
    for (const key of list) {
      const encoded = this.shape.encodeKey(key)
      const found = entry !== undefined && this.engine.find(view!, entry.id, encoded, place)
      values.push(found ? decodePlace(this.shape.value) : undefined)
    }
    return values
  }

  /**
   * The entries within bounds, in the order of the keys (`reverse`: from the last to the first), as they are at this call.
   *
   * @example for (const [id, user] of users.range({ gte: 1, lt: 100, limit: 10 })) console.log(id, user.name)
   */
  range(options?: RangeOptions<K>): Entries<[key: K, value: V]> {
    const { key: keyCodec, value: valueCodec } = this.shape
    return this.#iterate(options, ({ cursor }) => {
      const key = decodeStored(keyCodec, KEY, cursor.keyBytes, cursor.keyOffset, cursor.keyLength)
      return [key, decodeValue(valueCodec, cursor)]
    })
  }

  /** The keys within bounds. */
  keys(options?: RangeOptions<K>): Entries<K> {
    const { key: keyCodec } = this.shape
    return this.#iterate(options, ({ cursor }) =>
      decodeStored(keyCodec, KEY, cursor.keyBytes, cursor.keyOffset, cursor.keyLength),
    )
  }

  /** The values within bounds, in the order of their keys. */
  values(options?: RangeOptions<K>): Entries<V> {
    const { value: valueCodec } = this.shape
    return this.#iterate(options, ({ cursor }) => decodeValue(valueCodec, cursor))
  }

  #iterate<T>(options: RangeOptions<K> | undefined, decode: (walk: RangeWalk) => T): Entries<T> {
    const plan = resolveRange(this.shape.key, options)
    const view = this.view()
    const entry = view === undefined ? undefined : this.shape.find(view.tables)
    if (entry === undefined || plan.empty) return new TableIterator(undefined, undefined, decode)
    const cut = this.cut(view!)
    const walk = new RangeWalk(this.engine.cursor(cut.pin.view, entry.id), plan)
    const iterator = new TableIterator(walk, cut, decode)
    this.engine.watch(iterator)
    return iterator
  }

  /** The first entry within bounds. */
  first(bounds?: Bounds<K>): [key: K, value: V] | undefined {
    return this.#entry({ ...resolveBounds(this.shape.key, bounds), reverse: false, limit: 1, offset: 0 })
  }

  /** The last entry within bounds. */
  last(bounds?: Bounds<K>): [key: K, value: V] | undefined {
    return this.#entry({ ...resolveBounds(this.shape.key, bounds), reverse: true, limit: 1, offset: 0 })
  }

  #entry(plan: ResolvedRange): [key: K, value: V] | undefined {
    const walk = this.#walk(plan)
    if (walk === undefined || !walk.advance()) return undefined
    const { cursor } = walk
    const { key: keyCodec, value: valueCodec } = this.shape
    const key = decodeStored(keyCodec, KEY, cursor.keyBytes, cursor.keyOffset, cursor.keyLength)
    return [key, decodeValue(valueCodec, cursor)]
  }

  /** How many entries there are within bounds. Looks at each key. */
  count(bounds?: Bounds<K>): number {
    const range = resolveBounds(this.shape.key, bounds)
    const walk = this.#walk({ ...range, reverse: false, limit: Infinity, offset: 0 })
    let count = 0
    if (walk !== undefined) while (walk.advance()) count++
    return count
  }

  /**
   * Calls `visit` with each entry within bounds until it returns false. The fastest way through many entries: byte arrays
   * that it passes are valid during the call only.
   */
  scan(options: RangeOptions<K>, visit: (key: K, value: V) => void | false): void {
    const { key: keyCodec, value: valueCodec } = this.shape
    checkCallable('visit', visit)
    const plan = resolveRange(keyCodec, options)
    const view = this.view()
    const entry = view === undefined ? undefined : this.shape.find(view.tables)
    if (entry === undefined || plan.empty) return
    const keyLender = new Lender()
    const valueLender = new Lender()
    // The callback may run for long and may write: the cut is pinned like an iterator's.
    const { pin, check } = this.cut(view!)
    try {
      const walk = new RangeWalk(this.engine.cursor(pin.view, entry.id), plan)
      const { cursor } = walk
      while (walk.advance()) {
        const key = lendStored(keyCodec, KEY, cursor.keyBytes, cursor.keyOffset, cursor.keyLength, keyLender)
        cursor.loadValue()
        const { valueBytes, valueOffset, valueLength } = cursor
        const value = lendStored(valueCodec, VALUE, valueBytes, valueOffset, valueLength, valueLender)
        if (visit(key, value) === false) return
        check()
      }
    } finally {
      pin.release()
    }
  }

  /** For reads that end within the call: nothing needs a pin, because nothing else runs meanwhile. */
  #walk(plan: ResolvedRange): RangeWalk | undefined {
    const view = this.view()
    const entry = view === undefined ? undefined : this.shape.find(view.tables)
    if (entry === undefined || plan.empty) return undefined
    return new RangeWalk(this.engine.cursor(view!, entry.id), plan)
  }
}

function decodePlace<V>(codec: DirectValueCodec<V>): V {
  if (place.owned) return decodeOwnedValue(codec, place.bytes as Bytes)
  if (place.words !== undefined) return decodeAlignedValue(codec, place.words, place.bytes, place.offset, place.length)
  return decodeStored(codec, VALUE, place.bytes, place.offset, place.length)
}

function decodeValue<V>(codec: DirectValueCodec<V>, cursor: EntryCursor): V {
  cursor.loadValue()
  if (cursor.valueOwned) return decodeOwnedValue(codec, cursor.valueBytes as Bytes)
  return decodeStored(codec, VALUE, cursor.valueBytes, cursor.valueOffset, cursor.valueLength)
}

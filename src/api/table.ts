import type { Engine } from '../engine/engine.ts'
import type { EngineTransaction } from '../engine/engine-transaction.ts'
import type { FamilyView, TableEntry } from '../engine/family.ts'
import type { ValuePlace } from '../engine/find.ts'
import { commitNow } from '../engine/single-commit.ts'
import type { EncodedKey } from '../shared/encoded-key.ts'
import type { ResolvedWriteOptions, WriteOptions } from './durability.ts'
import { checkCallable, checkEntry, checkIterable, resolveWriteOptions } from './durability.ts'
import type { Bounds, In } from './range.ts'
import { deletionBounds } from './range.ts'
import type { Cut } from './table-iterator.ts'
import { TableReads } from './table-reads.ts'
import type { KeptEntry, TableShape } from './table-shape.ts'
import { loadKey } from './table-shape.ts'
import { keyExists, newTransactionTable } from './transaction-table.ts'
import { begin } from './write.ts'

export let newTable: <K, V>(engine: Engine, family: string, shape: TableShape<K, V>) => Table<K, V>

/**
 * A table of a column family. Reads are synchronous and see what has become visible; each write is a transaction of its
 * own, and its promise resolves when that is visible and as durable as asked for. Keys and values are encoded before a
 * method returns, so the caller may change them afterwards.
 *
 * Writes reject with MANIFOLD_INVALID_KEY, MANIFOLD_INVALID_VALUE, MANIFOLD_KEY_TOO_LARGE, MANIFOLD_VALUE_TOO_LARGE,
 * MANIFOLD_TABLE_MISMATCH, MANIFOLD_NESTED_WRITE, MANIFOLD_NO_SPACE, MANIFOLD_POISONED, MANIFOLD_READ_ONLY,
 * MANIFOLD_ABORTED or MANIFOLD_CLOSED.
 *
 * @example
 * const users = table('users', { key: uint, value: json<{ name: string }>() })
 * await tenant.table(users).put(1, { name: 'Ada' })
 * tenant.table(users).get(1) // { name: 'Ada' }
 */
export class Table<K, V> extends TableReads<K, V> {
  readonly #family: string
  readonly #names: readonly string[]

  private constructor(engine: Engine, family: string, shape: TableShape<K, V>) {
    super(engine, shape)
    this.#family = family
    this.#names = [family]
  }

  static {
    newTable = (engine, family, shape) => new Table(engine, family, shape)
  }

  /** Sets the value of a key. */
  put(key: In<K>, value: In<V>, options?: WriteOptions): Promise<void> {
    try {
      const resolved = resolveWriteOptions(options, this.engine.defaults)
      const encoded = this.shape.encodeEntry(key, value)
      const { bytes, length } = this.shape.encodedValue
      const done = this.#commitNow(resolved, encoded, bytes, length)
      if (done !== undefined) return done
      const transaction = this.engine.beginNow(this.#names, resolved.signal)
      if (transaction === undefined) {
        const kept = { key: keepKey(encoded), value: this.shape.encodedValue.copy() }
        return this.#transact(resolved, late => this.#put(late, loadKey(kept.key), kept.value, kept.value.length))
      }
      try {
        this.#put(transaction, encoded, bytes, length)
      } catch (error) {
        return failed(transaction, error)
      }
      return transaction.commit(resolved.durability, nothing)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** Sets the values of many keys, in one transaction. */
  putMany(entries: Iterable<readonly [In<K>, In<V>]>, options?: WriteOptions): Promise<void> {
    try {
      const resolved = resolveWriteOptions(options, this.engine.defaults)
      const kept: KeptEntry[] = []
      checkIterable('entries', entries)
      for (const entry of entries) {
        checkEntry(entry)
        const [key, value] = entry
        const encoded = this.shape.encodeEntry(key, value)
        kept.push({ key: keepKey(encoded), value: this.shape.encodedValue.copy() })
      }
      return this.#transact(resolved, transaction => {
        for (const { key, value } of kept) this.#put(transaction, loadKey(key), value, value.length)
      })
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** Sets the value of a key that the table must not have; rejects with MANIFOLD_KEY_EXISTS if it does. */
  insert(key: In<K>, value: In<V>, options?: WriteOptions): Promise<void> {
    try {
      const resolved = resolveWriteOptions(options, this.engine.defaults)
      const encoded = this.shape.encodeEntry(key, value)
      const kept = { key: keepKey(encoded), value: this.shape.encodedValue.copy() }
      return this.#transact(resolved, transaction => {
        const writer = transaction.writers[0]!
        const entry = this.shape.find(writer.tables)
        const search = loadKey(kept.key)
        if (entry !== undefined && this.engine.find(writer.view(), entry.id, search, place))
          throw keyExists(this.shape.schema.name, key)
        this.#put(transaction, search, kept.value, kept.value.length)
      })
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /**
   * Sets the value to what `change` makes of the old one (undefined: there was none); undefined deletes the key. Resolves
   * with the new value. `change` runs while the family's lock is held and must be synchronous.
   */
  async update(
    key: In<K>,
    change: (old: V | undefined) => In<V> | undefined,
    options?: WriteOptions,
  ): Promise<V | undefined> {
    checkCallable('change', change)
    const ownKey = this.#ownKey(key)
    const resolved = resolveWriteOptions(options, this.engine.defaults)
    const transaction = await begin(this.engine, this.#names, resolved)
    let value: V | undefined
    try {
      value = newTransactionTable(this.engine, this.shape, transaction, transaction.writers[0]!).update(ownKey, change)
    } catch (error) {
      await transaction.abort()
      throw error
    }
    return transaction.commit(resolved.durability, () => value)
  }

  /** A copy that later changes of the caller's array or tuple do not reach. */
  #ownKey(key: In<K>): In<K> {
    const { bytes, length } = this.shape.encodeKey(key)
    return this.shape.key.decodeFrom(bytes, 0, length) as In<K>
  }

  /** Removes a key, if it is there. */
  delete(key: In<K>, options?: WriteOptions): Promise<void> {
    try {
      const resolved = resolveWriteOptions(options, this.engine.defaults)
      const encoded = this.shape.encodeKey(key)
      const done = this.#commitNow(resolved, encoded, undefined, 0)
      if (done !== undefined) return done
      const kept = keepKey(encoded)
      return this.#transact(resolved, transaction => {
        const entry = this.#present(transaction)
        if (entry !== undefined) transaction.delete(transaction.writers[0]!, entry, loadKey(kept))
      })
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** Removes the keys within bounds, of which at least one must be defined. Costs the same however many there are. */
  deleteRange(bounds: Bounds<K>, options?: WriteOptions): Promise<void> {
    try {
      const resolved = resolveWriteOptions(options, this.engine.defaults)
      const range = deletionBounds(this.shape.key, bounds)
      return this.#transact(resolved, transaction => {
        if (range !== undefined) this.#deleteRange(transaction, range.start, range.end)
      })
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** Removes all keys. */
  clear(options?: WriteOptions): Promise<void> {
    try {
      const resolved = resolveWriteOptions(options, this.engine.defaults)
      return this.#transact(resolved, transaction => this.#deleteRange(transaction, NO_BYTES, undefined))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** The way of most writes: one entry, no wait, nothing to be created. Undefined, with nothing done, where it is not so. */
  #commitNow(
    { durability, signal }: ResolvedWriteOptions,
    key: EncodedKey,
    value: Uint8Array | undefined,
    valueLength: number,
  ): Promise<void> | undefined {
    if (signal !== undefined) return undefined
    const family = this.engine.familyNow(this.#family)
    const entry = family === undefined ? undefined : this.shape.find(family.tables)
    return entry && commitNow(this.engine, family!, entry.id, key, value, valueLength, durability)
  }

  #put(transaction: EngineTransaction, key: EncodedKey, value: Uint8Array, valueLength: number): void {
    transaction.put(transaction.writers[0]!, this.#entry(transaction), key, value, valueLength)
  }

  #deleteRange(transaction: EngineTransaction, start: Uint8Array, end: Uint8Array | undefined): void {
    const entry = this.#present(transaction)
    if (entry !== undefined) transaction.deleteRange(transaction.writers[0]!, entry, start, end)
  }

  /** The table, if there is one: a deletion creates none. */
  #present(transaction: EngineTransaction): TableEntry | undefined {
    return this.shape.find(transaction.writers[0]!.tables)
  }

  #entry(transaction: EngineTransaction): TableEntry {
    return this.#present(transaction) ?? transaction.writers[0]!.ensureTable(this.shape.schema)
  }

  /** Takes its place in line at once; the change is made when its turn comes. */
  #transact(options: ResolvedWriteOptions, change: (transaction: EngineTransaction) => void): Promise<void> {
    const begun = begin(this.engine, this.#names, options)
    const act = (transaction: EngineTransaction): Promise<void> => {
      try {
        change(transaction)
      } catch (error) {
        return failed(transaction, error)
      }
      return transaction.commit(options.durability, nothing)
    }
    return begun instanceof Promise ? begun.then(act) : act(begun)
  }

  protected override view(): FamilyView | undefined {
    return this.engine.view(this.#family)
  }

  protected override cut(view: FamilyView): Cut {
    const { engine } = this
    return { pin: engine.pin(view), check: () => engine.assertOpen() }
  }
}

const NO_BYTES: Uint8Array = new Uint8Array(0)
const place: ValuePlace = { bytes: NO_BYTES, offset: 0, length: 0, owned: false, words: undefined }

function nothing(): void {}

function keepKey({ bytes, length }: EncodedKey): Uint8Array {
  return bytes.slice(0, length)
}

/** Aborts; rejects with `error` when all that the transaction could have read is visible. */
async function failed(transaction: EngineTransaction, error: unknown): Promise<never> {
  await transaction.abort()
  throw error
}

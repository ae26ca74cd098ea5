import { DatabaseError } from '../base/errors.ts'
import { describe } from '../codec/refusal.ts'
import type { Engine } from '../engine/engine.ts'
import type { EngineTransaction } from '../engine/engine-transaction.ts'
import type { FamilyView, TableEntry, Tables } from '../engine/family.ts'
import type { FamilyWriter } from '../engine/family-writer.ts'
import { checkCallable, checkEntry, checkIterable } from './durability.ts'
import type { Bounds, In } from './range.ts'
import { deletionBounds } from './range.ts'
import type { Cut } from './table-iterator.ts'
import { TableReads } from './table-reads.ts'
import type { TableShape } from './table-shape.ts'

export let newTransactionTable: <K, V>(
  engine: Engine,
  shape: TableShape<K, V>,
  transaction: EngineTransaction,
  writer: FamilyWriter,
) => TransactionTable<K, V>

/**
 * A table inside a write transaction: it reads what the transaction has written, and its writes are synchronous. Every
 * method throws MANIFOLD_CLOSED once the transaction has ended.
 */
export class TransactionTable<K, V> extends TableReads<K, V> {
  readonly #transaction: EngineTransaction
  readonly #writer: FamilyWriter
  /** The catalog that was looked at last, and what it had. */
  #tables: Tables | undefined
  #found: TableEntry | undefined

  private constructor(engine: Engine, shape: TableShape<K, V>, transaction: EngineTransaction, writer: FamilyWriter) {
    super(engine, shape)
    this.#transaction = transaction
    this.#writer = writer
  }

  static {
    newTransactionTable = (engine, shape, transaction, writer) =>
      new TransactionTable(engine, shape, transaction, writer)
  }

  /** Sets the value of a key. */
  put(key: In<K>, value: In<V>): void {
    const encodedKey = this.shape.encodeEntry(key, value)
    const { bytes, length } = this.shape.encodedValue
    this.#transaction.put(this.#writer, this.#entry(), encodedKey, bytes, length)
  }

  /** Sets the values of many keys. */
  putMany(entries: Iterable<readonly [In<K>, In<V>]>): void {
    checkIterable('entries', entries)
    for (const entry of entries) {
      checkEntry(entry)
      this.put(entry[0], entry[1])
    }
  }

  /** Sets the value of a key that the table must not have; throws MANIFOLD_KEY_EXISTS if it does. */
  insert(key: In<K>, value: In<V>): void {
    if (this.has(key)) throw keyExists(this.shape.schema.name, key)
    this.put(key, value)
  }

  /** Sets the value to what `change` makes of the old one (undefined: there was none); undefined deletes the key. Returns the new value. */
  update(key: In<K>, change: (old: V | undefined) => In<V> | undefined): V | undefined {
    checkCallable('change', change)
    const value: unknown = change(this.get(key))
    refusePromise(value, 'update')
    if (value === undefined) this.delete(key)
    else this.put(key, value as In<V>)
    return value as V | undefined
  }

  /** Removes a key, if it is there. */
  delete(key: In<K>): void {
    const encodedKey = this.shape.encodeKey(key)
    const entry = this.#present()
    if (entry !== undefined) this.#transaction.delete(this.#writer, entry, encodedKey)
  }

  /** Removes the keys within bounds, of which at least one must be defined. Costs the same however many there are. */
  deleteRange(bounds: Bounds<K>): void {
    const range = deletionBounds(this.shape.key, bounds)
    const entry = this.#present()
    if (entry !== undefined && range !== undefined)
      this.#transaction.deleteRange(this.#writer, entry, range.start, range.end)
  }

  /** Removes all keys. */
  clear(): void {
    const entry = this.#present()
    if (entry !== undefined) this.#transaction.deleteRange(this.#writer, entry, NO_BYTES, undefined)
  }

  /** The table, if there is one: a deletion creates none. */
  #present(): TableEntry | undefined {
    if (!this.#transaction.isOpen) throw transactionEnded()
    const { tables } = this.#writer
    // A catalog is never changed, only replaced: the same one gives the same entry.
    if (tables !== this.#tables) {
      this.#found = this.shape.find(tables)
      this.#tables = tables
    }
    return this.#found
  }

  #entry(): TableEntry {
    return this.#present() ?? this.#writer.ensureTable(this.shape.schema)
  }

  protected override view(): FamilyView {
    if (!this.#transaction.isOpen) throw transactionEnded()
    return this.#writer.view()
  }

  /** The cut is the arena's end as it is now; entries behind it are younger than the iterator. */
  protected override cut(view: FamilyView): Cut {
    const transaction = this.#transaction
    const { epoch } = transaction
    const pin = this.engine.pin({ ...view, activeLimit: view.active?.arena.end ?? 0 })
    const check = (): void => {
      if (!transaction.isOpen) throw transactionEnded()
      if (transaction.epoch !== epoch) {
        throw new DatabaseError(
          'MANIFOLD_CLOSED',
          'The transaction was rolled back while the iterator was open: start a new one.',
        )
      }
    }
    return { pin, check }
  }
}

const NO_BYTES: Uint8Array = new Uint8Array(0)

export function transactionEnded(): DatabaseError {
  return new DatabaseError('MANIFOLD_CLOSED', 'The transaction has ended: begin a new one.')
}

export function keyExists(table: string, key: unknown): DatabaseError {
  return new DatabaseError(
    'MANIFOLD_KEY_EXISTS',
    `The table '${table}' has the key ${describe(key)} already; nothing was changed. Use put() to overwrite, or another key.`,
  )
}

/** A body or change that must be synchronous has returned a promise. Its rejection, if it comes to one, is nobody's. */
export function refusePromise(value: unknown, method: string): void {
  if (typeof value !== 'object' || value === null || typeof (value as { then?: unknown }).then !== 'function') return
  ;(value as Promise<unknown>).then(undefined, () => {})
  throw new DatabaseError(
    'MANIFOLD_INVALID_ARGUMENT',
    `The function given to ${method}() returned a promise, but it must be synchronous; nothing was written. Use write() for an asynchronous body.`,
  )
}

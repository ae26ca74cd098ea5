import { refuseOption, resolveWriteOptions } from './durability.ts'
import type { ResolvedWriteOptions, WriteOptions } from './durability.ts'
import type { TableDefinition } from '../codec/table.ts'
import type { Engine } from '../engine/engine.ts'
import type { EngineTransaction } from '../engine/engine-transaction.ts'
import { dropTable } from '../engine/schema-change.ts'
import type { ColumnFamilyStats } from '../engine/stats.ts'
import { columnFamilyStats } from '../engine/stats.ts'
import { ownFamily } from './family-owner.ts'
import type { Table } from './table.ts'
import { newTable } from './table.ts'
import { TableShape } from './table-shape.ts'
import type { Transaction } from './transaction.ts'
import { FamilyBody, WriteTransaction } from './transaction.ts'
import { begin, nestedWrite, write, writeSync } from './write.ts'

/** `never` for promises: the body of a synchronous write cannot return one. */
export type Sync<R> = R extends PromiseLike<unknown> ? never : unknown

interface OpenTable {
  readonly shape: TableShape<unknown, unknown>
  readonly table: Table<unknown, unknown>
}

export let newColumnFamily: (engine: Engine, name: string) => ColumnFamily
export let engineOf: (family: ColumnFamily) => Engine

/**
 * A column family: a set of tables with a write lock of its own. The handle is its name; the family exists from its first
 * write on, and a write after a drop creates it anew.
 *
 * @example
 * const tenant = db.columnFamily('tenant-7')
 * await tenant.write(txn => {
 *   txn.table(users).put(2, { name: 'Grace' })
 *   txn.table(audit).put(Date.now(), 'hired')
 * })
 */
export class ColumnFamily {
  readonly name: string
  readonly #engine: Engine
  readonly #names: readonly string[]
  /** Weak: definitions may be made by the call, and must not pile up here. */
  readonly #tables: WeakMap<object, OpenTable> = new WeakMap()
  readonly #make: (transaction: EngineTransaction) => FamilyBody

  private constructor(engine: Engine, name: string) {
    this.name = name
    this.#engine = engine
    this.#names = [name]
    this.#make = transaction => new FamilyBody(engine, transaction)
    ownFamily(this, engine)
  }

  static {
    newColumnFamily = (engine, name) => new ColumnFamily(engine, name)
    engineOf = family => family.#engine
  }

  /** The table of the definition. Throws MANIFOLD_TABLE_MISMATCH if the family has one of that name with other codecs. */
  table<K, V>(definition: TableDefinition<K, V>): Table<K, V> {
    const view = this.#engine.view(this.name)
    let open = this.#tables.get(definition)
    if (open === undefined) {
      const shape = new TableShape(definition)
      const table = newTable(this.#engine, this.name, shape)
      open = { shape, table } as unknown as OpenTable
      this.#tables.set(definition, open)
    }
    if (view !== undefined) open.shape.find(view.tables)
    return open.table as unknown as Table<K, V>
  }

  /** The names of the tables that have been written to, sorted. */
  tables(): string[] {
    this.#engine.assertOpen()
    return [...(this.#engine.view(this.name)?.tables.keys() ?? [])].sort()
  }

  /** Removes a table with all its entries, durably. Rejects with MANIFOLD_NO_SUCH_TABLE. Waits for the family's lock. */
  async dropTable(table: string | { readonly name: string }): Promise<void> {
    const name: unknown = typeof table === 'string' ? table : table?.name
    if (typeof name !== 'string') refuseOption('table', 'the name or the definition of a table', table)
    const nested = nestedWrite(this.#engine, this.#names)
    if (nested !== undefined) throw nested
    await dropTable(this.#engine, this.name, name)
  }

  /**
   * One transaction: runs the body, which may be asynchronous, while the family's lock is held, and commits. Resolves with
   * the body's result. If the body throws, nothing has happened.
   */
  async write<R>(body: (txn: Transaction) => R, options?: WriteOptions): Promise<Awaited<R>> {
    checkBody(body)
    return write(this.#engine, this.#names, this.#make, body, this.#resolve(options))
  }

  /** The same on the caller's thread: returns when the commit is as durable as asked for. Throws MANIFOLD_BUSY where it would have to wait for a lock. */
  writeSync<R>(body: (txn: Transaction) => R & Sync<R>, options?: WriteOptions): R {
    checkBody(body)
    return writeSync<FamilyBody, R>(this.#engine, this.#names, this.#make, body, this.#resolve(options))
  }

  /** A transaction that the caller ends with `commit` or `abort`; until then it holds the family's lock. */
  async beginWrite(options?: WriteOptions): Promise<WriteTransaction> {
    const resolved = this.#resolve(options)
    return new WriteTransaction(this.#engine, await begin(this.#engine, this.#names, resolved), resolved.durability)
  }

  #resolve(options: WriteOptions | undefined): ResolvedWriteOptions {
    return resolveWriteOptions(options, this.#engine.defaults)
  }

  /** What the family holds in memory and in the data file. */
  stats(): ColumnFamilyStats {
    this.#engine.assertOpen()
    return columnFamilyStats(this.#engine, this.name)
  }
}

export function checkBody(body: unknown): void {
  if (typeof body !== 'function') refuseOption('body', 'a function that is given the transaction', body)
}

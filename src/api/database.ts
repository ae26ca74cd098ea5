import { checkName } from '../codec/check-name.ts'
import type { TableDefinition } from '../codec/table.ts'
import type { Engine } from '../engine/engine.ts'
import type { EngineTransaction } from '../engine/engine-transaction.ts'
import { openEngine } from '../engine/open-engine.ts'
import { dropFamily, renameFamily } from '../engine/schema-change.ts'
import type { DatabaseStats } from '../engine/stats.ts'
import { databaseStats } from '../engine/stats.ts'
import type { Platform } from '../platform/platform.ts'
import type { VerifyReport } from '../verify/report.ts'
import type { Sync } from './column-family.ts'
import { checkBody, ColumnFamily, engineOf, newColumnFamily } from './column-family.ts'
import type { WriteOptions } from './durability.ts'
import { refuseOption, resolveWriteOptions } from './durability.ts'
import { FamilyHandles } from './family-handles.ts'
import type { OpenOptions } from './options.ts'
import { resolveOptions } from './options.ts'
import { Snapshot } from './snapshot.ts'
import type { Table } from './table.ts'
import type { FamiliesTransaction, Transaction, WriteTransaction } from './transaction.ts'
import { FamiliesBody, FamiliesWriteTransaction } from './transaction.ts'
import type { VerifyOptions } from './verify.ts'
import { verify } from './verify.ts'
import { begin, nestedWrite, write, writeSync } from './write.ts'

/** The family that a database's own tables and transactions belong to. */
const DEFAULT_FAMILY = 'default'

let platform: Platform | undefined

/** Sets what databases run on that are opened from now on, and returns what they ran on before: called by entry points. */
export function usePlatform(chosen: Platform): Platform | undefined {
  const before = platform
  platform = chosen
  return before
}

/**
 * An open database. One process at a time can have it open, once; a second open fails with MANIFOLD_LOCKED.
 *
 * It has everything that a column family has, for the family `default`.
 *
 * @example
 * const db = await Database.open('app.manifold')
 * await db.table(users).put(1, { name: 'Ada' })
 * await db.close()
 */
export class Database {
  readonly #engine: Engine
  readonly #default: ColumnFamily
  readonly #families: FamilyHandles = new FamilyHandles()

  private constructor(engine: Engine) {
    this.#engine = engine
    this.#default = this.columnFamily(DEFAULT_FAMILY)
  }

  /**
   * Opens the database in the file at `path`, and creates it if there is none. Rejects with MANIFOLD_LOCKED,
   * MANIFOLD_NOT_FOUND, MANIFOLD_EXISTS, MANIFOLD_NOT_A_DATABASE, MANIFOLD_VERSION, MANIFOLD_CORRUPTION, MANIFOLD_LOG_MISSING,
   * MANIFOLD_PERMISSION, MANIFOLD_READ_ONLY, MANIFOLD_NO_SPACE, MANIFOLD_NO_HANDLES, MANIFOLD_ABORTED or
   * MANIFOLD_INVALID_ARGUMENT. What the database holds is then as it was; a lock file that nobody holds may be left beside it,
   * and where there was none, an empty database.
   */
  static async open(path: string, options?: OpenOptions): Promise<Database> {
    if (typeof path !== 'string' || path === '' || path.includes('\0')) refuseOption('path', 'the path of a file', path)
    const resolved = resolveOptions(options)
    return new Database(await openEngine(path, resolved, platform!))
  }

  /** The family of that name, which need not exist yet. */
  columnFamily(name: string): ColumnFamily {
    let family = this.#families.get(name)
    if (family === undefined) {
      checkName('column family', name)
      family = newColumnFamily(this.#engine, name)
      this.#families.add(name, family)
    }
    return family
  }

  /** The names of the families that exist, sorted. */
  columnFamilies(): string[] {
    this.#engine.assertOpen()
    return this.#engine.families.visibleNames()
  }

  /** Removes a family with all its tables, atomically and durably. Rejects with MANIFOLD_NO_SUCH_FAMILY. Waits for its lock. */
  async dropColumnFamily(name: string): Promise<void> {
    checkName('column family', name)
    this.#refuseNested([name])
    await dropFamily(this.#engine, name)
  }

  /** Renames a family, atomically and durably. Rejects with MANIFOLD_NO_SUCH_FAMILY or MANIFOLD_FAMILY_EXISTS. Waits for both locks. */
  async renameColumnFamily(from: string, to: string): Promise<void> {
    checkName('column family', from)
    checkName('column family', to)
    this.#refuseNested([from, to])
    await renameFamily(this.#engine, from, to)
  }

  #refuseNested(names: readonly string[]): void {
    const nested = nestedWrite(this.#engine, names)
    if (nested !== undefined) throw nested
  }

  /** A table of the family `default`. */
  table<K, V>(definition: TableDefinition<K, V>): Table<K, V> {
    return this.#default.table(definition)
  }

  /** The tables of the family `default`. */
  tables(): string[] {
    return this.#default.tables()
  }

  /** Removes a table of the family `default`. */
  dropTable(table: string | { readonly name: string }): Promise<void> {
    return this.#default.dropTable(table)
  }

  /** One transaction over several families, atomic across them; or over the family `default`. See `ColumnFamily.write`. */
  write<R>(
    families: readonly ColumnFamily[],
    body: (txn: FamiliesTransaction) => R,
    options?: WriteOptions,
  ): Promise<Awaited<R>>
  write<R>(body: (txn: Transaction) => R, options?: WriteOptions): Promise<Awaited<R>>
  async write<R>(
    first: readonly ColumnFamily[] | ((txn: Transaction) => R),
    second?: ((txn: FamiliesTransaction) => R) | WriteOptions,
    third?: WriteOptions,
  ): Promise<Awaited<R>> {
    if (typeof first === 'function') return this.#default.write(first, second as WriteOptions | undefined)
    const body = second as (txn: FamiliesTransaction) => R
    checkBody(body)
    const options = resolveWriteOptions(third, this.#engine.defaults)
    return write(this.#engine, this.#names(first), this.#make, body, options)
  }

  /** The same on the caller's thread. See `ColumnFamily.writeSync`. */
  writeSync<R>(
    families: readonly ColumnFamily[],
    body: (txn: FamiliesTransaction) => R & Sync<R>,
    options?: WriteOptions,
  ): R
  writeSync<R>(body: (txn: Transaction) => R & Sync<R>, options?: WriteOptions): R
  writeSync<R>(
    first: readonly ColumnFamily[] | ((txn: Transaction) => R & Sync<R>),
    second?: ((txn: FamiliesTransaction) => R & Sync<R>) | WriteOptions,
    third?: WriteOptions,
  ): R {
    if (typeof first === 'function') return this.#default.writeSync(first, second as WriteOptions | undefined)
    const body = second as (txn: FamiliesTransaction) => R & Sync<R>
    checkBody(body)
    const options = resolveWriteOptions(third, this.#engine.defaults)
    return writeSync<FamiliesBody, R>(this.#engine, this.#names(first), this.#make, body, options)
  }

  /** A transaction that the caller ends. See `ColumnFamily.beginWrite`. */
  beginWrite(families: readonly ColumnFamily[], options?: WriteOptions): Promise<FamiliesWriteTransaction>
  beginWrite(options?: WriteOptions): Promise<WriteTransaction>
  async beginWrite(
    first?: readonly ColumnFamily[] | WriteOptions,
    second?: WriteOptions,
  ): Promise<FamiliesWriteTransaction | WriteTransaction> {
    if (!Array.isArray(first)) return this.#default.beginWrite(first as WriteOptions | undefined)
    const options = resolveWriteOptions(second, this.#engine.defaults)
    const transaction = await begin(this.#engine, this.#names(first as readonly ColumnFamily[]), options)
    return new FamiliesWriteTransaction(this.#engine, transaction, options.durability)
  }

  readonly #make = (transaction: EngineTransaction): FamiliesBody => new FamiliesBody(this.#engine, transaction)

  /** The names in the order in which locks are taken. */
  #names(families: readonly ColumnFamily[]): string[] {
    if (!Array.isArray(families) || families.length === 0) {
      refuseOption('families', 'an array of at least one column family', families, 'Take them from columnFamily().')
    }
    for (const family of families as readonly unknown[]) {
      if (!(family instanceof ColumnFamily) || engineOf(family) !== this.#engine) {
        refuseOption('each of families', 'a column family of this database', family, 'Take it from columnFamily().')
      }
    }
    return [...new Set(families.map(({ name }) => name))].sort()
  }

  /** One consistent cut across all families. Close it when it is no longer needed. */
  snapshot(): Snapshot {
    return new Snapshot(this.#engine, this.#engine.snapshot(), DEFAULT_FAMILY)
  }

  /** Resolves when all that was committed before the call is on the disk. */
  async sync(): Promise<void> {
    await this.#engine.sync()
  }

  /** Writes all that was committed before the call into the data file and frees the log before it. */
  async checkpoint(): Promise<void> {
    await this.#engine.checkpoint()
  }

  /** Counters since the database was opened, and what it holds now. */
  stats(): DatabaseStats {
    this.#engine.assertOpen()
    return databaseStats(this.#engine)
  }

  /**
   * Reads and checks everything that is on the disk: every page of the data file, its accounts of free pages, and the log
   * behind it. The database stays in use meanwhile. Resolves with what was found, damage included; rejects with
   * MANIFOLD_ABORTED or MANIFOLD_CLOSED. What is in memory only is not looked at: `checkpoint` brings it to the file.
   *
   * @example
   * const { ok, problems } = await db.verify({ onProgress: ({ pages, totalPages }) => console.log(pages / totalPages) })
   * if (!ok) for (const { table, error } of problems) console.error(table, error.message)
   */
  async verify(options?: VerifyOptions): Promise<VerifyReport> {
    return verify(this.#engine, options)
  }

  /**
   * Finishes commits that have begun, aborts open transactions, ends snapshots, and writes everything into the data file,
   * so that the next open has nothing to replay. Idempotent.
   */
  async close(): Promise<void> {
    await this.#engine.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

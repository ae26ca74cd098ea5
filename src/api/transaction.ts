import { DatabaseError } from '../base/errors.ts'
import type { Commit as EngineCommit } from '../engine/commit.ts'
import type { Engine } from '../engine/engine.ts'
import type { Durability, EngineTransaction } from '../engine/engine-transaction.ts'
import type { FamilyWriter } from '../engine/family-writer.ts'
import type { TableDefinition } from '../codec/table.ts'
import type { NamedFamily } from './family-owner.ts'
import { nameOf } from './family-owner.ts'
import { TableShape } from './table-shape.ts'
import type { TransactionTable } from './transaction-table.ts'
import { newTransactionTable, transactionEnded } from './transaction-table.ts'

declare const savepoint: unique symbol
/** A point in a transaction to which it can be rolled back. */
export interface Savepoint {
  readonly [savepoint]: true
}

/** One family inside a transaction. */
export interface FamilyTransaction {
  /** The table inside the transaction; created by the first write to it. Throws MANIFOLD_TABLE_MISMATCH. */
  table<K, V>(definition: TableDefinition<K, V>): TransactionTable<K, V>
}

/** What a transaction's body over several families gets. */
export interface FamiliesTransaction {
  /** One of the families that the transaction was begun with; throws MANIFOLD_INVALID_ARGUMENT for any other. */
  family(family: NamedFamily): FamilyTransaction
  savepoint(): Savepoint
  /** Takes back everything since the savepoint, which can be rolled back to again; later savepoints cannot. */
  rollbackTo(to: Savepoint): void
}

/** What a transaction's body over one family gets. */
export interface Transaction extends FamiliesTransaction, FamilyTransaction {}

/** What `commit` resolves with. */
export interface Commit {
  /** The commit's number in the database's one order; 0 if it wrote nothing. */
  readonly sequence: number
  /** Resolves when the commit would survive a power cut. Never unhandled, if nobody listens. */
  readonly durable: Promise<void>
}

class FamilyScope implements FamilyTransaction {
  readonly #engine: Engine
  readonly #core: EngineTransaction
  readonly #writer: FamilyWriter
  readonly #tables: Map<object, TransactionTable<unknown, unknown>> = new Map()

  constructor(engine: Engine, core: EngineTransaction, writer: FamilyWriter) {
    this.#engine = engine
    this.#core = core
    this.#writer = writer
  }

  table<K, V>(definition: TableDefinition<K, V>): TransactionTable<K, V> {
    if (!this.#core.isOpen) throw transactionEnded()
    let table = this.#tables.get(definition)
    if (table === undefined) {
      const shape = new TableShape(definition)
      shape.find(this.#writer.tables)
      table = newTransactionTable(this.#engine, shape, this.#core, this.#writer) as unknown as TransactionTable<
        unknown,
        unknown
      >
      this.#tables.set(definition, table)
    }
    return table as unknown as TransactionTable<K, V>
  }
}

/** The transaction that a body over several families gets. */
export class FamiliesBody implements FamiliesTransaction {
  protected readonly engine: Engine
  protected readonly core: EngineTransaction
  readonly #scopes: (FamilyScope | undefined)[] = []
  readonly #savepoints: Map<Savepoint, number> = new Map()

  constructor(engine: Engine, core: EngineTransaction) {
    this.engine = engine
    this.core = core
  }

  family(family: NamedFamily): FamilyTransaction {
    if (!this.core.isOpen) throw transactionEnded()
    const wanted = nameOf(family, this.engine)
    const at = this.core.names.indexOf(wanted)
    if (at < 0) {
      throw new DatabaseError(
        'MANIFOLD_INVALID_ARGUMENT',
        `The transaction was begun with ${this.core.names.map(name => `'${name}'`).join(', ')} and not with '${wanted}': list every family that it writes to or reads.`,
      )
    }
    return this.scope(at)
  }

  protected scope(at: number): FamilyScope {
    return (this.#scopes[at] ??= new FamilyScope(this.engine, this.core, this.core.writers[at]!))
  }

  savepoint(): Savepoint {
    if (!this.core.isOpen) throw transactionEnded()
    const point = {} as Savepoint
    this.#savepoints.set(point, this.core.savepoint())
    return point
  }

  rollbackTo(to: Savepoint): void {
    if (!this.core.isOpen) throw transactionEnded()
    const mark = this.#savepoints.get(to)
    if (mark === undefined) {
      throw new DatabaseError(
        'MANIFOLD_INVALID_ARGUMENT',
        'The savepoint is not one of this transaction, or a rollback to an earlier one has ended it: take a new savepoint.',
      )
    }
    this.core.rollbackTo(mark)
    for (const [point, other] of this.#savepoints) if (other > mark) this.#savepoints.delete(point)
  }
}

/** The transaction that a body over one family gets. */
export class FamilyBody extends FamiliesBody implements Transaction {
  table<K, V>(definition: TableDefinition<K, V>): TransactionTable<K, V> {
    return this.scope(0).table(definition)
  }
}

function commitOf(engine: Engine, core: EngineTransaction, durability: Durability): Promise<Commit> {
  if (!core.isOpen) return Promise.reject(transactionEnded())
  return core.commit(durability, commit => new CommitResult(engine, commit))
}

class CommitResult implements Commit {
  readonly sequence: number
  readonly #engine: Engine
  readonly #position: number

  constructor(engine: Engine, commit: EngineCommit | undefined) {
    this.#engine = engine
    this.sequence = commit?.sequence ?? 0
    this.#position = commit?.position ?? 0
  }

  get durable(): Promise<void> {
    const promise = this.#engine.durable(this.#position)
    promise.catch(() => {})
    return promise
  }
}

function disposal(core: EngineTransaction): Promise<void> {
  return core.abort() ?? Promise.resolve()
}

/** A transaction over several families that its caller ends. One that is disposed of before it was committed is aborted. */
export class FamiliesWriteTransaction extends FamiliesBody implements Disposable, AsyncDisposable {
  readonly #durability: Durability

  constructor(engine: Engine, core: EngineTransaction, durability: Durability) {
    super(engine, core)
    this.#durability = durability
  }

  /** Commits; resolves when the commit is visible and as durable as asked for. Rejects with MANIFOLD_CLOSED after the end. */
  commit(): Promise<Commit> {
    return commitOf(this.engine, this.core, this.#durability)
  }

  /** Takes everything back. Does nothing after the end. */
  abort(): void {
    disposal(this.core).catch(() => {})
  }

  [Symbol.dispose](): void {
    this.abort()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return disposal(this.core)
  }
}

/** A transaction over one family that its caller ends. One that is disposed of before it was committed is aborted. */
export class WriteTransaction extends FamilyBody implements Disposable, AsyncDisposable {
  readonly #durability: Durability

  constructor(engine: Engine, core: EngineTransaction, durability: Durability) {
    super(engine, core)
    this.#durability = durability
  }

  /** Commits; resolves when the commit is visible and as durable as asked for. Rejects with MANIFOLD_CLOSED after the end. */
  commit(): Promise<Commit> {
    return commitOf(this.engine, this.core, this.#durability)
  }

  /** Takes everything back. Does nothing after the end. */
  abort(): void {
    disposal(this.core).catch(() => {})
  }

  [Symbol.dispose](): void {
    this.abort()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return disposal(this.core)
  }
}

import { DatabaseError } from '../base/errors.ts'
import { ArenaMemtable } from '../memtable/arena-memtable.ts'
import type { Memtable } from '../memtable/memtable.ts'
import type { GenerationPins } from '../mvcc/generation-pins.ts'
import type { PageCache } from '../pager/page-cache.ts'
import type { Pager } from '../pager/pager.ts'
import type { Clock } from '../platform/clock.ts'
import type { WatchCollection } from '../platform/collection.ts'
import type { Context } from '../platform/context.ts'
import type { FileSystem } from '../platform/file-system.ts'
import type { ChunkPool } from '../shared/chunk-pool.ts'
import type { Journal } from '../wal/journal.ts'
import type { CheckpointCounters, Checkpointer } from './checkpoint.ts'
import type { ColumnFamilies } from './column-families.ts'
import type { CommitPipeline } from './commit-pipeline.ts'
import type { Diagnostics } from './diagnostics.ts'
import type { Durability, TransactionHost } from './engine-transaction.ts'
import { EngineTransaction } from './engine-transaction.ts'
import type { WaitSignal } from './family-locks.ts'
import { abortedError, FamilyLocks } from './family-locks.ts'
import type { Family, FamilyView } from './family.ts'
import type { WriterHost } from './family-writer.ts'
import { FamilyWriter } from './family-writer.ts'
import type { EncodedKey } from '../shared/encoded-key.ts'
import type { EntryCursor } from './entry-cursor.ts'
import type { ValuePlace } from './find.ts'
import type { MemoryBudget } from './memory-budget.ts'
import type { Reader } from './reader.ts'
import type { OpenRead, PinHolder } from './open-reads.ts'
import { OpenReads, pinnedBytes } from './open-reads.ts'
import { Pin } from './pin.ts'
import { EngineSnapshot } from './snapshot.ts'

/** The database's life. Reads are possible while it is `open`; writes, unless the log has failed or it is `read-only`. */
export type EngineState = 'open' | 'closing' | 'closed'

/** What `open-engine.ts` puts together. */
export interface EngineParts {
  readonly path: string
  readonly readOnly: boolean
  readonly families: ColumnFamilies
  readonly pipeline: CommitPipeline
  readonly journal: Journal
  readonly pager: Pager
  readonly pins: GenerationPins
  readonly pool: ChunkPool
  readonly reader: Reader
  readonly budget: MemoryBudget
  readonly context: Context
  readonly clock: Clock
  readonly fileSystem: FileSystem
  readonly diagnostics: Diagnostics
  readonly watchCollection: WatchCollection | undefined
  readonly traceSnapshots: boolean
  /** Never throws. */
  readonly onBackgroundError: (error: DatabaseError) => void
  /** Of transactions that say nothing else. */
  readonly durability: Durability
  readonly withoutLog: boolean
  /** Gives back the lock and the files. */
  readonly release: () => void
}

/** One open database, without types: keys and values are bytes, tables are names. */
export class Engine implements TransactionHost, WriterHost {
  readonly families: ColumnFamilies
  readonly pipeline: CommitPipeline
  readonly journal: Journal
  readonly pager: Pager
  readonly budget: MemoryBudget
  readonly pins: GenerationPins
  readonly diagnostics: Diagnostics
  /** Write options that a caller leaves out. */
  readonly defaults: { readonly durability: Durability; readonly signal: undefined }
  readonly makeDurable: (() => Promise<void>) | undefined
  readonly #parts: EngineParts
  readonly #reader: Reader
  readonly #locks: FamilyLocks = new FamilyLocks()
  readonly #transactions: Set<EngineTransaction> = new Set()
  readonly #reads: OpenReads
  #checkpointer: Checkpointer | undefined
  #state: EngineState = 'open'
  #closing: Promise<void> | undefined
  /** Called when the last transaction has ended, while the database is closing. */
  #idle: (() => void) | undefined

  constructor(parts: EngineParts) {
    this.#parts = parts
    this.families = parts.families
    this.pipeline = parts.pipeline
    this.journal = parts.journal
    this.pager = parts.pager
    this.budget = parts.budget
    this.pins = parts.pins
    this.diagnostics = parts.diagnostics
    this.#reader = parts.reader
    this.defaults = { durability: parts.durability, signal: undefined }
    this.#reads = new OpenReads({
      clock: parts.clock,
      watchCollection: parts.watchCollection,
      trace: parts.traceSnapshots,
      pinnedBytes: pins => pinnedBytes(pins, this),
      onLeak: parts.onBackgroundError,
    })
    this.makeDurable = parts.withoutLog ? () => this.#checkpointer!.run() : undefined
  }

  /** To be called once, before anything is written; a read-only database has none. */
  attach(checkpointer: Checkpointer): void {
    this.#checkpointer = checkpointer
  }

  /** The last reader of an old generation has gone: its pages may be used again. */
  unpinned(): void {
    this.#checkpointer?.unpinned()
  }

  get path(): string {
    return this.#parts.path
  }

  get cache(): PageCache {
    return this.#reader.cache
  }

  get pooledBytes(): number {
    return this.#parts.pool.freeBytes
  }

  get checkpointCounters(): CheckpointCounters {
    return this.#checkpointer?.counters ?? NO_CHECKPOINTS
  }

  get context(): Context {
    return this.#parts.context
  }

  get clock(): Clock {
    return this.#parts.clock
  }

  /** Settles when the pager's free pages and its header are of one state; they differ while a checkpoint is being written. */
  async untilPagesAreAccounted(): Promise<void> {
    while (this.pager.isPreparing) await this.#checkpointer!.ended()
  }

  get openTransactions(): Iterable<EngineTransaction> {
    return this.#transactions
  }

  /** Snapshots, and the iterators that have been open for a while. */
  get openReads(): Iterable<OpenRead> {
    return this.#reads.all
  }

  get openSnapshots(): number {
    return this.#reads.snapshots
  }

  /** The log has moved on. */
  progressed(): void {
    const { pipeline } = this
    const before = pipeline.visibleSequence
    pipeline.progressed()
    this.diagnostics.progressed(pipeline.visibleSequence - before, pipeline.visibleSequence, this.journal)
  }

  // ---- reading

  /** Throws once the database is closed or closing. */
  assertOpen(): void {
    if (this.#state !== 'open') throw closedError(this.path)
  }

  /** What a reader sees of the family now; undefined if there is none. Throws once the database is closed or closing. */
  view(name: string): FamilyView | undefined {
    this.assertOpen()
    return this.families.visible(name)?.view()
  }

  /** Looks a key up; sets `place` to its value if it is there. */
  find(view: FamilyView, tableId: number, key: EncodedKey, place: ValuePlace): boolean {
    return this.#reader.find(view, tableId, key, place)
  }

  cursor(view: FamilyView, tableId: number): EntryCursor {
    return this.#reader.cursor(view, tableId)
  }

  pin(view: FamilyView): Pin {
    return new Pin(view, this.pins, this.pager.generation)
  }

  snapshot(): EngineSnapshot {
    this.assertOpen()
    const pins = new Map<string, Pin>()
    for (const [name, family] of this.families.allVisible()) pins.set(name, this.pin(family.view()))
    return new EngineSnapshot(this.pipeline.visibleSequence, pins, this.#reads)
  }

  /** An iterator that nobody finishes is found, closed and reported. */
  watch(iterator: PinHolder): void {
    this.#reads.watch(iterator)
  }

  // ---- writing

  /** Why nothing can be written now. */
  refusal(): DatabaseError | undefined {
    if (this.#state !== 'open') return closedError(this.path)
    if (this.#parts.readOnly) {
      return new DatabaseError(
        'MANIFOLD_READ_ONLY',
        `${this.path} is open for reading only: open it without readOnly to write.`,
      )
    }
    return this.pipeline.failure
  }

  /** The transaction at once, or undefined where it would have to wait for memory or a lock. `names` are sorted, without duplicates. */
  beginNow(names: readonly string[], signal: WaitSignal | undefined): EngineTransaction | undefined {
    const refused = signal?.aborted ? abortedError(signal) : this.refusal()
    if (refused !== undefined) throw refused
    if (!this.budget.isOpen || !this.#locks.tryAcquire(names)) return undefined
    return this.#newTransaction(names)
  }

  /**
   * The family, if a commit of one entry to it need not wait for memory or its lock and finds all that it needs in place.
   * Throws where nothing can be written now.
   */
  familyNow(name: string): Family | undefined {
    const refused = this.refusal()
    if (refused !== undefined) throw refused
    if (!this.budget.isOpen || this.#locks.isHeld(name)) return undefined
    const family = this.families.get(name)
    return family?.active === undefined ? undefined : family
  }

  /** Waits for memory, then for the locks. */
  async begin(names: readonly string[], signal: WaitSignal | undefined): Promise<EngineTransaction> {
    const refused = this.refusal()
    if (refused !== undefined) throw refused
    await (this.budget.isOpen ? this.#locks.acquire(names, signal) : this.#acquireInLine(names, signal))
    try {
      // Many may have stood in line for one lock. No checkpoint needs a lock, so waiting for it with one blocks nothing.
      if (this.budget.isReclaimDue) await this.#inLine(signal, () => undefined)
      const late = this.refusal()
      if (late !== undefined) throw late
    } catch (error) {
      this.#locks.release(names)
      throw error
    }
    return this.#newTransaction(names)
  }

  /** The place in line for the locks is taken in the turn in which there is memory, before the next writer is let in. */
  #acquireInLine(names: readonly string[], signal: WaitSignal | undefined): Promise<void> {
    return this.#inLine(signal, () => this.#locks.acquire(names, signal))
  }

  #inLine(signal: WaitSignal | undefined, then: () => Promise<void> | undefined): Promise<void> {
    if (signal?.aborted) return Promise.reject(abortedError(signal))
    const served = this.diagnostics.stall('memory')
    return new Promise((resolve, reject) => {
      const proceed = (error: Error | undefined): void => {
        signal?.removeEventListener('abort', aborted)
        served()
        if (error === undefined) resolve(then())
        else reject(error)
      }
      const aborted = (): void => {
        leave()
        proceed(abortedError(signal!))
      }
      signal?.addEventListener('abort', aborted)
      const leave = this.budget.enter(proceed)
    })
  }

  /** The transaction on the caller's thread: writes memory out first if it is spent; a held lock would wait for the caller itself. */
  beginSync(names: readonly string[]): EngineTransaction {
    const refused = this.refusal()
    if (refused !== undefined) throw refused
    if (!this.budget.isOpen) this.#checkpointer!.makeRoomSync()
    if (!this.#locks.tryAcquire(names)) {
      throw new DatabaseError(
        'MANIFOLD_BUSY',
        `A transaction holds the write lock of ${names.map(name => `'${name}'`).join(' or ')}, and it cannot end while a synchronous write ` +
          'waits for it on the same thread. Use write() and await it.',
      )
    }
    return this.#newTransaction(names)
  }

  /** Requires: the locks are held. */
  #newTransaction(names: readonly string[]): EngineTransaction {
    const writers = this.#newWriters(names)
    const transaction = new EngineTransaction(this, names, writers)
    this.#transactions.add(transaction)
    return transaction
  }

  #newWriters(names: readonly string[]): FamilyWriter[] {
    try {
      return names.map(name => {
        const family = this.families.get(name)
        return new FamilyWriter(this, family ?? this.families.newFamily(name), family !== undefined)
      })
    } catch (error) {
      this.#locks.release(names)
      throw error
    }
  }

  /** True if the transaction is one of this database. */
  owns(transaction: EngineTransaction): boolean {
    return this.#transactions.has(transaction)
  }

  /** Commits on the caller's thread; returns when the commit is visible and as durable as asked for. */
  commitSync(transaction: EngineTransaction, durability: Durability): void {
    const byCheckpoint = this.makeDurable !== undefined && durability === 'immediate'
    try {
      if (byCheckpoint) this.#checkpointer!.assertIdle()
    } catch (error) {
      transaction.abort()?.catch(ignore)
      throw error
    }
    transaction.commitSync(durability)
    if (durability === 'immediate') this.journal.syncNow()
    else this.journal.writeNow()
    if (byCheckpoint) this.#checkpointer!.runSync()
  }

  /** Settles when everything before that position of the log is on the medium. */
  async durable(position: number): Promise<void> {
    if (position <= this.pager.header.logPosition) return
    if (this.makeDurable !== undefined) await this.makeDurable()
    else if (!this.#parts.readOnly) await this.journal.waitForSync(position)
  }

  newMemtable(): Memtable {
    return new ArenaMemtable(this.#parts.pool, this.budget.use)
  }

  newTableId(): number {
    return this.families.takeTableId()
  }

  encodeName(name: string): Uint8Array {
    return encoder.encode(name)
  }

  ended(transaction: EngineTransaction): void {
    this.#transactions.delete(transaction)
    if (this.#transactions.size === 0) this.#idle?.()
    this.#locks.release(transaction.names)
  }

  familyCreated(family: Family): () => void {
    return this.families.create(family)
  }

  appended(): void {
    this.#checkpointer!.appended()
  }

  // ---- durability and the end

  /** Settles when everything committed so far is on the medium. */
  async sync(): Promise<void> {
    this.assertOpen()
    if (this.#parts.readOnly) return
    await this.#checkpointer!.sync()
  }

  async checkpoint(): Promise<void> {
    const refused = this.refusal()
    if (refused !== undefined) throw refused
    await this.#checkpointer!.run()
  }

  /** Finishes commits that have begun, aborts open transactions, ends snapshots, and writes everything into the data file. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#state = 'closing'
    this.budget.failed(closedError(this.path))
    for (const transaction of this.#transactions) {
      const aborted = transaction.abort()
      aborted?.catch(ignore)
    }
    if (this.#transactions.size > 0) await new Promise<void>(resolve => (this.#idle = resolve))
    await this.pipeline.waitUntilVisible(this.pipeline.appendedSequence)?.catch(ignore)
    this.#reads.closeSnapshots()
    try {
      await this.#checkpointer?.close()
    } finally {
      this.#state = 'closed'
      this.#parts.release()
    }
  }
}

const encoder = new TextEncoder()
const NO_CHECKPOINTS: CheckpointCounters = { count: 0, failed: 0, millis: 0, pagesWritten: 0, bytesWritten: 0 }
const ignore = (): void => {}

export function closedError(path: string): DatabaseError {
  return new DatabaseError('MANIFOLD_CLOSED', `The database ${path} is closed: open it again to use it.`)
}

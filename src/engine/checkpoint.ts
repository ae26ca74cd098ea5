import { DatabaseError } from '../base/errors.ts'
import type { GenerationPins } from '../mvcc/generation-pins.ts'
import { ExtentList } from '../pager/extent-list.ts'
import { FreeSpace } from '../pager/free-space.ts'
import type { CatalogTable, TreeRoot } from '../pager/meta-format.ts'
import { EMPTY_ROOT } from '../pager/meta-format.ts'
import type { LogMark, Pager, PreparedState } from '../pager/pager.ts'
import type { Memtable } from '../memtable/memtable.ts'
import type { Clock } from '../platform/clock.ts'
import type { Journal } from '../wal/journal.ts'
import type { ColumnFamilies, FamilyState } from './column-families.ts'
import type { CommitPipeline } from './commit-pipeline.ts'
import type { Diagnostics } from './diagnostics.ts'
import type { EngineTransaction } from './engine-transaction.ts'
import type { Family } from './family.ts'
import { letGo } from './let-go.ts'
import type { MemoryBudget } from './memory-budget.ts'
import type { MergeJob, MergeResult, TableMerge } from './merge-job.ts'
import type { MergeRunner } from './merge-runner.ts'

/** What the checkpoint needs of the engine. */
export interface CheckpointHost {
  readonly families: ColumnFamilies
  readonly pipeline: CommitPipeline
  readonly journal: Journal
  readonly pager: Pager
  readonly pins: GenerationPins
  readonly budget: MemoryBudget
  readonly diagnostics: Diagnostics
  readonly openTransactions: Iterable<EngineTransaction>
  newMemtable(): Memtable
}

export interface CheckpointOptions {
  readonly clock: Clock
  readonly runner: MergeRunner
  /** The database keeps no log: every checkpoint leaves a file that needs none. */
  readonly withoutLog: boolean
  /** Never throws. */
  readonly onBackgroundError: (error: DatabaseError) => void
}

export interface CheckpointCounters {
  count: number
  failed: number
  millis: number
  pagesWritten: number
  bytesWritten: number
}

/** The database at the moment of a freeze: what the checkpoint makes durable. */
interface FreezePoint {
  readonly position: number
  readonly sequence: number
  readonly previousChecksum: number
  readonly states: readonly FamilyState[]
  readonly dropped: readonly Family[]
  /** The families that have a frozen memtable, and it. */
  readonly frozen: ReadonlyMap<Family, Memtable>
  /** Trees of tables and families that are dropped. */
  readonly orphans: readonly TreeRoot[]
  readonly nextFamilyId: number
  readonly nextTableId: number
}

/**
 * Moves what the memtables hold into the trees. One checkpoint runs at a time:
 *
 *   idle ─▶ freeze      all memtables at once, at the last appended position; open transactions go on in new ones
 *        ─▶ settle      the log is synced through that position, and its commits are visible
 *        ─▶ merge       new pages, in free ones; on another thread where there are threads
 *        ─▶ write       catalog and free map, sync, one header slot, sync
 *        ─▶ publish     readers see the new trees; the frozen memtables are let go
 *        ─▶ seal        the other header slot, sync; then log and replaced pages may be used again ─▶ idle
 *
 * A failure before `publish` leaves everything as it was: the pages written are given back, the memtables stay frozen, and
 * the next checkpoint begins with the same freeze. One in `seal` keeps log and replaced pages until the next checkpoint has
 * written both slots. Nothing is synced again in the hope of a better answer: what a failed checkpoint wrote is not used.
 */
export class Checkpointer {
  readonly counters: CheckpointCounters = { count: 0, failed: 0, millis: 0, pagesWritten: 0, bytesWritten: 0 }
  readonly #host: CheckpointHost
  readonly #options: CheckpointOptions
  #running: Promise<void> | undefined
  #scheduled = false
  /** Set while and after the database is closed: the last run is a part of it, and no other begins. */
  #closed: Promise<void> | undefined
  /** Where the run under way began, or one that has failed and is to be taken up again. */
  #point: FreezePoint | undefined

  constructor(host: CheckpointHost, options: CheckpointOptions) {
    this.#host = host
    this.#options = options
    host.budget.attach({ reclaimableBytes: () => this.#reclaimableBytes(), reclaim: () => this.#inBackground() })
  }

  get #isDue(): boolean {
    return this.#closed === undefined && this.#host.budget.isCheckpointDue
  }

  #reclaimableBytes(): number {
    let bytes = 0
    for (const { active, frozen } of this.#host.families.all()) {
      if (frozen !== undefined) bytes += frozen.use.bytes
      if (active !== undefined && active.appended > 0) bytes += active.use.bytes
    }
    return bytes
  }

  /** A commit has been appended: starts a checkpoint, in a later turn, when memory calls for it. */
  appended(): void {
    if (this.#running !== undefined || this.#scheduled || !this.#isDue) return
    this.#scheduled = true
    this.#options.clock.defer(() => {
      this.#scheduled = false
      if (this.#isDue) this.#inBackground()
    })
  }

  #inBackground(): void {
    if (this.#running !== undefined) return
    this.#run().catch((error: DatabaseError) => this.#options.onBackgroundError(error))
  }

  /** Gives memory back on the caller's thread, where that is called for. */
  makeRoomSync(): void {
    const { budget } = this.#host
    if (!budget.isReclaimDue) return
    if (this.#running === undefined) {
      this.#runSync()
      return
    }
    // The run under way goes on only when the caller returns to the event loop; until then the budget may be overshot.
    if (this.#reclaimableBytes() < 2 * budget.limitBytes) return
    throw new DatabaseError(
      'MANIFOLD_BUSY',
      `The memtables hold twice writeBufferBytes (${budget.limitBytes} bytes), and the checkpoint that frees them waits for this thread. ` +
        'Return to the event loop between synchronous writes, or use write().',
    )
  }

  /** Resolves when all that was committed before the call is in the data file. */
  async run(): Promise<void> {
    // The run under way may have been frozen before the last commits.
    if (this.#running !== undefined) await this.#running.catch(ignore)
    if (this.#closed === undefined && this.#point !== undefined) await this.#run()
    await (this.#closed ?? this.#run())
  }

  /** Settles when the run under way, if there is one, has ended in whatever way. */
  async ended(): Promise<void> {
    await this.#running?.catch(ignore)
  }

  /** Throws MANIFOLD_BUSY where a run is under way, which waits for this thread. */
  assertIdle(): void {
    if (this.#running === undefined) return
    throw new DatabaseError(
      'MANIFOLD_BUSY',
      'A checkpoint is under way and waits for this thread, so nothing was changed. Use write(), or await checkpoint() before.',
    )
  }

  /** The same on the caller's thread, where that is possible. */
  runSync(): void {
    this.assertIdle()
    if (this.#point !== undefined) this.#runSync()
    this.#runSync()
  }

  /** Resolves when all that was committed before the call is durable. */
  async sync(): Promise<void> {
    if (this.#options.withoutLog) return this.run()
    const { journal, pipeline } = this.#host
    const { appendedSequence } = pipeline
    if (pipeline.failure !== undefined) throw pipeline.failure
    await journal.waitForSync(journal.appended)
    await pipeline.waitUntilVisible(appendedSequence)
  }

  /** The last reader of an old generation has gone. */
  unpinned(): void {
    if (this.#running === undefined && this.#point === undefined) this.#releasePages()
  }

  /** Begins a run, or joins the one under way. */
  #run(clean: boolean = this.#options.withoutLog): Promise<void> {
    this.#running ??= this.#runOnce(clean).then(
      () => this.#ended(undefined),
      (error: DatabaseError) => {
        this.#ended(error)
        throw error
      },
    )
    return this.#running
  }

  /** Those who wait for memory are told last: they look again at once, and may begin the next run. */
  #ended(error: DatabaseError | undefined): void {
    this.#running = undefined
    if (error === undefined) this.#host.budget.released()
    else this.#host.budget.failed(error)
  }

  async #runOnce(clean: boolean): Promise<void> {
    const { journal, pager, pipeline } = this.#host
    const begun = this.#options.clock.now()
    let result: MergeResult | undefined
    let state: PreparedState | undefined
    try {
      if (pipeline.failure !== undefined) throw pipeline.failure
      const point = (this.#point ??= this.#freeze())
      await pipeline.waitUntilVisible(point.sequence)
      await journal.waitForSync(point.position)
      result = await this.#options.runner.run(this.#job(point))
      state = this.#prepare(point, result, clean)
      await pager.writeMeta(state)
      await pager.sync()
      await pager.writeHeaderSlot(state, pager.olderSlot)
      this.#publish(point, state, result)
      await pager.writeHeaderSlot(state, pager.olderSlot)
      this.#seal(point)
      await pager.shrink()
    } catch (error) {
      throw this.#failed(error as DatabaseError, begun, state, result)
    }
    this.#succeeded(begun, result)
  }

  /** Requires: no run is under way. */
  #runSync(): void {
    const { journal, pager, pipeline } = this.#host
    const begun = this.#options.clock.now()
    let result: MergeResult | undefined
    let state: PreparedState | undefined
    try {
      if (pipeline.failure !== undefined) throw pipeline.failure
      const point = (this.#point ??= this.#freeze())
      journal.syncNow()
      result = this.#options.runner.runSync(this.#job(point))
      state = this.#prepare(point, result, this.#options.withoutLog)
      pager.writeMetaSync(state)
      pager.syncSync()
      pager.writeHeaderSlotSync(state, pager.olderSlot)
      this.#publish(point, state, result)
      pager.writeHeaderSlotSync(state, pager.olderSlot)
      this.#seal(point)
      pager.shrinkSync()
    } catch (error) {
      const failure = this.#failed(error as DatabaseError, begun, state, result)
      this.#ended(failure)
      throw failure
    }
    this.#succeeded(begun, result)
    this.#ended(undefined)
  }

  #freeze(): FreezePoint {
    const { families, journal, pipeline } = this.#host
    const frozen = new Map<Family, Memtable>()
    const states = families.states()
    for (const { family } of states) {
      const { active } = family
      if (active === undefined || active.appended === 0) continue
      this.#replaceActive(family, active)
      family.frozen = active
      family.changed()
      frozen.set(family, active)
    }
    return {
      position: journal.appended,
      sequence: pipeline.appendedSequence,
      previousChecksum: journal.lastChecksum,
      states,
      dropped: families.dropped(),
      frozen,
      orphans: families.orphans(states),
      nextFamilyId: families.nextFamilyId,
      nextTableId: families.nextTableId,
    }
  }

  /** What the family's open transaction has written goes on in a new memtable; otherwise the next write begins one. */
  #replaceActive(family: Family, active: Memtable): void {
    family.active = undefined
    for (const { writers } of this.#host.openTransactions) {
      const writer = writers.find(({ memtable }) => memtable === active)
      if (writer === undefined) continue
      if (writer.wrote) {
        family.active = this.#host.newMemtable()
        writer.moveTo(family.active)
      } else writer.detach()
      return
    }
  }

  #job(point: FreezePoint): MergeJob {
    const { freeSpace, file } = this.#host.pager
    const tables: TableMerge[] = []
    for (const { family, tables: entries } of point.states) {
      const memtable = point.frozen.get(family)
      if (memtable === undefined) continue
      for (const { id } of entries.values()) {
        const frozen = memtable.freeze(id)
        if (frozen !== undefined) tables.push({ id, root: family.roots.get(id) ?? EMPTY_ROOT, frozen })
      }
    }
    return {
      path: file.path,
      descriptor: file.descriptor,
      pageCount: freeSpace.pageCount,
      free: freeSpace.extents().toPairs(),
      tables,
      orphans: point.orphans,
    }
  }

  /** Takes over what the merge has allocated, and lays out the state that the headers will name. */
  #prepare(point: FreezePoint, result: MergeResult, clean: boolean): PreparedState {
    const { pager } = this.#host
    pager.freeSpace = new FreeSpace(result.pageCount, new ExtentList(result.free))
    const tables: CatalogTable[] = []
    for (const { family, tables: entries } of point.states) {
      for (const { id, name, keyCodec, valueCodec } of entries.values()) {
        const root = result.roots.get(id) ?? family.roots.get(id) ?? EMPTY_ROOT
        tables.push({ id, familyId: family.id, kind: 0, name, keyCodec, valueCodec, root })
      }
    }
    const families = point.states.map(({ family, name }) => ({ id: family.id, name }))
    const { nextFamilyId, nextTableId, position, sequence, previousChecksum } = point
    const mark: LogMark = { logPosition: position, lastSequence: sequence, previousChecksum, clean }
    return pager.prepare({ nextFamilyId, nextTableId, families, tables }, new ExtentList(result.freed), mark)
  }

  /** One turn: from here on readers find in the trees what they found in the frozen memtables. */
  #publish(point: FreezePoint, state: PreparedState, result: MergeResult): void {
    const { pager, families, journal, budget } = this.#host
    pager.publish(state)
    for (const { family, tables } of point.states) {
      const roots = new Map<number, TreeRoot>()
      for (const { id } of tables.values()) {
        const root = result.roots.get(id) ?? family.roots.get(id)
        if (root !== undefined && root.height > 0) roots.set(id, root)
      }
      family.roots = roots
      family.frozen = undefined
      family.changed()
    }
    for (const family of point.dropped) families.forget(family)
    const quiet = journal.quiesce()
    for (const memtable of point.frozen.values()) letGo(memtable, budget.pinned, quiet)
    this.#point = undefined
  }

  #seal(point: FreezePoint): void {
    // Not the point itself, which holds the memtables.
    const { position, sequence, previousChecksum } = point
    this.#host.journal.truncate({ position, sequence, previousChecksum })
    this.#releasePages()
  }

  #releasePages(): void {
    this.#host.pager.release(this.#host.pins.oldest(Infinity))
  }

  #succeeded(begun: number, { pagesWritten, bytesWritten }: MergeResult): void {
    this.counters.count++
    const millis = this.#options.clock.now() - begun
    this.counters.millis += millis
    this.counters.pagesWritten += pagesWritten
    this.counters.bytesWritten += bytesWritten
    this.#host.diagnostics.checkpointed(millis, pagesWritten, bytesWritten, undefined)
  }

  #failed(
    error: DatabaseError,
    begun: number,
    state: PreparedState | undefined,
    result: MergeResult | undefined,
  ): DatabaseError {
    this.counters.failed++
    const published = this.#point === undefined
    if (result !== undefined && !published) this.#host.pager.abandon(state, new ExtentList(result.allocated))
    this.#host.diagnostics.checkpointed(this.#options.clock.now() - begun, 0, 0, error)
    return error
  }

  /** Writes what is left and says in the header that no log is needed; then the log is removed. To be called once. */
  close(): Promise<void> {
    this.#closed = this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    const { journal, pager, pipeline } = this.#host
    // Whoever waited for a run that has just ended may have begun another before `close` was called.
    while (this.#running !== undefined) await this.#running.catch(ignore)
    let clean = false
    try {
      if (pipeline.failure === undefined) {
        if (this.#point !== undefined) await this.#run(false)
        if (journal.appended !== pager.header.logPosition) await this.#run(true)
        else if (!pager.header.clean) await this.#markClean()
        clean = true
      }
    } finally {
      await this.#options.runner.close()
      const closed = journal.close(clean)
      await (clean ? closed : closed.catch(ignore))
    }
  }

  /** Nothing has been committed since the last checkpoint. */
  async #markClean(): Promise<void> {
    const { pager } = this.#host
    const state = pager.prepareMark({ ...pager.header, clean: true })
    await pager.writeHeaderSlot(state, pager.olderSlot)
    pager.publish(state)
    await pager.writeHeaderSlot(state, pager.olderSlot)
  }
}

function ignore(): void {}

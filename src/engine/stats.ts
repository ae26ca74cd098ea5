import { PAGE_BYTES } from '../base/limits.ts'
import type { Engine } from './engine.ts'
import type { ReadKind } from './open-reads.ts'
import { pinnedBytes } from './open-reads.ts'

/** What one column family holds. */
export interface ColumnFamilyStats {
  /** Tables that have been written to. */
  readonly tables: number
  /** Memory of the memtables that take writes, and of those that a checkpoint is writing out. */
  readonly activeBytes: number
  readonly frozenBytes: number
  /** Entries in the data file, as of the last checkpoint. */
  readonly fileEntries: number
}

/** Memory of one column family. */
export interface MemtableStats {
  readonly columnFamily: string
  /** Of the memtable that takes writes, and of the one that a checkpoint is writing out. */
  readonly activeBytes: number
  readonly frozenBytes: number
}

/** A snapshot or iterator that is open. */
export interface OpenReadStats {
  readonly kind: ReadKind
  readonly ageMillis: number
  /** Memory and pages that would be free without it; others may keep the same. */
  readonly pinnedBytes: number
  /** The stack of the call that opened it, where the database was opened with `traceSnapshots`. */
  readonly openedAt: string | undefined
}

/** Reads that `stats` lists. */
const READS_MAX = 100

/** Counters since the database was opened, and what it holds now. Bytes are bytes, times are milliseconds. */
export interface DatabaseStats {
  /** The sequence of the last visible commit. */
  readonly sequence: number
  readonly columnFamilies: number
  readonly openSnapshots: number
  /** Open snapshots, and iterators that have been open for a second or more: the oldest ones first, a hundred at most. */
  readonly snapshots: readonly OpenReadStats[]
  /** Snapshots, iterators and scans that keep memory or pages. */
  readonly pins: number
  readonly log: {
    readonly commits: number
    /** Writes to the log; each carried one commit or more. */
    readonly groups: number
    readonly commitsPerGroup: number
    readonly syncs: number
    readonly syncMillis: number
    readonly bytes: number
    /** Times that a commit waited for a new segment, and milliseconds that asynchronous ones did. */
    readonly stalls: number
    readonly stallMillis: number
    /** Commits that have been appended and are not visible yet. */
    readonly waiting: number
  }
  readonly memory: {
    /** All memtables within the budget, the budget, and how often a writer waited for it. */
    readonly bytes: number
    readonly limitBytes: number
    readonly waits: number
    /** Milliseconds that asynchronous writers waited for it. */
    readonly waitMillis: number
    /** Memtables that only snapshots and iterators keep; outside the budget. */
    readonly pinnedBytes: number
    /** Chunks kept for the next memtables. */
    readonly pooledBytes: number
    /** The memtables of each column family that has any. */
    readonly memtables: readonly MemtableStats[]
  }
  readonly checkpoints: {
    readonly count: number
    readonly failed: number
    readonly millis: number
    readonly pagesWritten: number
    readonly bytesWritten: number
  }
  readonly file: {
    readonly bytes: number
    readonly freeBytes: number
  }
  readonly cache: {
    /** Requests for pages that were there, pages that had to be read, and pages that made room for others. */
    readonly hits: number
    readonly misses: number
    readonly evictions: number
    readonly bytes: number
  }
}

/** What is published on `manifold:stats`: a checkpoint has ended, in whatever way, and this is what `stats()` shows then. */
export interface StatsMessage {
  readonly path: string
  readonly stats: DatabaseStats
}

export function statsMessage(engine: Engine): StatsMessage {
  return { path: engine.path, stats: databaseStats(engine) }
}

export function columnFamilyStats(engine: Engine, name: string): ColumnFamilyStats {
  const family = engine.families.visible(name)
  let fileEntries = 0
  for (const root of family?.roots.values() ?? []) fileEntries += root.entries
  return {
    tables: family?.visibleTables.size ?? 0,
    activeBytes: family?.active?.use.bytes ?? 0,
    frozenBytes: family?.frozen?.use.bytes ?? 0,
    fileEntries,
  }
}

export function databaseStats(engine: Engine): DatabaseStats {
  const { records: commits, groups, syncs, syncMillis, bytes, stalls } = engine.journal.statistics
  const { budget, cache } = engine
  const { freeSpace, pending } = engine.pager
  const { stallMillis } = engine.diagnostics
  return {
    sequence: engine.pipeline.visibleSequence,
    columnFamilies: engine.families.visibleNames().length,
    openSnapshots: engine.openSnapshots,
    snapshots: openReadStats(engine),
    pins: engine.pins.count,
    log: {
      commits,
      groups,
      commitsPerGroup: groups === 0 ? 0 : commits / groups,
      syncs,
      syncMillis,
      bytes,
      stalls,
      stallMillis: stallMillis.log,
      waiting: engine.pipeline.pending,
    },
    memory: {
      bytes: budget.use.bytes,
      limitBytes: budget.limitBytes,
      waits: budget.waits,
      waitMillis: stallMillis.memory,
      pinnedBytes: budget.pinned.bytes,
      pooledBytes: engine.pooledBytes,
      memtables: memtableStats(engine),
    },
    checkpoints: { ...engine.checkpointCounters },
    file: { bytes: freeSpace.pageCount * PAGE_BYTES, freeBytes: (freeSpace.freePages + pending.pages) * PAGE_BYTES },
    cache: { ...cache.statistics, bytes: cache.byteLength },
  }
}

function memtableStats({ families }: Engine): MemtableStats[] {
  const memtables: MemtableStats[] = []
  for (const { name, active, frozen } of families.all()) {
    if (active === undefined && frozen === undefined) continue
    const [activeBytes, frozenBytes] = [active?.use.bytes ?? 0, frozen?.use.bytes ?? 0]
    memtables.push({ columnFamily: name, activeBytes, frozenBytes })
  }
  return memtables
}

function openReadStats(engine: Engine): OpenReadStats[] {
  const now = engine.clock.now()
  const oldest = [...engine.openReads].sort((a, b) => a.openedMillis - b.openedMillis).slice(0, READS_MAX)
  return oldest.map(({ kind, openedMillis, openedAt, pins }) => ({
    kind,
    ageMillis: now - openedMillis,
    pinnedBytes: pinnedBytes(pins, engine),
    openedAt,
  }))
}

import { PAGE_BYTES } from '../base/limits.ts'
import type { Engine } from './engine.ts'

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

/** Counters since the database was opened, and what it holds now. Bytes are bytes, times are milliseconds. */
export interface DatabaseStats {
  /** The sequence of the last visible commit. */
  readonly sequence: number
  readonly columnFamilies: number
  readonly openSnapshots: number
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
    /** Times that a commit waited for a new segment. */
    readonly stalls: number
  }
  readonly memory: {
    /** All memtables within the budget, the budget, and how often a writer waited for it. */
    readonly bytes: number
    readonly limitBytes: number
    readonly waits: number
    /** Memtables that only snapshots and iterators keep; outside the budget. */
    readonly pinnedBytes: number
    /** Chunks kept for the next memtables. */
    readonly pooledBytes: number
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
    /** Pages that had to be read, and pages that made room for others. */
    readonly misses: number
    readonly evictions: number
    readonly bytes: number
  }
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
  return {
    sequence: engine.pipeline.visibleSequence,
    columnFamilies: engine.families.visibleNames().length,
    openSnapshots: [...engine.openSnapshots].length,
    pins: engine.pins.count,
    log: { commits, groups, commitsPerGroup: groups === 0 ? 0 : commits / groups, syncs, syncMillis, bytes, stalls },
    memory: {
      bytes: budget.use.bytes,
      limitBytes: budget.limitBytes,
      waits: budget.waits,
      pinnedBytes: budget.pinned.bytes,
      pooledBytes: engine.pooledBytes,
    },
    checkpoints: { ...engine.checkpointCounters },
    file: { bytes: freeSpace.pageCount * PAGE_BYTES, freeBytes: (freeSpace.freePages + pending.pages) * PAGE_BYTES },
    cache: { ...cache.statistics, bytes: cache.byteLength },
  }
}

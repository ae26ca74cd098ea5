import type { LogStart } from './log-reader.ts'
import type { WrittenLog } from './written-log.ts'

/**
 * The log, as the commit pipeline sees it.
 *
 * Positions count bytes of the log from the database's creation; sequences count commits. A record gets its place when
 * it is appended and its bytes reach the medium later, in this order:
 *
 *   appended >= written >= synced      (all three are positions between records and never move back)
 *
 * `written` bytes are handed to the operating system: they survive the process. `synced` bytes survive a power cut.
 */
export interface Journal {
  /** Where the log begins: everything before it is in the data file and may be freed. */
  readonly start: LogStart
  readonly appended: number
  /** Records from here on are written together, and synced together if any of them needs it. */
  readonly groupStart: number
  readonly written: number
  readonly synced: number
  /** The sequence of the last record appended. */
  readonly lastAppended: number
  /** The sequence of the last record whose bytes are synced. */
  readonly lastSynced: number
  /**
   * The checksum of the last record appended: what a header that names `appended` as the log's start keeps beside it.
   */
  readonly lastChecksum: number
  /** The error that ended the log, once a write or sync has failed after a record was numbered. Never cleared. */
  readonly failure: Error | undefined

  /**
   * Makes sure that a record with `payloadBytes` of payload fits into zero-written segments, and sets that room
   * aside for the next `append`. Returns undefined when the room is there already; otherwise a promise that settles
   * when it is, or rejects (no space: the log goes on unharmed).
   */
  reserve(payloadBytes: number): Promise<void> | undefined
  /** The same where the room is there already; false, with nothing set aside, where it is not. */
  tryReserve(payloadBytes: number): boolean
  /** The same, blocking. */
  reserveSync(payloadBytes: number): void
  /** Gives back a reservation that will not be used. */
  release(payloadBytes: number): void

  /**
   * Numbers and appends one record, whose payload is `parts` one after the other. The parts must not change until they
   * are written. Returns the position behind the record. Requires a reservation, no `failure`, and the sequence after
   * `lastAppended`; then it never blocks and never fails.
   */
  append(sequence: number, parts: readonly Uint8Array[], payloadBytes: number, need: Need): number
  /**
   * The same for a record of one entry of one family: that in `words` from `begin` up to `end`. Its payload is a section
   * header (`shared/entry-format.ts`) and the entry.
   */
  appendEntry(sequence: number, familyId: number, words: EntryWords, begin: number, end: number, need: Need): number

  /**
   * Writes everything appended on the caller's thread, and syncs it if a record that is not yet synced needs that. On
   * failure sets `failure`, reports it and throws it.
   */
  writeNow(): void
  /**
   * Writes and syncs everything appended, on the caller's thread. On failure sets `failure`, reports it and throws it.
   */
  syncNow(): void
  /** Settles once `position` is synced; rejects with `failure`. One that nobody listens to is never unhandled. */
  waitForSync(position: number): Promise<void>
  /**
   * Undefined where no write reads parts that were handed over any more, as far as they are `written`; otherwise a
   * promise that resolves when that is so. The memory of parts may be used for something else only then. (A write under
   * way on another thread can be overtaken by `syncNow`, and still reads its parts.)
   */
  quiesce(): Promise<void> | undefined

  /**
   * The records from `sequence` on, as far as they are `written` now. Requires: `sequence` is greater than that of `start`.
   * What a later `truncate` frees can no longer be read.
   */
  readFrom(sequence: number): WrittenLog
  /** Everything before `start` is in the data file, under both header slots: its segments may be used again. */
  truncate(start: LogStart): void
  /**
   * Syncs what is left and closes the files. Where `clean` is true the data file holds everything, and the log is
   * removed.
   */
  close(clean: boolean): Promise<void>

  readonly statistics: JournalStatistics
}

/** Memory of an arena. */
export type EntryWords = Int32Array<SharedArrayBuffer>

/**
 * How soon a record must reach the medium: at once, within the longest delay, or whenever the next sync happens. All
 * are written at once.
 */
export type Need = 'sync' | 'delayed-sync' | 'write'

/** Counters since the database was opened. */
export interface JournalStatistics {
  records: number
  /** Groups of records written by one call. */
  groups: number
  syncs: number
  /** Milliseconds spent in writes that sync and in syncs. */
  syncMillis: number
  bytes: number
  /** Times that `reserve` had to wait for a segment. */
  stalls: number
}

/** What the journal tells its owner. Each is called from the journal's own turn, never from inside `append`. */
export interface JournalEvents {
  /** `written` or `synced` has moved. */
  progressed(): void
  /** The log has failed: `failure` is set. Called once. */
  failed(): void
}

import { WRITE_UNIT_BYTES } from '../base/aligned-memory.ts'
import { assert } from '../base/assert.ts'
import { checksum, CHECKSUM_WORDS_MAX, checksumOfWords } from '../base/checksum.ts'
import { DatabaseError } from '../base/errors.ts'
import { ioError } from '../platform/io-error.ts'
import { encodeSectionHeader, SECTION_HEADER_BYTES } from '../shared/entry-format.ts'
import { ChunkPool, CommitGroup } from './commit-group.ts'
import { LogSpace } from './log-space.ts'
import {
  RECORD_HEADER_BYTES,
  RECORD_HEADER_WORDS,
  RECORD_PAYLOAD_BYTES_MAX,
  RecordHeaderEncoder,
} from './record-format.ts'
import { SyncWaiters } from './sync-waiters.ts'
import type { Clock, Timer } from '../platform/clock.ts'
import { WrittenLog } from './written-log.ts'
import type { LogStart } from './log-reader.ts'
import type { EntryWords, Journal, JournalEvents, JournalStatistics, Need } from './journal.ts'
import type { SegmentStore } from './segment-store.ts'

/** Where a log goes on: what `createLog` and `LogRecovery.accept` hand over. */
export interface LogPlace {
  readonly store: SegmentStore
  /** Where the log begins. */
  readonly start: LogStart
  /** The position of the next record. Everything before it is synced. */
  readonly position: number
  /** Of the record before it. */
  readonly previousChecksum: number
  readonly sequence: number
}

export interface JournalOptions {
  readonly clock: Clock
  readonly events: JournalEvents
  /** A 'delayed-sync' record is synced at the latest this long after it was written. */
  readonly maxDelayMicros: number
}

/**
 * What the two journals share: numbering, room, the group that collects records, the marks and the failure. How and
 * when a group reaches the files is theirs.
 *
 * The life of a journal: open, then failed (a write or sync has failed; `failure` is set) or closed. Nothing leads
 * back.
 */
export abstract class SegmentedJournal implements Journal {
  start: LogStart
  appended: number
  groupStart: number
  written: number
  synced: number
  lastAppended: number
  lastSynced: number
  lastChecksum: number
  failure: Error | undefined
  protected readonly store: SegmentStore
  protected readonly clock: Clock
  protected readonly events: JournalEvents
  protected readonly space: LogSpace
  protected readonly waiters: SyncWaiters = new SyncWaiters()
  protected readonly pool: ChunkPool = new ChunkPool()
  /** What is appended and not yet handed to a write: the bytes from the end of the last group to `appended`. */
  protected group: CommitGroup
  /** The sequence of the last record written. */
  protected lastWritten: number
  /** The longest delay of some written record is over: the next turn syncs. */
  protected delayOver = false
  #delay: Timer | undefined
  protected closed = false
  /** The group before ends with zeros behind `appended`, up to the next unit: the next one begins behind them. */
  #unitIsFilled = false
  readonly #header: RecordHeaderEncoder
  readonly #maxDelayMillis: number
  readonly #statistics: JournalStatistics = { records: 0, groups: 0, syncs: 0, syncMillis: 0, bytes: 0, stalls: 0 }

  constructor(place: LogPlace, options: JournalOptions) {
    this.store = place.store
    this.clock = options.clock
    this.events = options.events
    this.#maxDelayMillis = options.maxDelayMicros / 1000
    this.start = place.start
    this.appended = this.groupStart = this.written = this.synced = place.position
    this.lastAppended = this.lastWritten = this.lastSynced = place.sequence
    this.lastChecksum = place.previousChecksum
    this.space = new LogSpace(place.store, options.clock, place.position)
    this.group = new CommitGroup(this.pool)
    this.#header = new RecordHeaderEncoder(place.store.epoch)
  }

  get statistics(): JournalStatistics {
    this.#statistics.stalls = this.space.stalls
    return this.#statistics
  }

  reserve(payloadBytes: number): Promise<void> | undefined {
    return this.space.reserve(roomFor(payloadBytes))
  }

  tryReserve(payloadBytes: number): boolean {
    return this.space.tryReserve(roomFor(payloadBytes))
  }

  reserveSync(payloadBytes: number): void {
    this.space.reserveSync(roomFor(payloadBytes))
  }

  release(payloadBytes: number): void {
    this.space.release(roomFor(payloadBytes))
  }

  append(sequence: number, parts: readonly Uint8Array[], payloadBytes: number, need: Need): number {
    const position = this.#place(sequence, payloadBytes, need)
    let payloadChecksum = 0
    let bytes = 0
    for (let i = 0; i < parts.length; i++) {
      const part = parts[i]!
      payloadChecksum = checksum(part, payloadChecksum)
      bytes += part.length
    }
    assert(bytes === payloadBytes, "a record's parts are as long as its payload")
    const { synced, lastChecksum } = this
    this.lastChecksum = this.#header.encode(payloadBytes, payloadChecksum, position, sequence, synced, lastChecksum)
    this.group.add(this.#header.block, parts, payloadBytes)
    return this.#appended(sequence, position, payloadBytes, need)
  }

  /**
   * A short entry is copied, with its header in front, and checked word by word: no view of it is made, and no call
   * crosses the border. Of a single put that is 0.4 µs of 1.2.
   */
  appendEntry(sequence: number, familyId: number, words: EntryWords, begin: number, end: number, need: Need): number {
    const entryBytes = (end - begin) * 4
    const payloadBytes = SECTION_HEADER_BYTES + entryBytes
    if (end - begin > CHECKSUM_WORDS_MAX) {
      const entry = new Uint8Array(words.buffer, begin * 4, entryBytes)
      return this.append(sequence, [encodeSectionHeader(familyId, entryBytes), entry], payloadBytes, need)
    }
    const position = this.#place(sequence, payloadBytes, need)
    const { group } = this
    const record = group.room(RECORD_HEADER_BYTES + payloadBytes)
    const target = group.words
    const payload = record + RECORD_HEADER_WORDS
    target[payload] = familyId
    target[payload + 1] = entryBytes
    let to = payload + SECTION_HEADER_BYTES / 4
    for (let from = begin; from < end; from++) target[to++] = words[from]!
    const { synced, lastChecksum } = this
    this.lastChecksum = this.#header.encodeInto(
      target,
      record,
      payloadBytes,
      checksumOfWords(target, payload, to),
      position,
      sequence,
      synced,
      lastChecksum,
    )
    return this.#appended(sequence, position, payloadBytes, need)
  }

  /** The position of the next record, which takes its room: behind the one before, or where its group begins. */
  #place(sequence: number, payloadBytes: number, need: Need): number {
    if (this.failure !== undefined) throw this.failure
    assert(!this.closed, 'nothing is appended to a closed log')
    assert(sequence === this.lastAppended + 1, 'sequences are appended in order, without holes')
    const position = this.group.bytes === 0 ? this.#beginGroup(need) : this.appended
    this.space.use(roomFor(payloadBytes), position - this.appended + RECORD_HEADER_BYTES + payloadBytes)
    return position
  }

  /**
   * A group whose first record must be synced begins at a multiple of the write unit, so that it can be written directly, and
   * without what is durable before it. So does one behind a filled unit, which zeros under way may still reach.
   */
  #beginGroup(need: Need): number {
    const beginsUnit = need === 'sync' || this.#unitIsFilled
    const over = beginsUnit ? (this.appended - this.store.epochStart) % WRITE_UNIT_BYTES : 0
    const start = over === 0 ? this.appended : this.appended + WRITE_UNIT_BYTES - over
    this.group.begin(start, beginsUnit)
    return start
  }

  /** The record is in the group. Returns the position behind it. */
  #appended(sequence: number, position: number, payloadBytes: number, need: Need): number {
    if (need === 'sync') this.group.needsSync = true
    else if (need === 'delayed-sync') this.group.needsDelayedSync = true
    const end = position + RECORD_HEADER_BYTES + payloadBytes
    this.#statistics.bytes += end - this.appended
    this.appended = end
    this.lastAppended = sequence
    this.#statistics.records++
    this.schedule()
    return this.appended
  }

  waitForSync(position: number): Promise<void> {
    if (position <= this.synced) return Promise.resolve()
    if (this.failure !== undefined) return Promise.reject(this.failure)
    assert(position <= this.appended, 'only what is appended can become synced')
    const promise = this.waiters.add(position)
    this.schedule()
    return promise
  }

  /** Makes sure that a turn comes in which the journal writes and syncs what is needed. Called from `append`. */
  protected abstract schedule(): void
  abstract writeNow(): void
  abstract syncNow(): void
  abstract quiesce(): Promise<void> | undefined
  /** Frees the segments that lie before `position`, now or once no write under way can go into them. */
  protected abstract free(position: number): void
  /**
   * Resolves once nothing is under way on other threads and no turn will begin anything. Called when `closed` is set.
   */
  protected abstract settle(): Promise<void>

  readFrom(sequence: number): WrittenLog {
    assert(sequence > this.start.sequence, 'what is read is not freed')
    return new WrittenLog(this.store.files, this.start, sequence, this.written)
  }

  truncate(start: LogStart): void {
    assert(start.position <= this.synced, 'only synced log is freed')
    this.start = start
    this.free(start.position)
  }

  protected freeSegments(position: number): void {
    this.store.truncate(position)
    this.space.freed()
  }

  async close(clean: boolean): Promise<void> {
    if (this.closed) return
    this.closed = true
    const failedBefore = this.failure !== undefined
    await this.space.end(new DatabaseError('MANIFOLD_CLOSED', 'The database is closed: open it again.'))
    try {
      await this.settle()
      if (this.failure === undefined) this.flushSync(true)
    } finally {
      this.#delay?.cancel()
      this.store.closeSync()
    }
    // A failure from before has been reported; one of these last writes has nobody else to tell.
    if (this.failure === undefined) {
      if (clean) await this.store.remove()
    } else if (!failedBefore) throw this.failure
  }

  /** A sync of everything that is appended or under way is called for. */
  protected wantsSync(): boolean {
    return this.group.needsSync || this.delayOver || !this.waiters.isEmpty
  }

  /** The open group can be written through the durable descriptor: one write then makes durable all that is appended. */
  protected get canWriteThrough(): boolean {
    return this.group.isWhole && this.synced === this.written
  }

  /** Closes the open group and puts an empty one in its place. `direct`: it is to be written through the durable descriptor. */
  protected takeGroup(direct: boolean): CommitGroup {
    const group = this.group
    group.close(direct)
    if (group.bytes > 0) this.#unitIsFilled = direct
    this.group = new CommitGroup(this.pool)
    this.groupStart = this.appended
    if (group.bytes > 0) this.#statistics.groups++
    return group
  }

  /** Bytes through `position` were handed to the operating system. */
  protected noteWritten(position: number, sequence: number, delayed: boolean): void {
    if (position > this.written) {
      this.written = position
      this.lastWritten = sequence
    }
    if (delayed && this.#delay === undefined && this.synced < position) this.#startDelay()
  }

  /** Bytes through `position`, contiguous and fully written when the sync was called, are durable. */
  protected noteSynced(position: number, sequence: number, millis: number): void {
    this.#statistics.syncs++
    this.#statistics.syncMillis += millis
    if (position <= this.synced) return
    this.synced = position
    this.lastSynced = sequence
    if (position === this.written) this.#endDelay()
  }

  /** Tells everybody that the marks have moved. */
  protected report(): void {
    this.events.progressed()
    this.waiters.settle(this.synced)
  }

  #startDelay(): void {
    this.#delay = this.clock.after(this.#maxDelayMillis, () => {
      this.#delay = undefined
      if (this.failure !== undefined || this.closed || this.synced === this.written) return
      this.delayOver = true
      this.schedule()
    })
  }

  #endDelay(): void {
    this.#delay?.cancel()
    this.#delay = undefined
    this.delayOver = false
  }

  /**
   * Ends the log. A failed write may have reached the medium in part and a failed sync may have dropped what it did not
   * write while the next one succeeds, so nothing is tried again: what is on the medium is found out by recovery.
   */
  protected fail(error: unknown): Error {
    if (this.failure !== undefined) return this.failure
    const cause = ioError(error, 'write the log')
    this.failure = new DatabaseError(
      'MANIFOLD_POISONED',
      `The log failed: ${cause.message} Nothing more can be written. ` +
        'Close the database and open it again: it recovers what is durable.',
      { cause },
    )
    this.#endDelay()
    void this.space.end(this.failure)
    this.events.failed()
    this.waiters.fail(this.failure)
    return this.failure
  }

  /**
   * Writes, blocking, everything that is appended, and syncs it where `sync` is true. Requires that no write or sync is
   * under way on another thread. It takes one of three ways:
   *
   *   nothing to sync                  one plain write
   *   to sync, all before is synced,   one write through O_DSYNC: durable when it returns
   *   and the group is whole
   *   to sync, otherwise               one plain write, then a sync of each segment with unsynced bytes
   */
  protected flushSync(sync: boolean): void {
    // The marks are taken before any call: a sync covers these bytes and no others.
    const target = this.appended
    const sequence = this.lastAppended
    if (target === this.written && (!sync || target === this.synced)) return
    this.waiters.seal()
    try {
      if (target > this.written) this.#writeGroup(target, sequence, sync)
      if (sync && this.synced < target) {
        const begun = this.clock.now()
        this.store.syncSync(this.synced, target, 'plain')
        this.noteSynced(target, sequence, this.clock.now() - begun)
      }
    } catch (error) {
      throw this.fail(error)
    }
    this.report()
  }

  /** The same in a turn of its own: nobody is there to catch a failure, and `fail` has told everybody. */
  protected flushTurn(sync: boolean): void {
    try {
      this.flushSync(sync)
    } catch (error) {
      if (error !== this.failure) throw error
    }
  }

  #writeGroup(target: number, sequence: number, sync: boolean): void {
    const through = sync && this.canWriteThrough
    const group = this.takeGroup(through)
    const begun = through ? this.clock.now() : 0
    this.store.writeSync(group, through ? 'durable' : 'plain')
    this.noteWritten(target, sequence, group.needsDelayedSync && !sync)
    if (through) this.noteSynced(target, sequence, this.clock.now() - begun)
    group.release()
  }
}

/** The most that a record may take: its group may begin at the next unit, and positions are multiples of 4. */
function roomFor(payloadBytes: number): number {
  assert(payloadBytes % 4 === 0 && payloadBytes >= 0, "a payload's length is a multiple of 4")
  assert(payloadBytes <= RECORD_PAYLOAD_BYTES_MAX, 'a payload is within its limit')
  return WRITE_UNIT_BYTES - 4 + RECORD_HEADER_BYTES + payloadBytes
}

import type { Clock } from '../platform/clock.ts'
import type { Journal, JournalEvents, JournalStatistics } from './journal.ts'
import type { LogStart } from './log-reader.ts'

/**
 * The journal of `journal: 'off'`: it numbers commits and keeps nothing. Everything counts as written at once, because
 * no promise of durability waits for it; the data file alone makes anything durable, by checkpoints.
 */
export class NoJournal implements Journal {
  appended: number
  groupStart: number
  lastAppended: number
  readonly lastChecksum: number
  readonly failure: undefined = undefined
  readonly statistics: JournalStatistics = { records: 0, groups: 0, syncs: 0, syncMillis: 0, bytes: 0, stalls: 0 }
  readonly #clock: Clock
  readonly #events: JournalEvents
  #scheduled = false

  constructor(clock: Clock, events: JournalEvents, position: number, sequence: number, checksum: number) {
    this.#clock = clock
    this.#events = events
    this.appended = this.groupStart = position
    this.lastAppended = sequence
    this.lastChecksum = checksum
  }

  /** There is no log, so it begins where it ends. */
  get start(): LogStart {
    return { position: this.appended, previousChecksum: this.lastChecksum, sequence: this.lastAppended }
  }

  get written(): number {
    return this.appended
  }

  get synced(): number {
    return this.appended
  }

  get lastSynced(): number {
    return this.lastAppended
  }

  reserve(): undefined {
    return undefined
  }

  tryReserve(): boolean {
    return true
  }

  reserveSync(): void {}

  release(): void {}

  /** Positions still grow, so that the pipeline can order commits by them. */
  append(sequence: number): number {
    this.lastAppended = sequence
    this.appended += 4
    this.statistics.records++
    if (!this.#scheduled) {
      this.#scheduled = true
      this.#clock.defer(() => this.writeNow())
    }
    return this.appended
  }

  appendEntry(sequence: number): number {
    return this.append(sequence)
  }

  writeNow(): void {
    this.#scheduled = false
    this.groupStart = this.appended
    this.#events.progressed()
  }

  syncNow(): void {
    this.writeNow()
  }

  waitForSync(): Promise<void> {
    return Promise.resolve()
  }

  quiesce(): undefined {
    return undefined
  }

  readFrom(): never {
    throw new Error('without a log there is nothing to read')
  }

  truncate(): void {}

  close(): Promise<void> {
    return Promise.resolve()
  }
}

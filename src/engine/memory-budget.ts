import type { Clock } from '../platform/clock.ts'
import { MemoryUse } from '../shared/chunk-pool.ts'

/** What gives memory back: the checkpoint. */
export interface MemorySource {
  /** Bytes of commits in memory, also those that a run under way writes out. Not those of open transactions. */
  reclaimableBytes(): number
  /** Begins a run, unless one is under way. Its end is told to the budget, by `released` or `failed`. */
  reclaim(): void
}

/** Writers that are let in together. What they will write is not known, so the next ones look again a turn later. */
const ADMITTED_PER_TURN = 16
/** A checkpoint is worth waiting for when it gives back this part of the budget. */
const RECLAIMED_FRACTION = 1 / 8

/**
 * The memory of all memtables, active and frozen. Writers wait here, before they take a lock, while it is used up; a
 * transaction that is under way may overshoot it. What only snapshots keep alive is not counted.
 *
 * They wait in one line, so that what one caller writes takes effect in the order of its calls. Nobody waits for memory
 * that open transactions hold: these may end only after the very write that waits, and no checkpoint takes theirs.
 */
export class MemoryBudget {
  readonly use: MemoryUse = new MemoryUse()
  /** Memtables that are in the trees, or dropped, and that snapshots and iterators still read. */
  readonly pinned: MemoryUse = new MemoryUse()
  readonly limitBytes: number
  /** Times that a writer had to wait. */
  waits = 0
  readonly #clock: Clock
  readonly #line: ((error: Error | undefined) => void)[] = []
  #source: MemorySource | undefined

  constructor(limitBytes: number, clock: Clock) {
    this.limitBytes = limitBytes
    this.#clock = clock
  }

  /** To be called before anybody enters. */
  attach(source: MemorySource): void {
    this.#source = source
  }

  /** A writer may go on at once. */
  get isOpen(): boolean {
    return this.#line.length === 0 && this.use.bytes < this.limitBytes
  }

  /** Half of the budget takes writes while the other half is being merged. */
  get isCheckpointDue(): boolean {
    return this.use.bytes >= this.limitBytes / 2 && this.#isWorthwhile
  }

  /** It is used up, and waiting gives memory back. */
  get isReclaimDue(): boolean {
    return this.use.bytes >= this.limitBytes && this.#isWorthwhile
  }

  get #isWorthwhile(): boolean {
    return this.#source!.reclaimableBytes() >= this.limitBytes * RECLAIMED_FRACTION
  }

  /**
   * `proceed` is called once, when the writer may go on, or with the reason why there is no memory; not at all once what is
   * returned has been called, with which the writer leaves the line.
   */
  enter(proceed: (error: Error | undefined) => void): () => void {
    this.waits++
    this.#line.push(proceed)
    if (this.#line.length === 1) this.#admit()
    return () => {
      const place = this.#line.indexOf(proceed)
      if (place >= 0) this.#line.splice(place, 1)
    }
  }

  #admit(): void {
    for (let i = 0; i < ADMITTED_PER_TURN && this.#line.length > 0; i++) {
      if (this.isReclaimDue) {
        this.#source!.reclaim()
        return
      }
      this.#line.shift()!(undefined)
    }
    if (this.#line.length > 0) this.#clock.defer(() => this.#admit())
  }

  /** A checkpoint has given memory back. */
  released(): void {
    this.#admit()
  }

  /** Nobody in the line can be let in: the checkpoint that was to give memory back has failed, or the database is closing. */
  failed(error: Error): void {
    for (const proceed of this.#line.splice(0)) proceed(error)
  }
}

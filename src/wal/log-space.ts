import { assert } from '../base/assert.ts'
import type { Clock } from '../platform/clock.ts'
import type { Preparation } from './segment-files.ts'
import type { SegmentStore } from './segment-store.ts'

interface Waiter {
  readonly bytes: number
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** The next segment is prepared once this part of the last one is spoken for. */
const AHEAD_FRACTION = 0.05
/**
 * A log that grows faster than this has its zeros written and not synced. Its groups are long, so that allocating their
 * blocks in their own sync costs them little, while syncing the zeros would take half of the medium from them: 8 families
 * with ordered batches of 1,000 go 1.2 times as fast.
 */
const FAST_BYTES_PER_MILLI = 128 * 1024

/**
 * The room for records in prepared segments. All of it is either used by records, reserved for one, or open:
 *
 *   used <= used + reserved <= store.end
 *
 * A reservation is an amount, not a place. Who finds too little room waits in line, so a large record is not overtaken
 * for ever by small ones.
 */
export class LogSpace {
  readonly #store: SegmentStore
  readonly #clock: Clock
  #used: number
  #reserved = 0
  readonly #waiting: Waiter[] = []
  /** The preparation under way. At most one runs at a time. */
  #preparing: Promise<void> | undefined
  #preparationDeferred = false
  /**
   * The last preparation nobody waited for has failed: the next one waits for somebody who needs the room and hears of
   * the error.
   */
  #aheadFailed = false
  #ended: Error | undefined
  /** When the last preparation began, and what was used then. */
  #preparedAt: number
  #usedThen: number
  /** Reservations that had to wait. */
  stalls = 0

  constructor(store: SegmentStore, clock: Clock, used: number) {
    this.#store = store
    this.#clock = clock
    this.#used = this.#usedThen = used
    this.#preparedAt = clock.now()
  }

  /** Bytes that are missing for a reservation of `bytes`; zero or less if there is room. */
  #missing(bytes: number): number {
    return this.#used + this.#reserved + bytes - this.#store.end
  }

  #wantsAhead(): boolean {
    const { end, lastStart } = this.#store
    return !this.#aheadFailed && this.#used + this.#reserved > lastStart + (end - lastStart) * AHEAD_FRACTION
  }

  /** Reserves `bytes` where there is room and nobody waits for some. */
  tryReserve(bytes: number): boolean {
    if (this.#ended !== undefined || this.#waiting.length > 0 || this.#missing(bytes) > 0) return false
    this.#reserved += bytes
    return true
  }

  /** Reserves `bytes`: at once, or once the promise resolves. */
  reserve(bytes: number): Promise<void> | undefined {
    if (this.#ended !== undefined) return Promise.reject(this.#ended)
    if (this.tryReserve(bytes)) return undefined
    this.stalls++
    const promise = new Promise<void>((resolve, reject) => this.#waiting.push({ bytes, resolve, reject }))
    this.#prepareSoon()
    return promise
  }

  /** Reserves `bytes` at once, ahead of those who wait, because the caller's thread cannot let them go first. */
  reserveSync(bytes: number): void {
    if (this.#ended !== undefined) throw this.#ended
    if (this.#missing(bytes) > 0) this.stalls++
    for (let missing = this.#missing(bytes); missing > 0; missing = this.#missing(bytes))
      this.#store.extendSync(missing)
    this.#reserved += bytes
  }

  /** Gives a reservation back. */
  release(bytes: number): void {
    assert(bytes <= this.#reserved, 'only what was reserved is released')
    this.#reserved -= bytes
    this.#serve()
  }

  /** Turns a reservation into a record's place, of `bytes`; what is left of it goes back. */
  use(reserved: number, bytes: number): void {
    assert(bytes <= reserved && reserved <= this.#reserved, 'a record has a reservation')
    this.#reserved -= reserved
    this.#used += bytes
    if (this.#preparing === undefined && !this.#preparationDeferred && this.#wantsAhead()) this.#prepareSoon()
  }

  /** Segments have been freed, so a preparation may succeed that failed before. */
  freed(): void {
    this.#aheadFailed = false
  }

  /** Lets the first in line go as long as there is room for them. */
  #serve(): void {
    while (this.#waiting.length > 0 && this.#missing(this.#waiting[0]!.bytes) <= 0) {
      const waiter = this.#waiting.shift()!
      this.#reserved += waiter.bytes
      waiter.resolve()
    }
  }

  /** Preparing begins with opening a file, which an append must not wait for. */
  #prepareSoon(): void {
    if (this.#preparing !== undefined || this.#preparationDeferred) return
    this.#preparationDeferred = true
    this.#clock.defer(() => {
      this.#preparationDeferred = false
      if (this.#ended !== undefined) return
      this.#preparing = this.#prepare().finally(() => {
        this.#preparing = undefined
        // A reservation may have come between the loop's last look and this turn.
        if (this.#ended === undefined && this.#waiting.length > 0) this.#prepareSoon()
      })
    })
  }

  async #prepare(): Promise<void> {
    for (;;) {
      this.#serve()
      if (this.#ended !== undefined) return
      const first = this.#waiting[0]
      if (first === undefined && !this.#wantsAhead()) return
      try {
        await this.#store.extend(first === undefined ? 0 : this.#missing(first.bytes), this.#preparation())
        this.#aheadFailed = false
      } catch (error) {
        this.#aheadFailed = true
        // Only the first in line is told: those behind it may need less and find room.
        if (first !== undefined && first === this.#waiting[0]) {
          this.#waiting.shift()
          first.reject(error)
        }
      }
    }
  }

  #preparation(): Preparation {
    const now = this.#clock.now()
    const isFast = this.#used - this.#usedThen > (now - this.#preparedAt) * FAST_BYTES_PER_MILLI
    this.#preparedAt = now
    this.#usedThen = this.#used
    if (this.#store.takeMostlyThrough()) return 'direct'
    return isFast ? 'written' : 'synced'
  }

  /** Refuses all reservations from now on, with `error`; resolves once no preparation is under way. */
  async end(error: Error): Promise<void> {
    this.#ended ??= error
    for (const waiter of this.#waiting.splice(0)) waiter.reject(this.#ended)
    await this.#preparing
  }
}

import type { Clock, Timer } from '../clock.ts'
import type { SimulatedScheduler } from './scheduler.ts'

/**
 * 'event-loop': deferred calls run in real turns of the event loop, and time jumps to the next timer in a turn in which
 * nothing is deferred. 'manual': both happen only in `runDeferred` and `advance`.
 */
export type SimulatedClockMode = 'event-loop' | 'manual'

interface PendingTimer {
  readonly time: number
  readonly callback: () => void
}

/** Under a scheduler, one look at the clock in so many finds it a millisecond on: work in slices ends where the seed says. */
const TIME_MOVES_ONE_IN = 8

/**
 * A clock on which no time passes but by timers. Timers fire in the order of their times, then of their setting. Under a
 * scheduler, that decides when deferred calls are made, in their order, and when time moves on.
 */
export class SimulatedClock implements Clock {
  readonly #mode: SimulatedClockMode | SimulatedScheduler
  #now = 0
  /** By time, then by age. */
  #timers: PendingTimer[] = []
  /** Calls deferred and not yet made; in manual mode, all of them. */
  #deferred: (() => void)[] = []
  #deferredCount = 0
  #pumping = false

  constructor(mode: SimulatedClockMode | SimulatedScheduler = 'event-loop') {
    this.#mode = mode
    if (typeof mode === 'object') mode.passTime = () => this.#passTime()
  }

  now(): number {
    if (typeof this.#mode === 'object' && this.#mode.below(TIME_MOVES_ONE_IN) === 0) this.#now++
    return this.#now
  }

  after(milliseconds: number, callback: () => void): Timer {
    const timer = { time: this.#now + Math.max(0, milliseconds), callback }
    const index = this.#timers.findIndex(other => other.time > timer.time)
    this.#timers.splice(index < 0 ? this.#timers.length : index, 0, timer)
    if (this.#mode === 'event-loop') this.#pump()
    else if (this.#mode !== 'manual') this.#mode.pump()
    return { cancel: () => void (this.#timers = this.#timers.filter(other => other !== timer)) }
  }

  defer(callback: () => void): void {
    if (this.#mode === 'manual') {
      this.#deferred.push(callback)
      return
    }
    if (this.#mode !== 'event-loop') {
      this.#mode.schedule(callback, 'turns')
      return
    }
    this.#deferredCount++
    setImmediate(() => {
      this.#deferredCount--
      callback()
    })
  }

  /** Makes the calls that are deferred now, not those that they defer. Returns how many. For the manual mode. */
  runDeferred(): number {
    const calls = this.#deferred
    this.#deferred = []
    for (const call of calls) call()
    return calls.length
  }

  /** Moves time on and fires what falls due. */
  advance(milliseconds: number): void {
    const end = this.#now + milliseconds
    while (this.#timers.length > 0 && this.#timers[0]!.time <= end) this.#fireFirst()
    this.#now = end
  }

  #passTime(): boolean {
    if (this.#timers.length === 0) return false
    this.#fireFirst()
    return true
  }

  #fireFirst(): void {
    const timer = this.#timers.shift()!
    this.#now = Math.max(this.#now, timer.time)
    timer.callback()
  }

  /** Unref'd: a pending timer never keeps the process alive. */
  #pump(): void {
    if (this.#pumping) return
    this.#pumping = true
    setImmediate(() => {
      this.#pumping = false
      if (this.#deferredCount === 0 && this.#timers.length > 0) this.#fireFirst()
      if (this.#timers.length > 0) this.#pump()
    }).unref()
  }
}

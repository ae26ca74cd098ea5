import type { SeededRandom } from './random.ts'

interface Task {
  readonly run: () => void
  /** Tasks of one lane run in the order in which they came. */
  readonly lane: string | undefined
}

/** One in so many times, time moves on although something else could run. */
const TIME_PASSES_ONE_IN = 32

/** After so many timers in a row that led to nothing, whoever still waits waits for ever. */
const IDLE_STEPS_MAX = 1000

/**
 * Chooses by seed which of all that waits goes on next: operations on their way to the disk, their completions, turns of the
 * event loop, timers, and the steps of a test's own writers and readers. One task runs at a time, and all that it resolves has
 * run before the next is chosen, so that one seed is one order.
 */
export class SimulatedScheduler {
  readonly #random: SeededRandom
  readonly #waiting: Task[] = []
  #next: NodeJS.Immediate | undefined
  #idleSteps = 0
  /** Called when nothing is left to run: a promise that is still pending is one that nobody will settle. */
  onStall: (() => void) | undefined
  /** Fires the first timer, if there is one; false where there is none. Set by the clock. */
  passTime: () => boolean = () => false

  constructor(random: SeededRandom) {
    this.#random = random
  }

  /** Runs `run` at a time that the seed chooses, in order among its lane. */
  schedule(run: () => void, lane?: string): void {
    this.#waiting.push({ run, lane })
    this.pump()
  }

  /** Resolves when the caller's turn has come: what a writer or reader awaits between two steps. */
  turn(): Promise<void> {
    return new Promise(resolve => this.schedule(resolve))
  }

  /** A number from 0 to `limit` - 1. */
  below(limit: number): number {
    return this.#random.below(limit)
  }

  /** Goes on while there is something to run. A timer alone does not keep the process alive, unless somebody waits for the end. */
  pump(): void {
    this.#next ??= setImmediate(() => {
      this.#next = undefined
      if (this.#step()) this.pump()
    })
    if (this.#waiting.length > 0 || this.onStall !== undefined) this.#next.ref()
    else this.#next.unref()
  }

  #idle(): boolean {
    if (++this.#idleSteps <= IDLE_STEPS_MAX && this.passTime()) return true
    this.onStall?.()
    return false
  }

  #step(): boolean {
    if (this.#waiting.length === 0) return this.#idle()
    this.#idleSteps = 0
    if (this.#random.below(TIME_PASSES_ONE_IN) === 0) this.passTime()
    const chosen = this.#random.below(this.#waiting.length)
    const { lane } = this.#waiting[chosen]!
    const index = lane === undefined ? chosen : this.#waiting.findIndex(task => task.lane === lane)
    this.#waiting.splice(index, 1)[0]!.run()
    return true
  }
}

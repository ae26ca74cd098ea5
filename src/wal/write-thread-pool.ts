import type { Clock } from '../platform/clock.ts'
import type { Threads } from '../platform/thread.ts'
import { WriteThread } from './write-thread.ts'

/** How long a thread that nobody uses is kept for the next database. */
const KEPT_MILLIS = 5000

/**
 * The write threads of the databases that are open in this process: each has one of its own, since a sync that one waits
 * for must not hold up another. To start one takes some 30 ms, so one that is given back serves the next database.
 */
export class WriteThreadPool {
  readonly #clock: Clock
  readonly #idle: WriteThread[] = []
  #threads: Threads | undefined

  constructor(threads: Threads, clock: Clock) {
    this.#threads = threads
    this.#clock = clock
  }

  /** Undefined where no thread can be had. */
  take(): WriteThread | undefined {
    for (let idle = this.#idle.pop(); idle !== undefined; idle = this.#idle.pop()) if (!idle.isEnded) return idle
    if (this.#threads === undefined) return undefined
    // The extension is that of this module: built code starts built code.
    const extension = import.meta.url.slice(import.meta.url.lastIndexOf('.'))
    try {
      return new WriteThread(
        this.#threads,
        new URL(`../workers/write-thread${extension}`, import.meta.url),
        this.#clock,
        () => (this.#threads = undefined),
      )
    } catch {
      this.#threads = undefined
      return undefined
    }
  }

  give(thread: WriteThread): void {
    if (thread.isEnded) return
    this.#idle.push(thread)
    this.#clock.after(KEPT_MILLIS, () => {
      const index = this.#idle.indexOf(thread)
      if (index < 0) return
      this.#idle.splice(index, 1)
      void thread.terminate()
    })
  }
}

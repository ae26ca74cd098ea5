import type { Clock, Timer } from '../clock.ts'

/** The longest delay that setTimeout takes; a longer one would fire at once. */
const DELAY_MILLIS_MAX = 2 ** 31 - 1

export const nodeClock: Clock = {
  now(): number {
    return performance.now()
  },

  after(milliseconds: number, callback: () => void): Timer {
    const timeout = setTimeout(callback, Math.min(milliseconds, DELAY_MILLIS_MAX)).unref()
    return { cancel: () => clearTimeout(timeout) }
  },

  defer(callback: () => void): void {
    setImmediate(callback)
  },
}

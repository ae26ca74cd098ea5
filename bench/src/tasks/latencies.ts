import type { Figures } from '../processes.ts'

const CAPACITY_FIRST = 1 << 16

/** Durations of single operations; kept one by one, so that the percentiles are exact. `native/works.h` does the same. */
export class Latencies {
  #millis = new Float64Array(CAPACITY_FIRST)
  #count = 0

  get count(): number {
    return this.#count
  }

  add(millis: number): void {
    if (this.#count === this.#millis.length) {
      const larger = new Float64Array(this.#count * 2)
      larger.set(this.#millis)
      this.#millis = larger
    }
    this.#millis[this.#count++] = millis
  }

  /** In microseconds. */
  figures(): Figures {
    const sorted = this.#millis.subarray(0, this.#count).sort()
    const at = (share: number): number => sorted[Math.min(this.#count - 1, Math.floor(share * this.#count))]! * 1000
    return { p50: at(0.5), p99: at(0.99), p999: at(0.999) }
  }
}

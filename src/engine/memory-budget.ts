import { MemoryUse } from '../shared/chunk-pool.ts'

interface Waiter {
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/**
 * The memory of all memtables, active and frozen. Writers wait here, before they take a lock, while it is used up; a
 * transaction that is under way may overshoot it. What only snapshots keep alive is not counted.
 */
export class MemoryBudget {
  readonly use: MemoryUse = new MemoryUse()
  readonly limitBytes: number
  /** Times that a writer had to wait. */
  waits = 0
  #waiters: Waiter[] = []

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes
  }

  get isSpent(): boolean {
    return this.use.bytes >= this.limitBytes
  }

  /** Settles when `released` or `failed` is called next. */
  wait(): Promise<void> {
    this.waits++
    return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }))
  }

  /** A checkpoint has given memory back. */
  released(): void {
    const waiters = this.#waiters
    this.#waiters = []
    for (const { resolve } of waiters) resolve()
  }

  /** The checkpoint that was to give memory back has failed. */
  failed(error: Error): void {
    const waiters = this.#waiters
    this.#waiters = []
    for (const { reject } of waiters) reject(error)
  }
}

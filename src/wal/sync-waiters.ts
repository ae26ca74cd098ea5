interface Waiter {
  /** The furthest position that somebody waits for with this promise. */
  through: number
  readonly promise: Promise<void>
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/**
 * Who waits for a sync. Everything that one sync covers is settled by one promise, in the order of waiting, however
 * many callers await it: a promise and closures for each caller would cost more than the record.
 */
export class SyncWaiters {
  readonly #waiters: Waiter[] = []
  /** The last waiter's promise still takes callers: the bytes it will cover are not yet settled. */
  #open = false

  get isEmpty(): boolean {
    return this.#waiters.length === 0
  }

  /** A promise that settles once `position` is synced. */
  add(position: number): Promise<void> {
    const last = this.#waiters[this.#waiters.length - 1]
    if (last !== undefined && (this.#open || position <= last.through)) {
      if (position > last.through) last.through = position
      return last.promise
    }
    let resolve = (): void => {}
    let reject = (_error: unknown): void => {}
    const promise = new Promise<void>((onResolve, onReject) => {
      resolve = onResolve
      reject = onReject
    })
    // A failure that nobody waits for any more must not end the process.
    promise.catch(() => {})
    this.#waiters.push({ through: position, promise, resolve, reject })
    this.#open = true
    return promise
  }

  /** A sync of everything appended so far begins: whoever comes now may need the next one. */
  seal(): void {
    this.#open = false
  }

  /** `synced` has moved. */
  settle(synced: number): void {
    let settled = 0
    while (settled < this.#waiters.length && this.#waiters[settled]!.through <= synced) settled++
    for (const waiter of this.#waiters.splice(0, settled)) waiter.resolve()
  }

  fail(error: Error): void {
    for (const waiter of this.#waiters.splice(0)) waiter.reject(error)
  }
}

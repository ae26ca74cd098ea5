/** A timer that can be cancelled. A pending timer never keeps the process alive. */
export interface Timer {
  cancel(): void
}

/** Time and turns of the event loop, injected so that a simulation decides both. */
export interface Clock {
  /** Milliseconds, monotonic, with a fraction. */
  now(): number
  /** Calls back once after `milliseconds`. */
  after(milliseconds: number, callback: () => void): Timer
  /** Calls back in the next turn of the event loop, after what is already queued, and keeps the process alive till then. */
  defer(callback: () => void): void
}

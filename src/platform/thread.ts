/** A background thread that runs one of the bodies in `src/workers`. Descriptors are opened by the owner, never by the thread. */
export interface Thread {
  post(message: unknown): void
  onMessage(listener: (message: unknown) => void): void
  /** Called once, when the thread has ended for whatever reason; `error` is undefined after `terminate` or a normal end. */
  onExit(listener: (error: Error | undefined) => void): void
  /** True while the thread should keep the process alive. */
  hold(alive: boolean): void
  terminate(): Promise<void>
}

export interface Threads {
  /** How many threads run at once. */
  readonly processors: number
  /** Starts the module at `body`, or throws where threads cannot be had. */
  spawn(body: URL): Thread
}

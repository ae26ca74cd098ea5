import { parentPort } from 'node:worker_threads'
import { assert } from '../../base/assert.ts'

/** The thread's own end of what `Thread` is to its owner. */
export interface ThreadPort {
  post(message: unknown): void
  /** From the first listener on, the thread lives until it is terminated or `close` is called. */
  onMessage(listener: (message: unknown) => void): void
  close(): void
}

/** Requires: called in a thread that `nodeThreads` has started. */
export function threadPort(): ThreadPort {
  const port = parentPort
  assert(port !== null, 'a thread body was run on the main thread')
  return {
    post: message => port.postMessage(message),
    onMessage: listener => void port.on('message', listener),
    close: () => port.close(),
  }
}

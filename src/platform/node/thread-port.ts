import { parentPort, receiveMessageOnPort } from 'node:worker_threads'
import { assert } from '../../base/assert.ts'

/** The thread's own end of what `Thread` is to its owner. */
export interface ThreadPort {
  post(message: unknown): void
  /** The next message that has come, taken out of turn; undefined if there is none. For a body that never returns to its event loop. */
  receive(): unknown
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
    receive: () => receiveMessageOnPort(port)?.message as unknown,
    onMessage: listener => void port.on('message', listener),
    close: () => port.close(),
  }
}

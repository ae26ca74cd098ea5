import { markAsUntransferable } from 'node:worker_threads'

/** Makes sending the buffer to a thread copy it: a slab that many values share must not leave with one of them. */
export function makeUntransferable(buffer: ArrayBuffer): void {
  markAsUntransferable(buffer)
}

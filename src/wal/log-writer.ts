import type { File } from '../platform/file-system.ts'
import { writeFully } from '../platform/write-fully.ts'
import { ZEROS } from '../shared/zeros.ts'
import type { WriteThread } from './write-thread.ts'
import type { WriteThreadPool } from './write-thread-pool.ts'

/** Zeros that the I/O threads write in one call: each call needs a turn of the event loop to be followed by the next. */
const ZEROS_AT_ONCE = 16 * 1024 * 1024

/**
 * Which thread writes the log off the caller's: a write thread as soon as one runs, and the I/O threads until then and without
 * one. Groups with parts that lie in arenas are the I/O threads' as well: to wake one costs them little beside their bytes, and
 * a write thread would keep the arenas alive.
 */
export class LogWriter {
  readonly #pool: WriteThreadPool | undefined
  readonly #pollMicros: number
  #thread: WriteThread | undefined

  /** Without a pool all goes through the I/O threads. */
  constructor(pool?: WriteThreadPool, pollMicros: number = 0) {
    this.#pool = pool
    this.#pollMicros = pollMicros
  }

  /** Writes all of `parts`. `through` must be what the file was opened with: each write reaches the medium. */
  async write(file: File, through: boolean, parts: readonly Uint8Array[], position: number): Promise<void> {
    const thread = this.#ready(file)
    if (thread === undefined || parts.length !== 1 || !(parts[0]!.buffer instanceof SharedArrayBuffer))
      return writeFully(file, parts, position)
    const { path } = file
    await writeFully({ path, write: ([left], at) => thread.write(file, through, left!, at) }, parts, position)
  }

  async writeZeros(file: File, from: number, to: number): Promise<void> {
    const thread = this.#ready(file)
    if (thread !== undefined && !thread.isWritingZeros && (await thread.writeZeros(file, from, to))) return
    for (let position = from; position < to; position += ZEROS_AT_ONCE)
      await writeFully(file, zeroParts(Math.min(ZEROS_AT_ONCE, to - position)), position)
  }

  #ready(file: File): WriteThread | undefined {
    if (this.#pool === undefined || file.descriptor === undefined) return undefined
    if (this.#thread === undefined || this.#thread.isEnded) {
      this.#thread = this.#pool.take()
      if (this.#thread !== undefined) this.#thread.pollMicros = this.#pollMicros
    }
    return this.#thread?.isReady === true ? this.#thread : undefined
  }

  /** Requires: nothing is being written. */
  close(): void {
    if (this.#thread !== undefined) this.#pool!.give(this.#thread)
    this.#thread = undefined
  }
}

function zeroParts(bytes: number): Uint8Array[] {
  const parts: Uint8Array[] = []
  for (let left = bytes; left > 0; left -= ZEROS.length) parts.push(ZEROS.subarray(0, left))
  return parts
}

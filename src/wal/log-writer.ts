import type { File } from '../platform/file-system.ts'
import { writeFully } from '../platform/write-fully.ts'
import { ZEROS } from '../shared/zeros.ts'
import type { WriteThread } from './write-thread.ts'
import type { WriteThreadPool } from './write-thread-pool.ts'

/** Zeros that the I/O threads write in one call: each call needs a turn of the event loop to be followed by the next. */
const ZEROS_AT_ONCE = 16 * 1024 * 1024
/**
 * The same of a direct file: groups wait meanwhile. With 1, 1.5, 2 and 3 MiB 8 families with ordered batches of 1,000 wrote 0.98,
 * 1.01, 1.02 and 0.99 times as much (± 0.02).
 */
const DIRECT_ZEROS_AT_ONCE = 1536 * 1024

/** What a write needs to be known of. */
interface WriteKind {
  /** What the file was opened with: each write reaches the medium. */
  readonly through: boolean
  /** The parts lie in memory of the journal's own, which is used again and again. */
  readonly hasOwnMemory: boolean
}

/**
 * Which thread writes the log off the caller's: a write thread as soon as one runs, and the I/O threads until then and without
 * one. Groups with parts that lie in arenas are the I/O threads' as well: to wake one costs them little beside their bytes, and
 * a write thread would keep the arenas alive.
 */
export class LogWriter {
  readonly #pool: WriteThreadPool | undefined
  readonly #pollMicros: number
  #thread: WriteThread | undefined
  /** The thread has been given a group. */
  #writesGroups = false

  /** Without a pool all goes through the I/O threads. */
  constructor(pool?: WriteThreadPool, pollMicros: number = 0) {
    this.#pool = pool
    this.#pollMicros = pollMicros
  }

  /** Writes all of `parts`. */
  async write(file: File, kind: WriteKind, parts: readonly Uint8Array[], position: number): Promise<void> {
    const thread = kind.hasOwnMemory ? this.#ready(file) : undefined
    if (thread === undefined) return writeFully(file, parts, position)
    this.#writesGroups = true
    const { path } = file
    const write = (left: readonly Uint8Array[], at: number): Promise<number> =>
      thread.isReady ? thread.write(file, kind.through, left, at) : file.write(left, at)
    await writeFully({ path, write }, parts, position)
  }

  /** Where the thread writes groups, a direct file's zeros are the I/O threads': otherwise the groups would wait for them. */
  async writeZeros(file: File, from: number, to: number): Promise<void> {
    const thread = file.isDirect && this.#writesGroups ? undefined : this.#ready(file)
    if (thread !== undefined && !thread.isWritingZeros && (await thread.writeZeros(file, from, to))) return
    const atOnce = file.isDirect ? DIRECT_ZEROS_AT_ONCE : ZEROS_AT_ONCE
    for (let position = from; position < to; position += atOnce)
      await writeFully(file, zeroParts(Math.min(atOnce, to - position)), position)
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

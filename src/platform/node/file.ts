import fs from 'node:fs'
import type { File } from '../file-system.ts'

/** The most parts that one writev takes (IOV_MAX on every system that Node runs on). */
const PARTS_MAX = 1024
/** The most bytes handed over in one call. Linux takes 2 GiB less a page, macOS refuses more than 2 GiB - 1. */
const CALL_BYTES_MAX = 1024 * 1024 * 1024

/** The leading parts of `parts` that one call may take. Empty parts are left out: some systems refuse them. */
function batchOf(parts: readonly Uint8Array[]): readonly Uint8Array[] {
  if (parts.length === 1 && parts[0]!.length <= CALL_BYTES_MAX) return parts
  const batch: Uint8Array[] = []
  let room = CALL_BYTES_MAX
  for (const part of parts) {
    if (batch.length === PARTS_MAX || room === 0) break
    if (part.length === 0) continue
    const taken = part.length <= room ? part : part.subarray(0, room)
    batch.push(taken)
    room -= taken.length
  }
  return batch
}

/** An open file of the operating system. */
export class NodeFile implements File {
  readonly path: string
  readonly descriptor: number
  readonly isDirect: boolean
  /** True where the descriptor has no O_DSYNC that can be trusted and every write must be followed by a sync. */
  readonly #syncAfterWrite: boolean
  readonly #owned: boolean
  #closed = false
  /** Calls that libuv holds. The descriptor's number must not be free for another file before they have ended. */
  #inFlight = 0

  /** With `owned` false the descriptor belongs to another thread, and closing leaves it open. */
  constructor(path: string, descriptor: number, syncAfterWrite: boolean, owned: boolean, isDirect: boolean) {
    this.path = path
    this.descriptor = descriptor
    this.isDirect = isDirect
    this.#syncAfterWrite = syncAfterWrite
    this.#owned = owned
  }

  size(): number {
    this.#checkOpen()
    return fs.fstatSync(this.descriptor).size
  }

  readSync(target: Uint8Array, position: number): number {
    this.#checkOpen()
    let filled = 0
    while (filled < target.length) {
      const length = Math.min(target.length - filled, CALL_BYTES_MAX)
      const count = fs.readSync(this.descriptor, target, filled, length, position + filled)
      if (count === 0) break
      filled += count
    }
    return filled
  }

  writeSync(parts: readonly Uint8Array[], position: number): number {
    this.#checkOpen()
    const batch = batchOf(parts)
    if (batch.length === 0) return 0
    const written =
      batch.length === 1
        ? fs.writeSync(this.descriptor, batch[0]!, 0, batch[0]!.length, position)
        : fs.writevSync(this.descriptor, batch, position)
    if (this.#syncAfterWrite) fs.fdatasyncSync(this.descriptor)
    return written
  }

  write(parts: readonly Uint8Array[], position: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#checkOpen()
      const batch = batchOf(parts)
      if (batch.length === 0) return resolve(0)
      const settle = (error: Error | null, written: number): void => {
        this.#leave()
        if (error) reject(error)
        else resolve(written)
      }
      const written = !this.#syncAfterWrite
        ? settle
        : (error: Error | null, count: number): void => {
            if (error) settle(error, 0)
            else fs.fdatasync(this.descriptor, failure => settle(failure, count))
          }
      if (batch.length === 1) fs.write(this.descriptor, batch[0]!, 0, batch[0]!.length, position, written)
      else fs.writev(this.descriptor, batch, position, written)
      this.#inFlight++
    })
  }

  syncSync(): void {
    this.#checkOpen()
    fs.fdatasyncSync(this.descriptor)
  }

  sync(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#checkOpen()
      fs.fdatasync(this.descriptor, error => {
        this.#leave()
        if (error) reject(error)
        else resolve()
      })
      this.#inFlight++
    })
  }

  truncateSync(size: number): void {
    this.#checkOpen()
    fs.ftruncateSync(this.descriptor, size)
  }

  truncate(size: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#checkOpen()
      fs.ftruncate(this.descriptor, size, error => {
        this.#leave()
        if (error) reject(error)
        else resolve()
      })
      this.#inFlight++
    })
  }

  /** Calls in flight are finished first: were the descriptor freed under them, they could write into another file. */
  closeSync(): void {
    if (this.#closed) return
    this.#closed = true
    if (this.#inFlight === 0) this.#release()
  }

  #leave(): void {
    this.#inFlight--
    if (this.#closed && this.#inFlight === 0) this.#release()
  }

  #release(): void {
    if (this.#owned) fs.closeSync(this.descriptor)
  }

  /** After closing, the number may already belong to another file. */
  #checkOpen(): void {
    if (this.#closed) throw Object.assign(new Error(`EBADF: ${this.path} is closed`), { code: 'EBADF' })
  }
}

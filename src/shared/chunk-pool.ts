/**
 * Memory for arenas and indexes: chunks of three sizes that any thread may read, kept for the next memtable when one is
 * released. Memory that was never touched before halves the speed of inserting, because the kernel maps it page by page.
 */
export const CHUNK_BYTES_SMALL: number = 4 * 1024
export const CHUNK_BYTES_MIDDLE: number = 64 * 1024
export const CHUNK_BYTES_LARGE: number = 1024 * 1024

/** The size of a growing structure's next chunk after one of `previous` bytes (0: the first): a thousand idle ones cost 4 KiB each. */
export function nextChunkBytes(previous: number): number {
  if (previous === 0) return CHUNK_BYTES_SMALL
  return previous < CHUNK_BYTES_MIDDLE ? CHUNK_BYTES_MIDDLE : CHUNK_BYTES_LARGE
}

export class ChunkPool {
  readonly #free: Map<number, SharedArrayBuffer[]> = new Map([
    [CHUNK_BYTES_SMALL, []],
    [CHUNK_BYTES_MIDDLE, []],
    [CHUNK_BYTES_LARGE, []],
  ])
  #freeBytes = 0
  #keepBytesMax = 0

  /** Somebody will use up to `bytes`: that much is kept. */
  join(bytes: number): void {
    this.#keepBytesMax += bytes
  }

  /** Undoes `join`. What is kept beyond the rest stays until `trim`, for whoever joins next. */
  leave(bytes: number): void {
    this.#keepBytesMax -= bytes
  }

  /** Leaves to the garbage collector what nobody has asked to be kept. */
  trim(): void {
    for (const size of [CHUNK_BYTES_LARGE, CHUNK_BYTES_MIDDLE, CHUNK_BYTES_SMALL]) {
      const list = this.#free.get(size)!
      while (this.#freeBytes > this.#keepBytesMax && list.pop() !== undefined) this.#freeBytes -= size
    }
  }

  /** A chunk of `bytes`; what it holds is left over from earlier use. */
  take(bytes: number): SharedArrayBuffer {
    const chunk = this.#free.get(bytes)?.pop()
    if (chunk === undefined) return new SharedArrayBuffer(bytes)
    this.#freeBytes -= bytes
    return chunk
  }

  /** Requires: nobody, on any thread, reads the chunk any more. */
  give(chunk: SharedArrayBuffer): void {
    const list = this.#free.get(chunk.byteLength)
    if (list === undefined || this.#freeBytes + chunk.byteLength > this.#keepBytesMax) return
    list.push(chunk)
    this.#freeBytes += chunk.byteLength
  }

  get freeBytes(): number {
    return this.#freeBytes
  }
}

/**
 * The pool of all databases of this thread: one that is opened after another was closed finds touched memory, as a
 * program that uses malloc does. It halves the time of the first 400,000 writes to a new database.
 */
export const chunkPool: ChunkPool = new ChunkPool()

/** Bytes that a memtable holds, counted into the database's budget until `detach`. */
export class MemoryUse {
  bytes = 0
  #total: MemoryUse | undefined

  constructor(total?: MemoryUse) {
    this.#total = total
  }

  add(bytes: number): void {
    this.bytes += bytes
    this.#total?.add(bytes)
  }

  /** What snapshots alone keep alive is outside the budget. */
  detach(): void {
    this.#total?.add(-this.bytes)
    this.#total = undefined
  }
}

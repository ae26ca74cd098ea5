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
  readonly #keepBytesMax: number
  readonly #free: Map<number, SharedArrayBuffer[]> = new Map([
    [CHUNK_BYTES_SMALL, []],
    [CHUNK_BYTES_MIDDLE, []],
    [CHUNK_BYTES_LARGE, []],
  ])
  #freeBytes = 0

  /** Chunks that come back beyond `keepBytesMax` are left to the garbage collector. */
  constructor(keepBytesMax: number) {
    this.#keepBytesMax = keepBytesMax
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

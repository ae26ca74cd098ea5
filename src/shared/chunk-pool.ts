/**
 * Memory for arenas and indexes: chunks that any thread may read, of three sizes and longer ones for one long entry each, kept
 * for the next memtable when one is released. Memory that was never touched before halves the speed of inserting, because the
 * kernel maps it page by page.
 */
export const CHUNK_BYTES_SMALL: number = 4 * 1024
export const CHUNK_BYTES_MIDDLE: number = 64 * 1024
export const CHUNK_BYTES_LARGE: number = 1024 * 1024

/** The size of a growing structure's next chunk after one of `previous` bytes (0: the first): a thousand idle ones cost 4 KiB each. */
export function nextChunkBytes(previous: number): number {
  if (previous === 0) return CHUNK_BYTES_SMALL
  return previous < CHUNK_BYTES_MIDDLE ? CHUNK_BYTES_MIDDLE : CHUNK_BYTES_LARGE
}

/** Of the parts into which a power of two is divided, the chunk for a long entry has as many as the entry needs. */
const LONG_PARTS_BITS = 4

/** The size of a chunk for one entry of `bytes`, which may leave a sixteenth of it unused: so the next entry of about that length fits, too. */
export function longChunkBytes(bytes: number): number {
  const part = Math.max(CHUNK_BYTES_SMALL, 1 << (31 - Math.clz32(bytes - 1) - LONG_PARTS_BITS))
  return Math.ceil(bytes / part) * part
}

/** Large chunks that are touched ahead of their use while there is writing. */
const AHEAD_CHUNKS = 16

/** Has another thread write to every page of the parts. */
export type Touch = (parts: readonly Uint8Array[]) => Promise<void>

/**
 * A large chunk is cold until somebody has written to all its pages, and again when the process has forked since (as
 * spawning a command does): each first write to a page then costs a fault, 20,000 of them for 80 MB. While large chunks are
 * taken, cold ones and new ones are touched ahead on another thread.
 */
export class ChunkPool {
  /** Where nobody touches, all chunks are cold and used as they are. */
  touch: Touch | undefined
  readonly #cold: Map<number, SharedArrayBuffer[]> = new Map([
    [CHUNK_BYTES_SMALL, []],
    [CHUNK_BYTES_MIDDLE, []],
    [CHUNK_BYTES_LARGE, []],
  ])
  readonly #warm: SharedArrayBuffer[] = []
  /** Of any other size, oldest first. */
  readonly #long: SharedArrayBuffer[] = []
  #touching = false
  #freeBytes = 0
  #keepBytesMax = 0

  /** Somebody will use up to `bytes`: that much is kept. */
  join(bytes: number): void {
    this.#keepBytesMax += bytes
  }

  /** The process may have forked. */
  cool(): void {
    this.#cold.get(CHUNK_BYTES_LARGE)!.push(...this.#warm.splice(0))
  }

  /** Undoes `join`. What is kept beyond the rest stays until `trim`, for whoever joins next. */
  leave(bytes: number): void {
    this.#keepBytesMax -= bytes
  }

  /** Leaves to the garbage collector what nobody has asked to be kept. */
  trim(): void {
    this.#makeRoom(0)
    this.#drop(this.#warm, CHUNK_BYTES_LARGE)
    for (const [size, list] of this.#cold) this.#drop(list, size)
  }

  #drop(list: SharedArrayBuffer[], size: number): void {
    while (this.#freeBytes > this.#keepBytesMax && list.pop() !== undefined) this.#freeBytes -= size
  }

  /** Lets long chunks go, which fit few, until `bytes` more may be kept. False if there is no room even so. */
  #makeRoom(bytes: number): boolean {
    if (bytes > this.#keepBytesMax) return false
    while (this.#freeBytes + bytes > this.#keepBytesMax) {
      const oldest = this.#long.shift()
      if (oldest === undefined) return false
      this.#freeBytes -= oldest.byteLength
    }
    return true
  }

  /** A chunk of `bytes`; what it holds is left over from earlier use. */
  take(bytes: number): SharedArrayBuffer {
    const warm = bytes === CHUNK_BYTES_LARGE ? this.#warm.pop() : undefined
    const list = this.#cold.get(bytes)
    const chunk = warm ?? (list === undefined ? this.#takeLong(bytes) : list.pop())
    if (chunk !== undefined) this.#freeBytes -= bytes
    if (bytes === CHUNK_BYTES_LARGE) this.#touchAhead()
    return chunk ?? new SharedArrayBuffer(bytes)
  }

  #takeLong(bytes: number): SharedArrayBuffer | undefined {
    const index = this.#long.findLastIndex(chunk => chunk.byteLength === bytes)
    return index < 0 ? undefined : this.#long.splice(index, 1)[0]
  }

  #touchAhead(): void {
    if (this.#touching || this.touch === undefined || this.#warm.length > AHEAD_CHUNKS / 2) return
    const cold = this.#cold.get(CHUNK_BYTES_LARGE)!
    const chunks: SharedArrayBuffer[] = []
    while (chunks.length < AHEAD_CHUNKS) chunks.push(cold.pop() ?? this.#newChunk())
    this.#touching = true
    void this.touch(chunks.map(chunk => new Uint8Array(chunk))).then(() => {
      this.#touching = false
      this.#warm.push(...chunks)
    })
  }

  #newChunk(): SharedArrayBuffer {
    this.#freeBytes += CHUNK_BYTES_LARGE
    return new SharedArrayBuffer(CHUNK_BYTES_LARGE)
  }

  /** Requires: nobody, on any thread, reads the chunk any more. */
  give(chunk: SharedArrayBuffer): void {
    const size = chunk.byteLength
    if (!this.#makeRoom(size)) return
    const list = size === CHUNK_BYTES_LARGE ? this.#warm : (this.#cold.get(size) ?? this.#long)
    list.push(chunk)
    this.#freeBytes += size
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

/** Bytes that a memtable holds, counted into the database's budget until `moveTo`. */
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

  /** From now on the bytes count elsewhere: what snapshots alone keep alive is outside the budget. */
  moveTo(total: MemoryUse): void {
    this.#total?.add(-this.bytes)
    this.#total = total
    total.add(this.bytes)
  }
}

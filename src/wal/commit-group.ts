import { RECORD_HEADER_BYTES } from './record-format.ts'

/** Parts shorter than this are copied: a copy of 16 KiB costs less than one more entry in a vectored write. */
const COPY_BYTES_MAX = 16 * 1024
const CHUNK_BYTES = 256 * 1024
/** Chunks that are kept for the next groups. */
const POOLED_CHUNKS_MAX = 8

/** Memory for headers and short parts, which threads can share, as bytes and as words. */
interface Chunk {
  readonly bytes: Uint8Array
  readonly words: Int32Array
}

function newChunk(): Chunk {
  const buffer = new SharedArrayBuffer(CHUNK_BYTES)
  return { bytes: new Uint8Array(buffer), words: new Int32Array(buffer) }
}

/** Chunks that are used again once they are written. */
export class ChunkPool {
  readonly #chunks: Chunk[] = []

  take(): Chunk {
    return this.#chunks.pop() ?? newChunk()
  }

  give(chunks: Chunk[]): void {
    for (const chunk of chunks) if (this.#chunks.length < POOLED_CHUNKS_MAX) this.#chunks.push(chunk)
  }
}

/**
 * The bytes that one write carries: everything appended since the last one. States of a group, in order:
 *
 *   open      records are added
 *   taken     `parts` is called: its bytes are being written and no record joins any more
 *   done      `release` is called: its memory belongs to later groups
 */
export class CommitGroup {
  readonly #pool: ChunkPool
  readonly #parts: Uint8Array[] = []
  readonly #chunks: Chunk[] = []
  #chunk: Chunk | undefined
  /** The bytes of the last chunk from `#partStart` to `#fill` are copied but not yet a part. */
  #partStart = 0
  #fill = 0
  bytes = 0
  /** A record of the group must be synced at once. */
  needsSync = false
  /** A record of the group must be synced within the longest delay. */
  needsDelayedSync = false

  constructor(pool: ChunkPool) {
    this.#pool = pool
  }

  add(header: Uint8Array, parts: readonly Uint8Array[], payloadBytes: number): void {
    this.#copy(header)
    for (let i = 0; i < parts.length; i++) {
      const part = parts[i]!
      if (part.length < COPY_BYTES_MAX) this.#copy(part)
      else {
        this.#endPart()
        this.#parts.push(part)
      }
    }
    this.bytes += RECORD_HEADER_BYTES + payloadBytes
  }

  /**
   * Room for a whole record of `bytes`, a multiple of 4: the caller writes it into `words`, from the index returned on,
   * before it adds anything else. Requires: `bytes` is far below CHUNK_BYTES.
   */
  room(bytes: number): number {
    const at = this.#take(bytes)
    this.bytes += bytes
    return at >>> 2
  }

  get words(): Int32Array {
    return this.#chunk!.words
  }

  #copy(part: Uint8Array): void {
    const at = this.#take(part.length)
    this.#chunk!.bytes.set(part, at)
  }

  /** The place of the next `bytes` in the chunk. */
  #take(bytes: number): number {
    if (this.#chunk === undefined || this.#fill + bytes > CHUNK_BYTES) {
      this.#endPart()
      this.#chunk = this.#pool.take()
      this.#chunks.push(this.#chunk)
      this.#partStart = 0
      this.#fill = 0
    }
    const at = this.#fill
    this.#fill += bytes
    return at
  }

  #endPart(): void {
    if (this.#chunk === undefined || this.#fill === this.#partStart) return
    this.#parts.push(this.#chunk.bytes.subarray(this.#partStart, this.#fill))
    this.#partStart = this.#fill
  }

  /** The group's bytes, in log order. */
  parts(): readonly Uint8Array[] {
    this.#endPart()
    return this.#parts
  }

  /** Gives the group's memory back. No write may still read it. */
  release(): void {
    this.#pool.give(this.#chunks.splice(0))
    this.#chunk = undefined
  }
}

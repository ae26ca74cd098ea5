import { RECORD_HEADER_BYTES } from './record-format.ts'

/** Parts shorter than this are copied: a copy of 16 KiB costs less than one more entry in a vectored write. */
const COPY_BYTES_MAX = 16 * 1024
const CHUNK_BYTES = 256 * 1024
/** Chunks that are kept for the next groups. */
const POOLED_CHUNKS_MAX = 8

/** Memory for headers and short parts, used again once it is written. */
export class ChunkPool {
  readonly #chunks: Uint8Array[] = []

  take(): Uint8Array {
    return this.#chunks.pop() ?? new Uint8Array(CHUNK_BYTES)
  }

  give(chunks: Uint8Array[]): void {
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
  readonly #chunks: Uint8Array[] = []
  #chunk: Uint8Array | undefined
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

  #copy(part: Uint8Array): void {
    if (this.#chunk === undefined || this.#fill + part.length > CHUNK_BYTES) {
      this.#endPart()
      this.#chunk = this.#pool.take()
      this.#chunks.push(this.#chunk)
      this.#partStart = 0
      this.#fill = 0
    }
    this.#chunk.set(part, this.#fill)
    this.#fill += part.length
  }

  #endPart(): void {
    if (this.#chunk === undefined || this.#fill === this.#partStart) return
    this.#parts.push(this.#chunk.subarray(this.#partStart, this.#fill))
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

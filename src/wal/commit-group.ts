import { alignedMemory, WRITE_UNIT_BYTES } from '../base/aligned-memory.ts'
import { RECORD_HEADER_BYTES } from './record-format.ts'

/** Parts shorter than this are always copied: a copy of 16 KiB costs less than one more entry in a vectored write. */
const SHORT_BYTES_MAX = 16 * 1024
/** Parts up to this length are copied where the group may then be written directly; copying one longer costs more than that saves. */
const COPY_BYTES_MAX = 2 * 1024 * 1024
const CHUNK_BYTES = 256 * 1024
/** Chunks that are made at a time, in one memory. */
const CHUNKS_AT_ONCE = 4
/** Chunks that are kept for the next groups. */
const POOLED_CHUNKS_MAX = 64

/** Memory of a group, which threads can share, as bytes and as words. */
interface Chunk {
  readonly bytes: Uint8Array
  readonly words: Int32Array
  /** It can be written directly. */
  readonly isAligned: boolean
}

/** Chunks that are used again once they are written. */
export class ChunkPool {
  readonly #chunks: Chunk[] = []

  take(): Chunk {
    if (this.#chunks.length === 0) this.#make()
    return this.#chunks.pop()!
  }

  #make(): void {
    const aligned = alignedMemory(CHUNKS_AT_ONCE * CHUNK_BYTES)
    const memory = aligned ?? new SharedArrayBuffer(CHUNKS_AT_ONCE * CHUNK_BYTES)
    for (let offset = (CHUNKS_AT_ONCE - 1) * CHUNK_BYTES; offset >= 0; offset -= CHUNK_BYTES) {
      this.#chunks.push({
        bytes: new Uint8Array(memory, offset, CHUNK_BYTES),
        words: new Int32Array(memory, offset, CHUNK_BYTES / 4),
        isAligned: aligned !== undefined,
      })
    }
  }

  give(chunks: Chunk[]): void {
    for (const chunk of chunks) if (this.#chunks.length < POOLED_CHUNKS_MAX) this.#chunks.push(chunk)
  }
}

/**
 * The bytes that one write carries: everything appended since the last one. States of a group, in order:
 *
 *   empty     no record yet; `begin` says where the first one goes
 *   open      records are added
 *   closed    `close` is called: its `parts` are being written and no record joins any more
 *   done      `release` is called: its memory belongs to later groups
 *
 * A group that begins at a multiple of the write unit is whole as long as all its bytes are copied into chunks, one behind the
 * other without a hole: then every part but the last is of whole units and begins at one, in memory and in the log, and the
 * group can be written directly. Otherwise long parts stay where they are.
 */
export class CommitGroup {
  readonly #pool: ChunkPool
  readonly #parts: Uint8Array[] = []
  readonly #chunks: Chunk[] = []
  #chunk: Chunk | undefined
  /** The bytes of the last chunk from `#partStart` to `#fill` are copied but not yet a part. */
  #partStart = 0
  #fill = 0
  #isWhole = false
  #hasOwnMemory = true
  /** The position of its first byte, once it has begun. */
  start = 0
  /** Bytes of records. */
  bytes = 0
  /** Bytes to be written, once it is closed: those of its records, and zeros up to the next unit where it was closed so. */
  length = 0
  /** A record of the group must be synced at once. */
  needsSync = false
  /** A record of the group must be synced within the longest delay. */
  needsDelayedSync = false

  constructor(pool: ChunkPool) {
    this.#pool = pool
  }

  /** The first record goes to `start`. `isUnit`: that is a multiple of the write unit in its segment. */
  begin(start: number, isUnit: boolean): void {
    this.start = start
    this.#isWhole = isUnit
  }

  /** It may be written directly, if it is closed for that. */
  get isWhole(): boolean {
    return this.#isWhole
  }

  /** All its parts lie in chunks of the pool, and none in an arena. */
  get hasOwnMemory(): boolean {
    return this.#hasOwnMemory
  }

  add(header: Uint8Array, parts: readonly Uint8Array[], payloadBytes: number): void {
    this.#copy(header)
    for (let i = 0; i < parts.length; i++) {
      const part = parts[i]!
      if (part.length < SHORT_BYTES_MAX || (this.#isWhole && part.length <= COPY_BYTES_MAX)) this.#copy(part)
      else this.#refer(part)
    }
    this.bytes += RECORD_HEADER_BYTES + payloadBytes
  }

  #refer(part: Uint8Array): void {
    this.#endPart()
    this.#parts.push(part)
    this.#isWhole = false
    this.#hasOwnMemory = false
  }

  /**
   * Room for a whole record of `bytes`, a multiple of 4: the caller writes it into `words`, from the index returned on,
   * before it adds anything else. Requires: `bytes` is far below CHUNK_BYTES.
   */
  room(bytes: number): number {
    if (this.#chunk === undefined || this.#fill + bytes > CHUNK_BYTES) this.#nextChunk()
    const at = this.#fill
    this.#fill += bytes
    this.bytes += bytes
    return at >>> 2
  }

  get words(): Int32Array {
    return this.#chunk!.words
  }

  #copy(part: Uint8Array): void {
    let from = 0
    while (from < part.length) {
      if (this.#chunk === undefined || this.#fill === CHUNK_BYTES) this.#nextChunk()
      const length = Math.min(part.length - from, CHUNK_BYTES - this.#fill)
      this.#chunk!.bytes.set(length === part.length ? part : part.subarray(from, from + length), this.#fill)
      this.#fill += length
      from += length
    }
  }

  /** What stands behind the last whole unit of a chunk moves on to the next one, so that parts are of whole units. */
  #nextChunk(): void {
    const last = this.#chunk
    const from = this.#fill - ((this.#fill - this.#partStart) % WRITE_UNIT_BYTES)
    const tail = last?.bytes.subarray(from, this.#fill)
    this.#fill = from
    this.#endPart()
    this.#chunk = this.#pool.take()
    if (!this.#chunk.isAligned) this.#isWhole = false
    this.#chunks.push(this.#chunk)
    this.#partStart = 0
    this.#fill = 0
    if (tail !== undefined && tail.length > 0) {
      this.#chunk.bytes.set(tail)
      this.#fill = tail.length
    }
  }

  #endPart(): void {
    if (this.#chunk === undefined || this.#fill === this.#partStart) return
    this.#parts.push(this.#chunk.bytes.subarray(this.#partStart, this.#fill))
    this.#partStart = this.#fill
  }

  /** Nothing is added any more. With `fillUnit` the rest of the last unit is zeros, written too; that requires `isWhole`. */
  close(fillUnit: boolean): void {
    this.length = this.bytes
    const rest = (WRITE_UNIT_BYTES - (this.bytes % WRITE_UNIT_BYTES)) % WRITE_UNIT_BYTES
    if (fillUnit && rest > 0) {
      // A chunk is of whole units, so the rest of one that has begun lies in it.
      this.#chunk!.bytes.fill(0, this.#fill, this.#fill + rest)
      this.#fill += rest
      this.length += rest
    }
    this.#endPart()
  }

  /** The bytes to be written, in log order. Requires: the group is closed. */
  get parts(): readonly Uint8Array[] {
    return this.#parts
  }

  /** Gives the group's memory back. No write may still read it. */
  release(): void {
    this.#pool.give(this.#chunks.splice(0))
    this.#chunk = undefined
  }
}

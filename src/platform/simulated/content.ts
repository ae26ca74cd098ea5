import type { SizeChange, Survival } from './survival.ts'

/** What the medium writes whole or not at all. */
export const SECTOR_BYTES: number = 512

/** Contents share blocks until one of them writes: an image of a whole disk costs a list of references. */
const BLOCK_BYTES = 4096
const SECTORS_PER_BLOCK = BLOCK_BYTES / SECTOR_BYTES

const ZEROS: Uint8Array = new Uint8Array(SECTOR_BYTES)
const ZERO_BLOCK: Uint8Array = new Uint8Array(BLOCK_BYTES)

/** What a sector held before each operation that changed it since it was last durable. The first of them is durable. */
interface SectorHistory {
  readonly operations: number[]
  readonly earlier: Uint8Array[]
  /** A sync has failed on it: it counts as clean until it is written again. */
  lost: boolean
}

/**
 * The bytes of one file: what a reader sees, and under it, for every sector changed since its last sync, all that the
 * medium may hold instead. Invariants: bytes at or beyond `size` are zero; a block that is not owned may belong to
 * other contents too and is never written to.
 */
export class Content {
  #blocks: Uint8Array[] = []
  #owned: boolean[] = []
  #size = 0
  readonly #unsynced = new Map<number, SectorHistory>()
  /** The durable size first, then every size since. */
  #sizes: SizeChange[]

  /** Starts with a copy of `bytes`, durable. */
  constructor(bytes: Uint8Array = new Uint8Array(0)) {
    this.#reserve(bytes.length)
    this.#put(bytes, 0)
    this.#size = bytes.length
    this.#sizes = [{ operation: 0, size: bytes.length }]
  }

  get size(): number {
    return this.#size
  }

  /** The first operation that a power cut can still undo; Infinity where there is none. */
  get oldestUnsynced(): number {
    let oldest = this.#sizes[1]?.operation ?? Infinity
    for (const history of this.#unsynced.values()) oldest = Math.min(oldest, history.operations[0]!)
    return oldest
  }

  read(target: Uint8Array, position: number): number {
    const count = Math.max(0, Math.min(target.length, this.#size - position))
    for (let done = 0; done < count;) {
      const at = position + done
      const offset = at % BLOCK_BYTES
      const length = Math.min(count - done, BLOCK_BYTES - offset)
      target.set(this.#blocks[blockOf(at)]!.subarray(offset, offset + length), done)
      done += length
    }
    return count
  }

  write(bytes: Uint8Array, position: number, operation: number): void {
    const end = position + bytes.length
    if (bytes.length === 0) return
    this.#reserve(end)
    this.#remember(position, end, operation)
    this.#put(bytes, position)
    if (end > this.#size) this.#resize(end, operation)
  }

  truncate(size: number, operation: number): void {
    if (size === this.#size) return
    if (size < this.#size) {
      this.#remember(size, this.#size, operation)
      this.#clearFrom(size)
    }
    this.#reserve(size)
    this.#resize(size, operation)
  }

  /** Makes durable what operations up to `operation` have written. */
  sync(operation: number): void {
    for (const [sector, history] of this.#unsynced) {
      if (history.lost) continue
      const covered = countThrough(history.operations, operation)
      if (covered === history.operations.length) {
        this.#unsynced.delete(sector)
        continue
      }
      history.operations.splice(0, covered)
      // What stood before the first uncovered operation is what the last covered one wrote.
      history.earlier.splice(0, covered)
    }
    const covered = this.#sizes.findLastIndex(change => change.operation <= operation)
    if (covered > 0) this.#sizes.splice(0, covered)
  }

  /** Makes the sectors of the range durable, and the size as far as the range needs it. */
  syncRange(position: number, length: number): void {
    const end = position + length
    for (let sector = sectorOf(position); sector * SECTOR_BYTES < end; sector++) this.#unsynced.delete(sector)
    const durable = this.#sizes[0]!
    if (end > durable.size) this.#sizes[0] = { operation: durable.operation, size: end }
    if (this.#sizes[0]!.size === this.#size) this.#sizes.length = 1
  }

  /** A sync that failed: what it did not write counts as clean from now on, and readers go on to see it. */
  failSync(operation: number): void {
    for (const history of this.#unsynced.values()) {
      if (countThrough(history.operations, operation) === history.operations.length) history.lost = true
    }
  }

  /** A sync that failed and took the pages out of the cache: readers see what the medium holds. */
  revert(operation: number): void {
    for (const [sector, history] of this.#unsynced) {
      if (countThrough(history.operations, operation) < history.operations.length) continue
      this.#place(sector, history.earlier[0]!)
      this.#unsynced.delete(sector)
    }
    this.#clearFrom(this.#size)
  }

  /** A content as a power cut may leave this one. */
  crash(survival: Survival, tornBytes: () => number | undefined): Content {
    const left = new Content()
    left.#blocks = this.#blocks.slice()
    left.#owned = this.#blocks.map(() => false)
    this.#owned.fill(false)
    left.#size = this.#size
    const size = survival.size(this.#sizes)
    left.#reserve(size)
    for (const [sector, history] of this.#unsynced) {
      const version = survival.version(history.operations)
      const newest = version === history.operations.length
      if (!newest) left.#place(sector, history.earlier[version]!)
      const torn = version === 0 ? undefined : tornBytes()
      if (torn !== undefined) left.#place(sector, history.earlier[version - 1]!.subarray(torn), torn)
    }
    left.#clearFrom(size)
    left.#size = size
    left.#sizes = [{ operation: 0, size }]
    return left
  }

  /** Whether both hold the same blocks, the same size, and nothing that a power cut could take; equal bytes in different blocks do not count. */
  shares(other: Content): boolean {
    return (
      this.#size === other.#size &&
      this.#unsynced.size === 0 &&
      other.#unsynced.size === 0 &&
      this.#sizes.length === 1 &&
      other.#sizes.length === 1 &&
      this.#blocks.length === other.#blocks.length &&
      this.#blocks.every((block, index) => block === other.#blocks[index])
    )
  }

  /** The bytes that a reader sees, copied. */
  copy(): Uint8Array {
    const bytes = new Uint8Array(this.#size)
    this.read(bytes, 0)
    return bytes
  }

  /** Changes durable bytes behind the engine's back. Requires: the range lies within the file. */
  damage(position: number, bytes: Uint8Array): void {
    this.#put(bytes, position)
  }

  #sector(sector: number): Uint8Array {
    const offset = (sector % SECTORS_PER_BLOCK) * SECTOR_BYTES
    return this.#blocks[Math.floor(sector / SECTORS_PER_BLOCK)]!.slice(offset, offset + SECTOR_BYTES)
  }

  /** Puts the bytes into the sector from `offset` on; the sector may lie behind the end. */
  #place(sector: number, bytes: Uint8Array, offset = 0): void {
    if (blockOf(sector * SECTOR_BYTES) < this.#blocks.length) this.#put(bytes, sector * SECTOR_BYTES + offset)
  }

  /** The block, to be written to. */
  #own(index: number): Uint8Array {
    if (!this.#owned[index]) {
      this.#blocks[index] = this.#blocks[index]!.slice()
      this.#owned[index] = true
    }
    return this.#blocks[index]!
  }

  /** Requires: the range is reserved. */
  #put(bytes: Uint8Array, position: number): void {
    for (let done = 0; done < bytes.length;) {
      const at = position + done
      const offset = at % BLOCK_BYTES
      const length = Math.min(bytes.length - done, BLOCK_BYTES - offset)
      const part = bytes.subarray(done, done + length)
      if (length < BLOCK_BYTES) this.#own(blockOf(at)).set(part, offset)
      else {
        const isZero = isAllZero(part)
        this.#blocks[blockOf(at)] = isZero ? ZERO_BLOCK : part.slice()
        this.#owned[blockOf(at)] = !isZero
      }
      done += length
    }
  }

  #clearFrom(size: number): void {
    const block = blockOf(size)
    if (size % BLOCK_BYTES !== 0 && block < this.#blocks.length) {
      const tail = this.#blocks[block]!.subarray(size % BLOCK_BYTES)
      if (tail.some(byte => byte !== 0)) this.#own(block).fill(0, size % BLOCK_BYTES)
    }
    const blocks = Math.ceil(size / BLOCK_BYTES)
    if (this.#blocks.length > blocks) this.#blocks.length = this.#owned.length = blocks
  }

  #remember(from: number, end: number, operation: number): void {
    for (let sector = sectorOf(from); sector * SECTOR_BYTES < end; sector++) {
      const history = this.#unsynced.get(sector)
      if (history !== undefined && history.operations.at(-1) === operation) {
        history.lost = false
        continue
      }
      const before = sector * SECTOR_BYTES >= this.#size ? ZEROS : this.#sector(sector)
      if (history === undefined) {
        this.#unsynced.set(sector, { operations: [operation], earlier: [before], lost: false })
        continue
      }
      history.lost = false
      history.operations.push(operation)
      history.earlier.push(before)
    }
  }

  #resize(size: number, operation: number): void {
    this.#size = size
    if (this.#sizes.at(-1)!.operation === operation && this.#sizes.length > 1) this.#sizes.pop()
    this.#sizes.push({ operation, size })
  }

  #reserve(size: number): void {
    const blocks = Math.ceil(size / BLOCK_BYTES)
    while (this.#blocks.length < blocks) {
      this.#blocks.push(ZERO_BLOCK)
      this.#owned.push(false)
    }
  }
}

function sectorOf(position: number): number {
  return Math.floor(position / SECTOR_BYTES)
}

function blockOf(position: number): number {
  return Math.floor(position / BLOCK_BYTES)
}

/** Logs are prepared with zeros, megabytes of them; this is cheaper than keeping them. */
function isAllZero(block: Uint8Array): boolean {
  if (block.byteOffset % 4 !== 0) return false
  const words = new Int32Array(block.buffer, block.byteOffset, block.length / 4)
  for (let i = 0; i < words.length; i++) if (words[i] !== 0) return false
  return true
}

/** How many of the ascending `operations` are at most `operation`. */
function countThrough(operations: readonly number[], operation: number): number {
  let count = operations.length
  while (count > 0 && operations[count - 1]! > operation) count--
  return count
}

import type { SizeChange, Survival } from './survival.ts'

/** What the medium writes whole or not at all. */
export const SECTOR_BYTES: number = 512

const ZEROS: Uint8Array = new Uint8Array(SECTOR_BYTES)

/** What a sector held before each operation that changed it since it was last durable. The first of them is durable. */
interface SectorHistory {
  readonly operations: number[]
  readonly earlier: Uint8Array[]
  /** A sync has failed on it: it counts as clean until it is written again. */
  lost: boolean
}

/**
 * The bytes of one file: what a reader sees, and under it, for every sector changed since its last sync, all that the
 * medium may hold instead. Invariants: bytes of the buffer at or beyond `size` are zero; the buffer is whole sectors.
 */
export class Content {
  #bytes: Uint8Array
  #size: number
  readonly #unsynced = new Map<number, SectorHistory>()
  /** The durable size first, then every size since. */
  #sizes: SizeChange[]

  /** Starts with a copy of `bytes`, durable. */
  constructor(bytes: Uint8Array = new Uint8Array(0)) {
    this.#bytes = new Uint8Array(Math.ceil(bytes.length / SECTOR_BYTES) * SECTOR_BYTES)
    this.#bytes.set(bytes)
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
    target.set(this.#bytes.subarray(position, position + count))
    return count
  }

  write(bytes: Uint8Array, position: number, operation: number): void {
    const end = position + bytes.length
    if (bytes.length === 0) return
    this.#reserve(end)
    this.#remember(position, end, operation)
    this.#bytes.set(bytes, position)
    if (end > this.#size) this.#resize(end, operation)
  }

  truncate(size: number, operation: number): void {
    if (size === this.#size) return
    if (size < this.#size) {
      this.#remember(size, this.#size, operation)
      this.#bytes.fill(0, size, this.#size)
    } else {
      this.#reserve(size)
    }
    this.#resize(size, operation)
  }

  /** Makes durable what operations up to `operation` have written. */
  sync(operation: number): void {
    for (const [sector, history] of this.#unsynced) {
      if (history.lost) continue
      const covered = countThrough(history.operations, operation)
      history.operations.splice(0, covered)
      // What stood before the first uncovered operation is what the last covered one wrote.
      history.earlier.splice(0, covered)
      if (history.operations.length === 0) this.#unsynced.delete(sector)
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

  /** A sync that failed: what it did not write counts as clean from now on. */
  failSync(operation: number): void {
    for (const history of this.#unsynced.values()) {
      if (countThrough(history.operations, operation) === history.operations.length) history.lost = true
    }
  }

  /** Bytes as a power cut may leave them. */
  crash(survival: Survival, tornBytes: () => number | undefined): Uint8Array {
    const size = survival.size(this.#sizes)
    const left = new Uint8Array(size)
    left.set(this.#bytes.subarray(0, Math.min(size, this.#bytes.length)))
    for (const [sector, history] of this.#unsynced) {
      const version = survival.version(history.operations)
      const kept = version === history.operations.length ? this.#sector(sector) : history.earlier[version]!
      place(left, sector, kept)
      const torn = version === 0 ? undefined : tornBytes()
      if (torn !== undefined) place(left, sector, kept.slice(0, torn), history.earlier[version - 1]!)
    }
    return left
  }

  /** The bytes that a reader sees, copied. */
  copy(): Uint8Array {
    return this.#bytes.slice(0, this.#size)
  }

  /** Changes durable bytes behind the engine's back. Requires: the range lies within the file. */
  damage(position: number, bytes: Uint8Array): void {
    this.#bytes.set(bytes, position)
  }

  #sector(sector: number): Uint8Array {
    return this.#bytes.subarray(sector * SECTOR_BYTES, (sector + 1) * SECTOR_BYTES)
  }

  #remember(from: number, end: number, operation: number): void {
    for (let sector = sectorOf(from); sector * SECTOR_BYTES < end; sector++) {
      const before = sector * SECTOR_BYTES >= this.#size ? ZEROS : this.#sector(sector).slice()
      const history = this.#unsynced.get(sector)
      if (history === undefined) {
        this.#unsynced.set(sector, { operations: [operation], earlier: [before], lost: false })
        continue
      }
      history.lost = false
      if (history.operations.at(-1) === operation) continue
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
    if (size <= this.#bytes.length) return
    const sectors = Math.ceil(Math.max(size, this.#bytes.length * 1.5) / SECTOR_BYTES)
    const grown = new Uint8Array(sectors * SECTOR_BYTES)
    grown.set(this.#bytes.subarray(0, this.#size))
    this.#bytes = grown
  }
}

function sectorOf(position: number): number {
  return Math.floor(position / SECTOR_BYTES)
}

/** How many of the ascending `operations` are at most `operation`. */
function countThrough(operations: readonly number[], operation: number): number {
  let count = operations.length
  while (count > 0 && operations[count - 1]! > operation) count--
  return count
}

/** Puts `parts`, which begin at the same byte and of which the first lies on top, into the sector, as far as `target` goes. */
function place(target: Uint8Array, sector: number, top: Uint8Array, below?: Uint8Array): void {
  const start = sector * SECTOR_BYTES
  const room = target.length - start
  if (room <= 0) return
  if (below !== undefined) target.set(below.subarray(0, room), start)
  target.set(top.subarray(0, room), start)
}

/**
 * A growing list of runs of pages, as pairs (first, count). Runs that are pushed one after the other and touch become
 * one.
 */
export class ExtentList {
  #pairs: Uint32Array<ArrayBuffer>
  #length = 0

  /** Takes over pairs that another list has made with `toPairs`, perhaps on another thread. */
  constructor(pairs?: Uint32Array<ArrayBuffer>) {
    this.#pairs = pairs ?? new Uint32Array(64)
    this.#length = pairs === undefined ? 0 : pairs.length
  }

  /** Runs in the list. */
  get length(): number {
    return this.#length >>> 1
  }

  first(index: number): number {
    return this.#pairs[2 * index]!
  }

  count(index: number): number {
    return this.#pairs[2 * index + 1]!
  }

  /** Pages in all runs. */
  get pages(): number {
    let pages = 0
    for (let i = 1; i < this.#length; i += 2) pages += this.#pairs[i]!
    return pages
  }

  push(first: number, count: number): void {
    const last = this.#length - 2
    if (last >= 0 && this.#pairs[last]! + this.#pairs[last + 1]! === first) {
      this.#pairs[last + 1] = this.#pairs[last + 1]! + count
      return
    }
    if (this.#length === this.#pairs.length) {
      const grown = new Uint32Array(Math.max(64, this.#pairs.length * 2))
      grown.set(this.#pairs)
      this.#pairs = grown
    }
    this.#pairs[this.#length] = first
    this.#pairs[this.#length + 1] = count
    this.#length += 2
  }

  pushAll(other: ExtentList): void {
    for (let i = 0; i < other.length; i++) this.push(other.first(i), other.count(i))
  }

  /**
   * Takes off the last runs as long as they end at `end`; returns where the last one taken off began. For sorted lists.
   */
  popTail(end: number): number {
    while (this.#length > 0 && this.#pairs[this.#length - 2]! + this.#pairs[this.#length - 1]! === end) {
      end = this.#pairs[this.#length - 2]!
      this.#length -= 2
    }
    return end
  }

  /** A copy of the pairs, to be posted to another thread. */
  toPairs(): Uint32Array<ArrayBuffer> {
    return this.#pairs.slice(0, this.#length)
  }
}

/** A pair in one double, so that the engine's own sort of numbers can be used: 31 bits of page, 22 of count. */
const SHIFT = 2 ** 22
const PIECE_PAGES_MAX = SHIFT - 1

/**
 * The runs of all lists in the order of their pages, with those that touch made one. `doubled` is the first page that
 * stands in two of them.
 */
export function sortedExtents(lists: readonly ExtentList[]): { extents: ExtentList; doubled: number | undefined } {
  let pieces = 0
  for (const list of lists) {
    for (let i = 0; i < list.length; i++) pieces += Math.ceil(list.count(i) / PIECE_PAGES_MAX)
  }
  const packed = new Float64Array(pieces)
  let at = 0
  for (const list of lists) {
    for (let i = 0; i < list.length; i++) {
      let first = list.first(i)
      for (let left = list.count(i); left > 0; left -= PIECE_PAGES_MAX) {
        packed[at++] = first * SHIFT + Math.min(left, PIECE_PAGES_MAX)
        first += PIECE_PAGES_MAX
      }
    }
  }
  packed.sort()
  const extents = new ExtentList()
  let end = 0
  let doubled: number | undefined
  for (const pair of packed) {
    const first = Math.floor(pair / SHIFT)
    const count = pair % SHIFT
    if (first < end) doubled ??= first
    extents.push(first, count)
    end = first + count
  }
  return { extents, doubled }
}

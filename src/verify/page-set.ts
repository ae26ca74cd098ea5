const WORD_BITS = 5
const BIT_MASK = 31
const ALL = -1
/** Words between two yields: some 100 microseconds. */
const WORDS_PER_STEP = 65_536

/** A set of pages of one file: a bit for each. */
export class PageSet {
  readonly pageCount: number
  readonly #words: Int32Array
  /** Pages in the set. */
  size = 0

  constructor(pageCount: number) {
    this.pageCount = pageCount
    this.#words = new Int32Array((pageCount + BIT_MASK) >>> WORD_BITS)
  }

  has(page: number): boolean {
    return (this.#words[page >>> WORD_BITS]! & (1 << (page & BIT_MASK))) !== 0
  }

  /** False where the page is in the set already. Requires: it is below `pageCount`. */
  add(page: number): boolean {
    const index = page >>> WORD_BITS
    const bit = 1 << (page & BIT_MASK)
    const word = this.#words[index]!
    if ((word & bit) !== 0) return false
    this.#words[index] = word | bit
    this.size++
    return true
  }

  /** Calls `visit` with each run of pages that are in neither of two sets. Yields now and then. */
  static *missing(a: PageSet, b: PageSet, visit: (first: number, count: number) => void): Generator<void, void> {
    const pageCount = Math.min(a.pageCount, b.pageCount)
    let first = -1
    for (let page = 0; page < pageCount;) {
      const index = page >>> WORD_BITS
      if ((index & (WORDS_PER_STEP - 1)) === 0) yield
      const present = a.#words[index]! | b.#words[index]!
      const end = Math.min(pageCount, page + 32)
      if (present === ALL && first < 0) page = end
      for (; page < end; page++) {
        const isMissing = (present & (1 << (page & BIT_MASK))) === 0
        if (isMissing && first < 0) first = page
        else if (!isMissing && first >= 0) {
          visit(first, page - first)
          first = -1
        }
      }
    }
    if (first >= 0) visit(first, pageCount - first)
  }
}

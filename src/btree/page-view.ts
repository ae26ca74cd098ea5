import {
  OVERFLOW_BIT,
  checksumsAt,
  entriesHighAt,
  entriesLowAt,
  headsAt,
  keyLengthsAt,
  offsetsAt,
  pageCount,
  pageHeap,
  pagePrefixLength,
  pagesAt,
} from '../pager/page-format.ts'
import type { Slab } from '../pager/slab.ts'

/**
 * Where the parts of a page stand in a slab. A finished page and one that is being built differ in nothing else, so
 * that entries are copied alike from either.
 */
export class PageView {
  readonly slab: Slab
  level = 0
  count = 0
  prefixLength = 0
  /** The byte at which the prefix stands. */
  prefix = 0
  /** The byte from which offsets count. */
  heap = 0
  /** Indexes into `slab.words`. */
  heads = 0
  pages = 0
  checksums = 0
  entriesHigh = 0
  /** Indexes into `slab.halves`. */
  entriesLow = 0
  offsets = 0
  keyLengths = 0

  constructor(slab: Slab) {
    this.slab = slab
  }

  /** Shows the page that starts at byte `base`. */
  show(base: number, level: number): void {
    const { slab } = this
    const count = pageCount(slab, base)
    this.level = level
    this.count = count
    this.prefixLength = pagePrefixLength(slab, base)
    this.heap = pageHeap(slab, base)
    this.prefix = this.heap - this.prefixLength
    this.heads = headsAt(base)
    this.pages = pagesAt(base, count)
    this.checksums = checksumsAt(base, count)
    this.entriesHigh = entriesHighAt(base, count)
    this.entriesLow = entriesLowAt(base, count, level)
    this.offsets = offsetsAt(base, count, level)
    this.keyLengths = keyLengthsAt(base, count, level)
  }

  page(i: number): number {
    return this.slab.words[this.pages + i]!
  }

  checksum(i: number): number {
    return this.slab.words[this.checksums + i]!
  }

  /** Entries of the tree below child `i`. */
  entries(i: number): number {
    const { words, halves } = this.slab
    return halves[this.entriesLow + i]! + (this.level > 1 ? (words[this.entriesHigh + i]! >>> 0) * 0x10000 : 0)
  }

  overflow(i: number): boolean {
    return (this.slab.halves[this.keyLengths + i]! & OVERFLOW_BIT) !== 0
  }

  /** Copies the key of entry `i` to the start of `target`; returns its length. */
  key(i: number, target: Uint8Array): number {
    const { bytes, halves } = this.slab
    const from = this.heap + halves[this.offsets + i]!
    const length = halves[this.keyLengths + i]! & ~OVERFLOW_BIT
    for (let k = 0; k < this.prefixLength; k++) target[k] = bytes[this.prefix + k]!
    for (let k = 0; k < length; k++) target[this.prefixLength + k] = bytes[from + k]!
    return this.prefixLength + length
  }

  /** The byte at which what follows the key of entry `i` stands. */
  valueAt(i: number): number {
    const { halves } = this.slab
    return this.heap + halves[this.offsets + i]! + (halves[this.keyLengths + i]! & ~OVERFLOW_BIT)
  }
}

/** How many bytes two stretches of memory have in common at their start. */
export function commonLength(
  a: Uint8Array,
  aAt: number,
  aLength: number,
  b: Uint8Array,
  bAt: number,
  bLength: number,
): number {
  const length = aLength < bLength ? aLength : bLength
  let i = 0
  while (i < length && a[aAt + i] === b[bAt + i]) i++
  return i
}

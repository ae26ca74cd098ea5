import { checksum } from '../../src/base/checksum.ts'
import { PAGE_BYTES } from '../../src/base/limits.ts'
import {
  checksumsAt,
  columnBytes,
  entriesHighAt,
  entriesLowAt,
  headsAt,
  keyHead,
  keyLengthsAt,
  offsetsAt,
  PAGE_COUNT_OFFSET,
  PAGE_HEADER_BYTES,
  PAGE_HEAP_OFFSET,
  PAGE_KIND_BRANCH,
  PAGE_KIND_LEAF,
  PAGE_KIND_OFFSET,
  PAGE_LEVEL_OFFSET,
  pagesAt,
} from '../../src/pager/page-format.ts'
import { Slab } from '../../src/pager/slab.ts'

/** A page as a parent names it. */
export interface PagePointer {
  readonly page: number
  /** Signed, as in memory. */
  readonly checksum: number
}

/** An entry of a page that is forged: in a leaf with a value, in a branch with a child. */
export interface ForgedEntry {
  readonly key: Uint8Array
  readonly value?: Uint8Array
  readonly child?: PagePointer
}

/** Builds a page of any entries, in any order, by the layout of the format. */
export function forgePage(level: number, entries: readonly ForgedEntry[]): Slab {
  const slab = new Slab(PAGE_BYTES)
  const { bytes, halves, words } = slab
  const count = entries.length
  const heap = PAGE_HEADER_BYTES + 2 + count * columnBytes(level)
  bytes[PAGE_KIND_OFFSET] = level === 0 ? PAGE_KIND_LEAF : PAGE_KIND_BRANCH
  bytes[PAGE_LEVEL_OFFSET] = level
  halves[PAGE_COUNT_OFFSET >> 1] = count
  halves[PAGE_HEAP_OFFSET >> 1] = heap
  let at = 0
  entries.forEach(({ key, value, child }, i) => {
    words[headsAt(0) + i] = keyHead(key, 0, key.length)
    halves[offsetsAt(0, count, level) + i] = at
    halves[keyLengthsAt(0, count, level) + i] = key.length
    if (child !== undefined) {
      words[pagesAt(0, count) + i] = child.page
      words[checksumsAt(0, count) + i] = child.checksum
      halves[entriesLowAt(0, count, level) + i] = 1
      if (level > 1) words[entriesHighAt(0, count) + i] = 0
    }
    bytes.set(key, heap + at)
    bytes.set(value ?? NOTHING, heap + at + key.length)
    at += key.length + (value?.length ?? 0)
  })
  halves[offsetsAt(0, count, level) + count] = at
  return slab
}

const NOTHING = new Uint8Array(0)

export function checksumOfPage({ bytes }: Slab): number {
  return checksum(bytes) | 0
}

/**
 * Sets the last four bytes of a page, which nothing reads, so that the page has this checksum: a CRC is no signature. The
 * register is run backwards from the end, one bit at a time.
 */
export function forceChecksum({ bytes }: Slab, wanted: number): void {
  const free = bytes.length - 4
  let register = ~wanted
  for (let bit = 0; bit < 32; bit++) register = register < 0 ? (register << 1) ^ (POLYNOMIAL << 1) ^ 1 : register << 1
  const word = register ^ ~checksum(bytes.subarray(0, free))
  new DataView(bytes.buffer).setUint32(free, word >>> 0, true)
}

/** CRC-32 of IEEE 802.3, reflected. */
const POLYNOMIAL = 0xedb88320

import { assert } from '../base/assert.ts'
import { compareRanges } from '../base/bytes.ts'
import { KEY_BYTES_MAX, PAGE_BYTES } from '../base/limits.ts'
import { OVERFLOW_REFERENCE_BYTES } from './overflow-format.ts'
import type { Slab } from './slab.ts'

/**
 * A page of a tree, leaf or branch. It is built in one go and never modified. Its checksum stands in its parent.
 *
 * ```
 *  offset  bytes  field
 *       0      1  kind: 'L' leaf, 'B' branch
 *       1      1  level: 0 leaf, else one more than that of the children
 *       2      2  count: entries, at least one
 *       4      2  prefix length
 *       6      2  heap offset: where entry 0 starts
 *       8      -  heads, then the other columns
 * ```
 *
 * Columns follow one another, each with one number per entry (offsets: one more), in the order of the keys:
 *
 * ```
 *  bytes  column        in
 *      4  heads         all         4 bytes of the key behind the prefix, zero padded: big-endian minus 2^31, signed
 *      4  pages         branch      the child's page
 *      4  checksums     branch      the child's checksum
 *      4  entries high  branch, level 2 and above   entries below the child, divided by 2^16
 *      2  entries low   branch      entries below the child, the rest
 *      2  offsets       all         where the entry starts, counted from the heap offset; the last is the heap's length
 *      2  key lengths   all         bytes of the key behind the prefix; bit 15: see below
 * ```
 *
 * Behind the columns stands the prefix, which all keys have in common, then the heap: per entry the key's bytes behind
 * the prefix, and in a leaf the value's bytes or, where bit 15 is set, a reference to an overflow extent
 * (`overflow-format.ts`). In a branch bit 15 says that leaves below the child refer to overflow extents. The rest of the
 * page is zero.
 *
 * Entry i of a branch leads to the keys from its own key (its separator) up to the next entry's. The keys that are
 * below entry 0 belong to it too, on the left edge of the tree.
 *
 * Heads stand apart from keys so that a binary search stays within a few cache lines. A prefix below 4 bytes is not
 * taken out: random keys then have none, and the merge can copy runs of entries from page to page as they are.
 */
export const PAGE_KIND_LEAF = 0x4c
export const PAGE_KIND_BRANCH = 0x42
export const PAGE_KIND_OFFSET = 0
export const PAGE_LEVEL_OFFSET = 1
export const PAGE_COUNT_OFFSET = 2
export const PAGE_PREFIX_LENGTH_OFFSET = 4
export const PAGE_HEAP_OFFSET = 6
export const PAGE_HEADER_BYTES = 8

/** Bit 15 of a key length. */
export const OVERFLOW_BIT = 0x8000
export const KEY_LENGTH_MASK = 0x7fff
export const PREFIX_BYTES_MIN = 4
/** A file of 16 TiB: page numbers stay within signed 32 bits. */
export const PAGE_COUNT_MAX: number = 2 ** 31 - 1
/** Levels that a tree can have: it reaches PAGE_COUNT_MAX pages earlier, even with three children to a branch. */
export const HEIGHT_MAX = 24

/** A leaf's entry with its columns may take a third of a page; a longer value goes to an overflow extent. */
export const ENTRY_BYTES_MAX: number = Math.floor((PAGE_BYTES - PAGE_HEADER_BYTES - 2) / 3)
/**
 * The fewest entries that fit into a branch, whatever their keys. Fewer than three could not be split into two and two.
 */
export const BRANCH_CHILDREN_MIN = 3

/** Bytes of an entry's columns. */
export function columnBytes(level: number): number {
  return level === 0 ? 8 : level === 1 ? 18 : 22
}

/** The most entries that fit into a page. */
export const PAGE_ENTRIES_MAX: number = Math.floor((PAGE_BYTES - PAGE_HEADER_BYTES - 2) / 8)

assert(
  BRANCH_CHILDREN_MIN * (KEY_BYTES_MAX + columnBytes(2)) + 2 + PAGE_HEADER_BYTES <= PAGE_BYTES,
  'a branch must hold three children with the longest keys',
)
assert(
  KEY_BYTES_MAX + columnBytes(0) + OVERFLOW_REFERENCE_BYTES <= ENTRY_BYTES_MAX,
  'the longest key and a reference must fit into an entry',
)
assert(3 ** (HEIGHT_MAX - 3) > PAGE_COUNT_MAX, 'every tree that fits into a file must fit into HEIGHT_MAX')

/** The columns of a page of `count` entries that starts at byte `base`: indexes into `Slab.words`. */
export function headsAt(base: number): number {
  return (base + PAGE_HEADER_BYTES) >> 2
}
export function pagesAt(base: number, count: number): number {
  return headsAt(base) + count
}
export function checksumsAt(base: number, count: number): number {
  return headsAt(base) + 2 * count
}
export function entriesHighAt(base: number, count: number): number {
  return headsAt(base) + 3 * count
}
/** The same: indexes into `Slab.halves`. */
export function entriesLowAt(base: number, count: number, level: number): number {
  return ((base + PAGE_HEADER_BYTES) >> 1) + (level === 1 ? 6 : 8) * count
}
export function offsetsAt(base: number, count: number, level: number): number {
  return level === 0 ? ((base + PAGE_HEADER_BYTES) >> 1) + 2 * count : entriesLowAt(base, count, level) + count
}
export function keyLengthsAt(base: number, count: number, level: number): number {
  return offsetsAt(base, count, level) + count + 1
}

export function pageCount(slab: Slab, base: number): number {
  return slab.halves[(base + PAGE_COUNT_OFFSET) >> 1]!
}
export function pagePrefixLength(slab: Slab, base: number): number {
  return slab.halves[(base + PAGE_PREFIX_LENGTH_OFFSET) >> 1]!
}
/** The byte of the slab at which entry 0 starts; the prefix stands right before it. */
export function pageHeap(slab: Slab, base: number): number {
  return base + slab.halves[(base + PAGE_HEAP_OFFSET) >> 1]!
}

/** The head of a key whose bytes behind the prefix are those from `from` to `to`. */
export function keyHead(bytes: Uint8Array, from: number, to: number): number {
  const length = to - from
  if (length >= 4) {
    return ((bytes[from]! << 24) | (bytes[from + 1]! << 16) | (bytes[from + 2]! << 8) | bytes[from + 3]!) ^ 0x80000000
  }
  let head = 0
  if (length > 0) head = bytes[from]! << 24
  if (length > 1) head |= bytes[from + 1]! << 16
  if (length > 2) head |= bytes[from + 2]! << 8
  return head ^ 0x80000000
}

/** A common prefix as far as a page takes it out. */
export function usablePrefix(common: number): number {
  return common < PREFIX_BYTES_MIN ? 0 : common
}

/** What should stand in a page, and what stands there. */
export type PageFault = readonly [expected: string, found: string]

/**
 * What is wrong with a page whose checksum is right, or undefined. A checksum keeps out damage, not malice: a file made
 * by somebody else must not lead any reader out of its page, nor round in circles, which keys that rise rule out.
 */
export function pageFault(slab: Slab, base: number, level: number): PageFault | undefined {
  const { bytes, halves } = slab
  const expectedKind = level === 0 ? PAGE_KIND_LEAF : PAGE_KIND_BRANCH
  const kind = bytes[base + PAGE_KIND_OFFSET]!
  const foundLevel = bytes[base + PAGE_LEVEL_OFFSET]!
  if (kind !== expectedKind) return [`kind ${expectedKind}`, `${kind}`]
  if (foundLevel !== level) return [`level ${level}`, `${foundLevel}`]
  const count = pageCount(slab, base)
  const prefixLength = pagePrefixLength(slab, base)
  const heap = pageHeap(slab, base) - base
  if (count === 0) return ['entries', 'none']
  const start = PAGE_HEADER_BYTES + 2 + count * columnBytes(level) + prefixLength
  if (start > PAGE_BYTES || heap !== start) return [`a heap at ${start} within the page`, `${heap}`]
  const offsets = offsetsAt(base, count, level)
  const keyLengths = offsets + count + 1
  let from = halves[offsets]!
  if (from !== 0) return ['entry 0 at 0', `${from}`]
  for (let i = 0; i < count; i++) {
    const to = halves[offsets + i + 1]!
    const length = halves[keyLengths + i]!
    const key = length & KEY_LENGTH_MASK
    if (from + key > to || key + prefixLength > KEY_BYTES_MAX) return [`a key that fits entry ${i}`, `${key} bytes`]
    const value = to - from - key
    if (level === 0 ? length !== key && value !== OVERFLOW_REFERENCE_BYTES : value !== 0) {
      return [`a value that fits entry ${i}`, `${value} bytes`]
    }
    from = to
  }
  if (heap + from > PAGE_BYTES) return ['a heap within the page', `${from} bytes at ${heap}`]
  return orderFault(slab, headsAt(base), offsets, count, base + heap)
}

/** That a head is not that of its key, or that the keys do not rise. Requires: every entry lies within the page. */
function orderFault(slab: Slab, heads: number, offsets: number, count: number, heap: number): PageFault | undefined {
  const { bytes, halves, words } = slab
  const keyLengths = offsets + count + 1
  let last = 0
  let lastEnd = 0
  for (let i = 0; i < count; i++) {
    const from = heap + halves[offsets + i]!
    const to = from + (halves[keyLengths + i]! & KEY_LENGTH_MASK)
    const head = keyHead(bytes, from, to)
    if (words[heads + i] !== head) return [`head of entry ${i} ${head}`, `${words[heads + i]}`]
    const isHigher =
      i === 0 ||
      head > words[heads + i - 1]! ||
      (head === words[heads + i - 1] && compareRanges(bytes, last, lastEnd - last, bytes, from, to - from) < 0)
    if (!isHigher) return [`order of entry ${i}: a higher key`, 'one that is not']
    last = from
    lastEnd = to
  }
  return undefined
}

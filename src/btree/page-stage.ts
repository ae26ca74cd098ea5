import { KEY_BYTES_MAX, PAGE_BYTES } from '../base/limits.ts'
import {
  OVERFLOW_BIT,
  PAGE_COUNT_OFFSET,
  PAGE_ENTRIES_MAX,
  PAGE_HEADER_BYTES,
  PAGE_HEAP_OFFSET,
  PAGE_KIND_BRANCH,
  PAGE_KIND_LEAF,
  PAGE_KIND_OFFSET,
  PAGE_LEVEL_OFFSET,
  PAGE_PREFIX_LENGTH_OFFSET,
  columnBytes,
  headsAt,
  keyHead,
  usablePrefix,
} from '../pager/page-format.ts'
import type { Slab } from '../pager/slab.ts'
import { PageView, commonLength } from './page-view.ts'

const COLUMN_ENTRIES: number = PAGE_ENTRIES_MAX + 2
const WORD_COLUMNS = 4
const HALF_COLUMNS = 3
/** Bytes of a slab that a stage takes. */
export const STAGE_BYTES: number = COLUMN_ENTRIES * (WORD_COLUMNS * 4 + HALF_COLUMNS * 2) + KEY_BYTES_MAX + PAGE_BYTES

/**
 * A page that is being built: columns and heap apart, each with room for a full page, in the same slab as the pages it
 * is built from. Within one typed array `copyWithin` moves bytes without an object for source or target, which a copy
 * between two arrays needs: a third of the cost of copying a few hundred bytes.
 *
 * The prefix is always one that all entries have, and need not be the longest while entries are added: `tighten` sees
 * to that. It shrinks when an entry without it arrives.
 */
export class PageStage extends PageView {
  /** Bytes in the heap. */
  #used = 0

  constructor(slab: Slab, base: number) {
    super(slab)
    const word = base >> 2
    this.heads = word
    this.pages = word + COLUMN_ENTRIES
    this.checksums = word + 2 * COLUMN_ENTRIES
    this.entriesHigh = word + 3 * COLUMN_ENTRIES
    const half = (base >> 1) + 2 * WORD_COLUMNS * COLUMN_ENTRIES
    this.entriesLow = half
    this.offsets = half + COLUMN_ENTRIES
    this.keyLengths = half + 2 * COLUMN_ENTRIES
    this.prefix = 2 * (half + HALF_COLUMNS * COLUMN_ENTRIES)
    this.heap = this.prefix + KEY_BYTES_MAX
  }

  /** Bytes that the page takes so far. */
  get size(): number {
    return PAGE_HEADER_BYTES + 2 + this.prefixLength + this.count * columnBytes(this.level) + this.#used
  }

  clear(level: number): void {
    this.level = level
    this.count = 0
    this.prefixLength = 0
    this.#used = 0
    this.slab.halves[this.offsets] = 0
  }

  /**
   * Appends an entry with the key at `key[at]`, followed by `payload` bytes that the caller writes where the return
   * value says. Returns -1, and changes nothing that matters, if the entry does not fit.
   */
  append(key: Uint8Array, at: number, length: number, payload: number, overflow: boolean): number {
    const { bytes, halves, words } = this.slab
    const column = columnBytes(this.level)
    if (this.count === 0) this.#startPrefix(key, at, usablePrefix(length))
    else if (this.prefixLength !== 0) {
      const common = usablePrefix(commonLength(bytes, this.prefix, this.prefixLength, key, at, length))
      const growth = (this.prefixLength - common) * (this.count - 1)
      if (this.size + growth + column + length - common + payload > PAGE_BYTES) return -1
      this.#shrinkPrefix(common)
    }
    const suffix = length - this.prefixLength
    if (this.size + column + suffix + payload > PAGE_BYTES) return -1
    const i = this.count++
    const from = this.heap + this.#used
    copyIn(bytes, from, key, at + this.prefixLength, suffix)
    this.#used += suffix + payload
    words[this.heads + i] = keyHead(bytes, from, from + suffix)
    halves[this.keyLengths + i] = overflow ? suffix | OVERFLOW_BIT : suffix
    halves[this.offsets + i + 1] = this.#used
    return from + suffix
  }

  /** Appends a branch's entry; false if it does not fit. */
  appendChild(
    key: Uint8Array,
    length: number,
    page: number,
    checksum: number,
    entries: number,
    overflow: boolean,
  ): boolean {
    if (this.append(key, 0, length, 0, overflow) < 0) return false
    const i = this.count - 1
    const { words, halves } = this.slab
    words[this.pages + i] = page
    words[this.checksums + i] = checksum
    words[this.entriesHigh + i] = Math.floor(entries / 0x10000)
    halves[this.entriesLow + i] = entries
    return true
  }

  /** Appends as many of the entries `from` to `to` (exclusive) of another page as fit; returns how many. */
  appendRun(source: PageView, from: number, to: number): number {
    if (from === to) return 0
    const { halves } = this.slab
    const column = columnBytes(this.level)
    const start = halves[source.offsets + from]!
    if (!this.#meetPrefix(source, column + halves[source.offsets + from + 1]! - start)) return 0
    const added = source.prefixLength - this.prefixLength
    const room = PAGE_BYTES - this.size
    let end = to
    if (halves[source.offsets + to]! - start + (to - from) * (column + added) > room) {
      end = from
      while (halves[source.offsets + end + 1]! - start + (end + 1 - from) * (column + added) <= room) end++
    }
    if (end === from) return 0
    if (added === 0) this.#copyHeap(source, from, end)
    else this.#copyEntries(source, from, end, added)
    if (this.level > 0) this.#copyChildren(source, from, end)
    this.count += end - from
    return end - from
  }

  /** Takes out the longest prefix. */
  tighten(): void {
    const { bytes, halves, words } = this.slab
    const last = this.count - 1
    if (last < 1) return
    const lastAt = this.heap + halves[this.offsets + last]!
    const lastLength = halves[this.keyLengths + last]! & ~OVERFLOW_BIT
    const firstLength = halves[this.keyLengths]! & ~OVERFLOW_BIT
    const more = commonLength(bytes, this.heap, firstLength, bytes, lastAt, lastLength)
    if (more === 0 || usablePrefix(this.prefixLength + more) === 0) return
    bytes.copyWithin(this.prefix + this.prefixLength, this.heap, this.heap + more)
    this.prefixLength += more
    let to = 0
    let from = 0
    for (let i = 0; i <= last; i++) {
      const end = halves[this.offsets + i + 1]!
      bytes.copyWithin(this.heap + to, this.heap + from + more, this.heap + end)
      const suffix = (halves[this.keyLengths + i]! & ~OVERFLOW_BIT) - more
      words[this.heads + i] = keyHead(bytes, this.heap + to, this.heap + to + suffix)
      halves[this.keyLengths + i] = halves[this.keyLengths + i]! - more
      to += end - from - more
      from = end
      halves[this.offsets + i + 1] = to
    }
    this.#used = to
  }

  /** Writes the page to byte `base` of the slab. */
  build(base: number): void {
    const { bytes, halves, words } = this.slab
    const { count, level } = this
    bytes[base + PAGE_KIND_OFFSET] = level === 0 ? PAGE_KIND_LEAF : PAGE_KIND_BRANCH
    bytes[base + PAGE_LEVEL_OFFSET] = level
    halves[(base + PAGE_COUNT_OFFSET) >> 1] = count
    halves[(base + PAGE_PREFIX_LENGTH_OFFSET) >> 1] = this.prefixLength
    let word = headsAt(base)
    word = copyColumn(words, word, this.heads, count)
    if (level > 0) word = copyColumn(words, word, this.pages, count)
    if (level > 0) word = copyColumn(words, word, this.checksums, count)
    if (level > 1) word = copyColumn(words, word, this.entriesHigh, count)
    let half = 2 * word
    if (level > 0) half = copyColumn(halves, half, this.entriesLow, count)
    half = copyColumn(halves, half, this.offsets, count + 1)
    half = copyColumn(halves, half, this.keyLengths, count)
    let at = 2 * half
    bytes.copyWithin(at, this.prefix, this.prefix + this.prefixLength)
    at += this.prefixLength
    halves[(base + PAGE_HEAP_OFFSET) >> 1] = at - base
    bytes.copyWithin(at, this.heap, this.heap + this.#used)
    bytes.fill(0, at + this.#used, base + PAGE_BYTES)
  }

  #startPrefix(key: Uint8Array, at: number, length: number): void {
    copyIn(this.slab.bytes, this.prefix, key, at, length)
    this.prefixLength = length
  }

  /**
   * Brings the own prefix down to one that the source's entries have. False if then not even `first` more bytes fit.
   */
  #meetPrefix(source: PageView, first: number): boolean {
    const { bytes } = this.slab
    if (this.count === 0) {
      this.#startPrefix(bytes, source.prefix, source.prefixLength)
      return true
    }
    if (this.prefixLength === 0) return true
    const { prefixLength } = source
    const common = usablePrefix(commonLength(bytes, this.prefix, this.prefixLength, bytes, source.prefix, prefixLength))
    const growth = (this.prefixLength - common) * (this.count - 1)
    if (this.size + growth + first + prefixLength - common > PAGE_BYTES) return false
    this.#shrinkPrefix(common)
    return true
  }

  /** Gives every entry the end of the prefix back. They are moved from the last on, since each moves up. */
  #shrinkPrefix(length: number): void {
    const back = this.prefixLength - length
    if (back === 0) return
    const { bytes, halves, words } = this.slab
    for (let i = this.count - 1; i >= 0; i--) {
      const from = this.heap + halves[this.offsets + i]!
      const end = this.heap + halves[this.offsets + i + 1]!
      const to = from + i * back
      bytes.copyWithin(to + back, from, end)
      bytes.copyWithin(to, this.prefix + length, this.prefix + this.prefixLength)
      const keyLength = halves[this.keyLengths + i]! + back
      halves[this.keyLengths + i] = keyLength
      words[this.heads + i] = keyHead(bytes, to, to + (keyLength & ~OVERFLOW_BIT))
      halves[this.offsets + i + 1] = end + (i + 1) * back - this.heap
    }
    this.#used += this.count * back
    this.prefixLength = length
  }

  /** Entries whose suffixes stay as they are. */
  #copyHeap(source: PageView, from: number, end: number): void {
    const { bytes, halves, words } = this.slab
    const start = halves[source.offsets + from]!
    const stop = halves[source.offsets + end]!
    bytes.copyWithin(this.heap + this.#used, source.heap + start, source.heap + stop)
    const shift = this.#used - start
    const to = this.count - from
    for (let i = from; i < end; i++) {
      words[this.heads + to + i] = words[source.heads + i]!
      halves[this.keyLengths + to + i] = halves[source.keyLengths + i]!
      halves[this.offsets + to + i + 1] = halves[source.offsets + i + 1]! + shift
    }
    this.#used += stop - start
  }

  /** Entries whose suffixes begin with the last `added` bytes of the source's prefix here. */
  #copyEntries(source: PageView, from: number, end: number, added: number): void {
    const { bytes, halves, words } = this.slab
    const prefixEnd = source.prefix + source.prefixLength
    for (let i = from; i < end; i++) {
      const start = halves[source.offsets + i]!
      const length = halves[source.offsets + i + 1]! - start
      const to = this.heap + this.#used
      bytes.copyWithin(to, prefixEnd - added, prefixEnd)
      bytes.copyWithin(to + added, source.heap + start, source.heap + start + length)
      const at = this.count + i - from
      const keyLength = halves[source.keyLengths + i]! + added
      halves[this.keyLengths + at] = keyLength
      words[this.heads + at] = keyHead(bytes, to, to + (keyLength & ~OVERFLOW_BIT))
      this.#used += length + added
      halves[this.offsets + at + 1] = this.#used
    }
  }

  #copyChildren(source: PageView, from: number, end: number): void {
    const { halves, words } = this.slab
    const to = this.count - from
    for (let i = from; i < end; i++) {
      words[this.pages + to + i] = words[source.pages + i]!
      words[this.checksums + to + i] = words[source.checksums + i]!
      words[this.entriesHigh + to + i] = source.level > 1 ? words[source.entriesHigh + i]! : 0
      halves[this.entriesLow + to + i] = halves[source.entriesLow + i]!
    }
  }
}

/** Short copies byte by byte: the object that a longer one needs costs as much as 50 bytes. */
export function copyIn(target: Uint8Array, at: number, source: Uint8Array, from: number, length: number): void {
  if (length <= 48) for (let i = 0; i < length; i++) target[at + i] = source[from + i]!
  else target.set(source.subarray(from, from + length), at)
}

function copyColumn(column: Int32Array | Uint16Array, to: number, from: number, count: number): number {
  column.copyWithin(to, from, from + count)
  return to + count
}

import { checksum } from '../../src/base/checksum.ts'
import { PAGE_BYTES } from '../../src/base/limits.ts'
import {
  decodeHeader,
  HEADER_CHECKSUM_OFFSET,
  HEADER_META_BYTES_OFFSET,
  HEADER_META_CHECKSUM_OFFSET,
  HEADER_META_PAGE_OFFSET,
  HEADER_SLOTS,
} from '../../src/pager/header-format.ts'
import type { Catalog } from '../../src/pager/meta-format.ts'
import { readMeta, writeCatalog } from '../../src/pager/meta-format.ts'
import { ByteWriter } from '../../src/pager/number-coding.ts'
import {
  OVERFLOW_CHECKSUM_OFFSET,
  OVERFLOW_LENGTH_OFFSET,
  OVERFLOW_PAGE_OFFSET,
  readWord,
  writeWord,
} from '../../src/pager/overflow-format.ts'
import {
  checksumsAt,
  KEY_LENGTH_MASK,
  keyLengthsAt,
  offsetsAt,
  OVERFLOW_BIT,
  PAGE_COUNT_OFFSET,
  PAGE_KIND_BRANCH,
  PAGE_KIND_LEAF,
  PAGE_LEVEL_OFFSET,
  pageCount,
  pageHeap,
  pagesAt,
} from '../../src/pager/page-format.ts'
import { Slab } from '../../src/pager/slab.ts'

export type Writable<T> = T extends readonly (infer E)[]
  ? Writable<E>[]
  : T extends object
    ? { -readonly [K in keyof T]: Writable<T[K]> }
    : T

/** A run of free pages, as it will be written. */
export interface FreeRun {
  first: number
  count: number
}

/**
 * A data file whose parts can be given any content, and whose checksums are then made right from the leaves up to the
 * header: what a reader meets behind them is its own bounds.
 */
export class ForgedFile {
  readonly slab: Slab
  readonly pages: number
  readonly catalog: Writable<Catalog>
  readonly free: FreeRun[]
  /** Pages of trees by level, the leaves first: the order in which their checksums follow from one another. */
  readonly leaves: readonly number[]
  readonly branches: readonly number[]
  /** Applied to the meta extent's bytes once they are encoded. */
  readonly metaPatches: { at: number; byte: number }[] = []
  /** Applied to a slot, or to both, once the header's own fields are written. */
  readonly headerPatches: { slots: readonly number[]; offset: number; bytes: 4 | 8; value: number }[] = []
  /** The catalog is longer or shorter than it says. */
  metaBytesDelta = 0

  /** `bytes` are those of a sound file whose slots are equal. */
  constructor(bytes: Uint8Array) {
    this.pages = bytes.length / PAGE_BYTES
    this.slab = new Slab(bytes.length)
    this.slab.bytes.set(bytes)
    const reading = decodeHeader(this.slab.page(0))
    if (reading.state !== 'valid') throw new Error('the file to be forged is not sound')
    const { meta, pageCount: count } = reading.header
    const metaBytes = this.slab.bytes.slice(meta.page * PAGE_BYTES, meta.page * PAGE_BYTES + meta.bytes)
    const { catalog, free } = readMeta(metaBytes, count, () => {
      throw new Error('the catalog to be forged is not sound')
    })
    this.catalog = structuredClone(catalog) as Writable<Catalog>
    this.free = Array.from({ length: free.length }, (_, i) => ({ first: free.first(i), count: free.count(i) }))
    this.leaves = this.#pagesOfKind(PAGE_KIND_LEAF)
    this.branches = this.#pagesOfKind(PAGE_KIND_BRANCH).sort((a, b) => this.#level(a) - this.#level(b))
  }

  #pagesOfKind(kind: number): number[] {
    const freePages = new Set<number>()
    for (const { first, count } of this.free) for (let i = 0; i < count; i++) freePages.add(first + i)
    const found: number[] = []
    for (let page = HEADER_SLOTS; page < this.pages; page++) {
      if (!freePages.has(page) && this.slab.bytes[page * PAGE_BYTES] === kind && this.#looksLikeTree(page))
        found.push(page)
    }
    return found
  }

  /** Tells a page of a tree from the text of a long value. */
  #looksLikeTree(page: number): boolean {
    return this.#level(page) < 8 && this.slab.halves[(page * PAGE_BYTES + PAGE_COUNT_OFFSET) >> 1]! < 1024
  }

  #level(page: number): number {
    return this.slab.bytes[page * PAGE_BYTES + PAGE_LEVEL_OFFSET]!
  }

  checksumOf(page: number): number {
    return checksum(this.slab.page(page * PAGE_BYTES)) | 0
  }

  /** The file with every checksum right that can be. */
  seal(): Uint8Array {
    for (const page of this.leaves) this.#sealValues(page)
    for (const page of this.branches) this.#sealBranch(page)
    for (const { root } of this.catalog.tables) {
      if (root.page >= 0 && root.page < this.pages) root.checksum = this.checksumOf(root.page)
    }
    this.#sealHeaders(this.#writeMeta())
    return this.slab.bytes
  }

  #sealValues(page: number): void {
    const { slab } = this
    const { bytes, halves } = slab
    const base = page * PAGE_BYTES
    const count = pageCount(slab, base)
    const offsets = offsetsAt(base, count, 0)
    const lengths = keyLengthsAt(base, count, 0)
    for (let i = 0; i < count && 2 * (lengths + i) < base + PAGE_BYTES; i++) {
      const length = halves[lengths + i]!
      if ((length & OVERFLOW_BIT) === 0) continue
      const at = pageHeap(slab, base) + halves[offsets + i]! + (length & KEY_LENGTH_MASK)
      if (at + 12 > base + PAGE_BYTES) continue
      const from = readWord(bytes, at + OVERFLOW_PAGE_OFFSET) * PAGE_BYTES
      const value = bytes.subarray(from, from + readWord(bytes, at + OVERFLOW_LENGTH_OFFSET))
      if (from > 0) writeWord(bytes, at + OVERFLOW_CHECKSUM_OFFSET, checksum(value))
    }
  }

  #sealBranch(page: number): void {
    const { slab } = this
    const base = page * PAGE_BYTES
    const count = pageCount(slab, base)
    for (let i = 0; i < count; i++) {
      const at = checksumsAt(base, count) + i
      if (4 * at >= base + PAGE_BYTES) return
      const child = slab.words[pagesAt(base, count) + i]!
      if (child >= 0 && child < this.pages) slab.words[at] = this.checksumOf(child)
    }
  }

  #writeMeta(): { page: number; bytes: Uint8Array } {
    const writer = new ByteWriter()
    writeCatalog(writer, this.catalog)
    writer.number(this.free.length)
    let end = 0
    for (const { first, count } of this.free) {
      writer.number(Math.max(0, first - end))
      writer.number(count)
      end = first + count
    }
    const bytes = writer.toBytes(writer.length + 20).subarray(0, Math.max(1, writer.length + this.metaBytesDelta))
    for (const { at, byte } of this.metaPatches) bytes[at % bytes.length] = byte
    const page = new DataView(this.slab.bytes.buffer).getUint32(HEADER_META_PAGE_OFFSET, true)
    this.slab.bytes.fill(0, page * PAGE_BYTES, (page + 1) * PAGE_BYTES)
    this.slab.bytes.set(bytes.subarray(0, PAGE_BYTES), page * PAGE_BYTES)
    return { page, bytes: bytes.subarray(0, PAGE_BYTES) }
  }

  #sealHeaders({ bytes }: { bytes: Uint8Array }): void {
    const view = new DataView(this.slab.bytes.buffer)
    for (let slot = 0; slot < HEADER_SLOTS; slot++) {
      const base = slot * PAGE_BYTES
      view.setUint32(base + HEADER_META_BYTES_OFFSET, bytes.length, true)
      view.setUint32(base + HEADER_META_CHECKSUM_OFFSET, checksum(bytes), true)
      for (const { slots, offset, bytes: width, value } of this.headerPatches) {
        if (!slots.includes(slot)) continue
        view.setUint32(base + offset, value >>> 0, true)
        if (width === 8) view.setUint32(base + offset + 4, Math.floor(value / 2 ** 32), true)
      }
      this.#sealSlot(base, view)
    }
  }

  /** A slot may name another meta extent by now: its checksum is made right too, where it lies in the file. */
  #sealSlot(base: number, view: DataView): void {
    const at = view.getUint32(base + HEADER_META_PAGE_OFFSET, true) * PAGE_BYTES
    const length = view.getUint32(base + HEADER_META_BYTES_OFFSET, true)
    if (at + length <= this.slab.bytes.length) {
      const sum = checksum(this.slab.bytes.subarray(at, at + length))
      view.setUint32(base + HEADER_META_CHECKSUM_OFFSET, sum, true)
    }
    const slot = this.slab.bytes.subarray(base, base + HEADER_CHECKSUM_OFFSET)
    view.setUint32(base + HEADER_CHECKSUM_OFFSET, checksum(slot), true)
  }
}

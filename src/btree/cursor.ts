import { compareRanges } from '../base/bytes.ts'
import { corruption } from '../base/errors.ts'
import { KEY_BYTES_MAX, PAGE_BYTES } from '../base/limits.ts'
import { EMPTY_ROOT } from '../pager/meta-format.ts'
import type { TreeRoot } from '../pager/meta-format.ts'
import { frameBase, frameSlab } from '../pager/page-cache.ts'
import type { PageCache } from '../pager/page-cache.ts'
import {
  HEIGHT_MAX,
  KEY_LENGTH_MASK,
  checksumsAt,
  offsetsAt,
  pageCount,
  pageHeap,
  pagePrefixLength,
  pagesAt,
} from '../pager/page-format.ts'
import { searchChild, searchPage } from '../pager/page-search.ts'
import type { Slab } from '../pager/slab.ts'
import { KeyBuffer } from './key-buffer.ts'
import { copyIn } from './page-stage.ts'
import { placeOverflow } from './value-place.ts'
import type { ValuePlace } from './value-place.ts'

/**
 * Stands on an entry of a tree, or on none. Moving fills `key` and the value's place.
 *
 * Leaves have no pointers to their neighbours, since copying a leaf would mean copying its neighbours too. The way on
 * leads over the path of branches, of which the cursor keeps page and checksum; a frame is used again without a
 * question only while it holds that page still (`PageCache.holds`), so anything may be evicted between two calls. The
 * value's place in the cache is valid until another page is loaded; `refresh` sets it anew. While the cursor is pinned,
 * its current leaf stays where it is, and the place stays valid until the cursor moves.
 */
export class Cursor implements ValuePlace {
  /** The entry's key in its first `keyLength` bytes. Copied, so it stays when the leaf goes. */
  readonly key: Uint8Array<ArrayBuffer> = new Uint8Array(KEY_BYTES_MAX)
  keyLength = 0
  /** False behind either end, and before the first seek. */
  valid = false
  bytes: Uint8Array = NO_BYTES
  valueOffset = 0
  valueLength = 0
  overflow = false
  overflowPage = 0
  overflowChecksum = 0

  readonly #cache: PageCache
  #root: TreeRoot = EMPTY_ROOT
  /** Per level the page on the path, and in branches the child that the path takes. */
  readonly #pages: Int32Array = new Int32Array(HEIGHT_MAX)
  readonly #checksums: Int32Array = new Int32Array(HEIGHT_MAX)
  readonly #children: Int32Array = new Int32Array(HEIGHT_MAX)
  /** The leaf: its frame, and where its parts are while the frame holds it. */
  #frame = -1
  #page = 0
  #checksum = 0
  #index = 0
  #count = 0
  #halves: Uint16Array = NO_HALVES
  #offsets = 0
  #heap = 0
  #prefixLength = 0
  #pinning = false
  /** The key in front of a step to another leaf, which must lie beyond it: else the branches lead round in circles. */
  #left: KeyBuffer | undefined
  #pinned = -1

  constructor(cache: PageCache) {
    this.#cache = cache
  }

  /** Turns to another tree; the cursor stands on no entry then. */
  open(root: TreeRoot): void {
    this.#unpinFrame()
    this.#root = root
    this.valid = false
    this.#frame = -1
  }

  /** To the first entry whose key is not below the first `length` bytes of `key`. */
  seek(key: Uint8Array, length: number): boolean {
    if (!this.#descendTo(key, length)) return false
    const found = this.#search(key, length)
    this.#index = found < 0 ? ~found : found
    return this.#index < this.#count ? this.#take() : this.#nextLeaf()
  }

  /** To the last entry whose key is below the first `length` bytes of `key`. */
  seekBefore(key: Uint8Array, length: number): boolean {
    if (!this.#descendTo(key, length)) return false
    const found = this.#search(key, length)
    this.#index = (found < 0 ? ~found : found) - 1
    return this.#index >= 0 ? this.#take() : this.#previousLeaf()
  }

  seekFirst(): boolean {
    return this.#descendToEnd(false)
  }

  seekLast(): boolean {
    return this.#descendToEnd(true)
  }

  /** To the next entry; false, and invalid, if there is none. Only while valid. */
  next(): boolean {
    if (!this.valid) return false
    if (++this.#index >= this.#count) return this.#nextLeaf()
    if (!this.#cache.holds(this.#frame, this.#page, this.#checksum)) this.#enter(this.#page, this.#checksum)
    return this.#take()
  }

  /** To the entry before; false, and invalid, if there is none. Only while valid. */
  previous(): boolean {
    if (!this.valid) return false
    if (--this.#index < 0) return this.#previousLeaf()
    if (!this.#cache.holds(this.#frame, this.#page, this.#checksum)) this.#enter(this.#page, this.#checksum)
    return this.#take()
  }

  /** Sets the value's place again after other pages may have been loaded. Only while valid. */
  refresh(): void {
    if (this.#cache.holds(this.#frame, this.#page, this.#checksum)) return
    this.#enter(this.#page, this.#checksum)
    this.#take()
  }

  /** From now on the leaf that the cursor stands on is not evicted. */
  pin(): void {
    this.#pinning = true
    if (this.valid) {
      this.refresh()
      this.#pinFrame()
    }
  }

  /** Undoes `pin`; must follow it. */
  unpin(): void {
    this.#pinning = false
    this.#unpinFrame()
  }

  /** Takes the entry at `#index` of the leaf, whose frame holds it. */
  #take(): boolean {
    const { bytes, key } = this
    const halves = this.#halves
    const at = this.#offsets + this.#index
    const length = halves[at + this.#count + 1]!
    const keyBytes = length & KEY_LENGTH_MASK
    const from = this.#heap + halves[at]!
    const to = this.#prefixLength
    if (keyBytes > 48) copyIn(key, to, bytes, from, keyBytes)
    else for (let i = 0; i < keyBytes; i++) key[to + i] = bytes[from + i]!
    this.keyLength = to + keyBytes
    this.valid = true
    if (length !== keyBytes) {
      placeOverflow(this, bytes, from + keyBytes)
      return true
    }
    this.overflow = false
    this.valueOffset = from + keyBytes
    this.valueLength = this.#heap + halves[at + 1]! - this.valueOffset
    return true
  }

  #search(key: Uint8Array, length: number): number {
    const frame = this.#frame
    return searchPage(this.#cache.slabs[frameSlab(frame)]!, frameBase(frame), 0, 0, key, 0, length)
  }

  /** Makes a leaf the current one. The cursor's key gets its prefix. */
  #enter(page: number, checksum: number): void {
    const cache = this.#cache
    const frame = cache.load(page, checksum, 0)
    const slab = cache.slabs[frameSlab(frame)]!
    const base = frameBase(frame)
    this.#frame = frame
    this.#page = page
    this.#checksum = checksum
    this.#count = pageCount(slab, base)
    this.#halves = slab.halves
    this.#offsets = offsetsAt(base, this.#count, 0)
    this.#heap = pageHeap(slab, base)
    this.#prefixLength = pagePrefixLength(slab, base)
    this.bytes = slab.bytes
    copyIn(this.key, 0, slab.bytes, this.#heap - this.#prefixLength, this.#prefixLength)
    if (this.#pinning) this.#pinFrame()
  }

  #descendTo(key: Uint8Array, length: number): boolean {
    this.valid = false
    if (this.#root.height === 0) return false
    let { page, checksum } = this.#root
    for (let level = this.#root.height - 1; level > 0; level--) {
      const frame = this.#cache.load(page, checksum, level)
      const slab = this.#cache.slabs[frameSlab(frame)]!
      const child = searchChild(slab, frameBase(frame), level, 0, key, 0, length)
      this.#step(level, page, checksum, child)
      page = childPage(slab, frameBase(frame), child)
      checksum = childChecksum(slab, frameBase(frame), child)
    }
    this.#enter(page, checksum)
    return true
  }

  #descendToEnd(last: boolean): boolean {
    this.valid = false
    if (this.#root.height === 0) return false
    return this.#descendBelow(this.#root.height - 1, this.#root.page, this.#root.checksum, last)
  }

  /** To the first or last entry below a page. */
  #descendBelow(level: number, page: number, checksum: number, last: boolean): boolean {
    for (; level > 0; level--) {
      const frame = this.#cache.load(page, checksum, level)
      const slab = this.#cache.slabs[frameSlab(frame)]!
      const child = last ? pageCount(slab, frameBase(frame)) - 1 : 0
      this.#step(level, page, checksum, child)
      page = childPage(slab, frameBase(frame), child)
      checksum = childChecksum(slab, frameBase(frame), child)
    }
    this.#enter(page, checksum)
    this.#index = last ? this.#count - 1 : 0
    return this.#take()
  }

  #step(level: number, page: number, checksum: number, child: number): void {
    this.#pages[level] = page
    this.#checksums[level] = checksum
    this.#children[level] = child
  }

  #nextLeaf(): boolean {
    return this.#moveLeaf(1)
  }

  #previousLeaf(): boolean {
    return this.#moveLeaf(-1)
  }

  /** Goes up until a branch has another child in the direction, and down again from there. */
  #moveLeaf(direction: 1 | -1): boolean {
    for (let level = 1; level < this.#root.height; level++) {
      const frame = this.#cache.load(this.#pages[level]!, this.#checksums[level]!, level)
      const slab = this.#cache.slabs[frameSlab(frame)]!
      const base = frameBase(frame)
      const child = this.#children[level]! + direction
      if (child < 0 || child >= pageCount(slab, base)) continue
      this.#children[level] = child
      const [page, checksum] = [childPage(slab, base, child), childChecksum(slab, base, child)]
      const isStep = this.valid
      if (isStep) (this.#left ??= new KeyBuffer()).assign(this.key, 0, this.keyLength)
      this.#descendBelow(level - 1, page, checksum, direction < 0)
      if (isStep) this.#checkStep(this.#left!, direction)
      return true
    }
    this.valid = false
    this.#unpinFrame()
    return false
  }

  #checkStep(left: KeyBuffer, direction: 1 | -1): void {
    if (compareRanges(this.key, 0, this.keyLength, left.bytes, 0, left.length) * direction > 0) return
    this.valid = false
    const what = `order of the leaves at page ${this.#page}`
    const [expected, found] = direction > 0 ? ['higher keys', 'lower ones'] : ['lower keys', 'higher ones']
    throw corruption(this.#cache.file.path, this.#page * PAGE_BYTES, what, expected, found)
  }

  #pinFrame(): void {
    if (this.#pinned === this.#frame) return
    this.#unpinFrame()
    this.#cache.pin(this.#frame)
    this.#pinned = this.#frame
  }

  #unpinFrame(): void {
    if (this.#pinned >= 0) this.#cache.unpin(this.#pinned)
    this.#pinned = -1
  }
}

const NO_BYTES: Uint8Array = new Uint8Array(0)
const NO_HALVES: Uint16Array = new Uint16Array(0)

function childPage(slab: Slab, base: number, child: number): number {
  return slab.words[pagesAt(base, pageCount(slab, base)) + child]!
}

function childChecksum(slab: Slab, base: number, child: number): number {
  return slab.words[checksumsAt(base, pageCount(slab, base)) + child]!
}

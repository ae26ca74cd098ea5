import { corruption } from '../base/errors.ts'
import { PAGE_BYTES } from '../base/limits.ts'
import type { File } from '../platform/file-system.ts'
import { readPage } from './file-read.ts'
import { Slab } from './slab.ts'

/** Frames of a full slab: 1 MiB. */
const FRAMES_BITS = 7
const FRAMES_PER_SLAB = 1 << FRAMES_BITS
const FRAMES_MASK = FRAMES_PER_SLAB - 1
/** The first slab begins with so many and doubles: a database of a few pages takes a few pages of memory. */
const FRAMES_FIRST = 16
const PAGE_BITS = 13
const GOLDEN_RATIO = 0x9e3779b1 | 0

/** The slab of a frame is `cache.slabs[frameSlab(frame)]`, its first byte there `frameBase(frame)`. */
export function frameSlab(frame: number): number {
  return frame >>> FRAMES_BITS
}
export function frameBase(frame: number): number {
  return (frame & FRAMES_MASK) << PAGE_BITS
}

/** Counters since the cache was made. */
export interface PageCacheStatistics {
  /** Requests for a page that was there. */
  hits: number
  misses: number
  evictions: number
}

/**
 * Pages of trees in memory, up to a budget that only pinned pages can exceed.
 *
 * A page number is used again when its page has been freed, so it does not say what stands in a frame; the pair of page
 * and checksum does, and every request names both. A frame whose checksum differs is stale and is read anew.
 *
 * Eviction is by CLOCK: a hit costs one store, and there is no list to keep in order. The table from page to frame is
 * open addressing in two typed arrays, at most half full; a removal shifts what stands behind it, so there are no
 * tombstones. Page 0 is a header slot, never cached, and marks an empty place.
 */
export class PageCache {
  readonly file: File
  readonly slabs: Slab[] = []
  readonly statistics: PageCacheStatistics = { hits: 0, misses: 0, evictions: 0 }
  readonly #framesMax: number
  #frames = 0
  #hand = 0
  #framePages: Int32Array
  #frameChecksums: Int32Array
  #referenced: Uint8Array
  #pins: Int32Array
  #tablePages: Int32Array
  #tableFrames: Int32Array
  #shift: number

  constructor(file: File, budgetBytes: number) {
    this.file = file
    this.#framesMax = Math.max(4, Math.floor(budgetBytes / PAGE_BYTES))
    this.#framePages = new Int32Array(0)
    this.#frameChecksums = this.#framePages
    this.#referenced = new Uint8Array(0)
    this.#pins = this.#framePages
    this.#tablePages = new Int32Array(16)
    this.#tableFrames = new Int32Array(16)
    this.#shift = 28
  }

  /** Bytes of memory that the frames take. */
  get byteLength(): number {
    return this.#frames * PAGE_BYTES
  }

  /** The frame that holds the page; reads it if need be. Valid until the next call, unless it is pinned. */
  load(page: number, checksum: number, level: number): number {
    const pages = this.#tablePages
    const mask = pages.length - 1
    let place = Math.imul(page, GOLDEN_RATIO) >>> this.#shift
    for (;;) {
      const found = pages[place]!
      if (found === 0) break
      if (found === page) {
        const frame = this.#tableFrames[place]!
        if (this.#frameChecksums[frame] !== checksum) break
        this.#referenced[frame] = 1
        this.statistics.hits++
        return frame
      }
      place = (place + 1) & mask
    }
    return this.#miss(page, checksum, level)
  }

  /** True while the frame holds just this page: what was read from it before may be used again. */
  holds(frame: number, page: number, checksum: number): boolean {
    return this.#framePages[frame] === page && this.#frameChecksums[frame] === checksum
  }

  /** Keeps the frame's page where it is until it is unpinned as often. */
  pin(frame: number): void {
    this.#pins[frame] = this.#pins[frame]! + 1
  }

  unpin(frame: number): void {
    this.#pins[frame] = this.#pins[frame]! - 1
  }

  #miss(page: number, checksum: number, level: number): number {
    if (page < 2) throw corruption(this.file.path, 0, 'reference to a page', 'a page of a tree', `page ${page}`)
    this.statistics.misses++
    this.#forget(page)
    const frame = this.#vacantFrame()
    // The frame is nobody's until its content has been verified.
    readPage(this.file, page, checksum, level, this.slabs[frameSlab(frame)]!, frameBase(frame))
    this.#framePages[frame] = page
    this.#frameChecksums[frame] = checksum
    this.#referenced[frame] = 1
    this.#insert(page, frame)
    return frame
  }

  /** A frame that holds no page. */
  #vacantFrame(): number {
    if (this.#frames >= this.#framesMax) {
      for (let steps = 2 * this.#frames; steps > 0; steps--) {
        const frame = this.#hand
        this.#hand = frame + 1 === this.#frames ? 0 : frame + 1
        if (this.#pins[frame] !== 0) continue
        if (this.#referenced[frame] !== 0) {
          this.#referenced[frame] = 0
          continue
        }
        const page = this.#framePages[frame]!
        if (page !== 0) {
          this.#forget(page)
          this.statistics.evictions++
        }
        return frame
      }
    }
    return this.#addFrame()
  }

  #addFrame(): number {
    const frame = this.#frames
    if ((frame & FRAMES_MASK) === 0) {
      const frames = this.#slabFrames(frame)
      this.slabs.push(new Slab((frame === 0 ? Math.min(FRAMES_FIRST, frames) : frames) * PAGE_BYTES))
    } else if (frameBase(frame) >= this.slabs[frameSlab(frame)]!.bytes.length) {
      this.#widenLastSlab(frame)
    }
    if (frame === this.#framePages.length) this.#growFrames()
    this.#frames++
    if (this.#frames * 2 > this.#tablePages.length) this.#growTable()
    return frame
  }

  /** The most frames that the slab of `frame` may hold. One for pinned pages beyond the budget is whole: the next ones find room in it. */
  #slabFrames(frame: number): number {
    const left = this.#framesMax - (frame & ~FRAMES_MASK)
    return frame >= this.#framesMax ? FRAMES_PER_SLAB : Math.max(1, Math.min(FRAMES_PER_SLAB, left))
  }

  /** The last slab has begun small, or was cut to the budget and pins need more: a larger one takes its place, with its content. */
  #widenLastSlab(frame: number): void {
    const { bytes } = this.slabs[frameSlab(frame)]!
    const slab = new Slab(
      Math.min(this.#slabFrames(frame) * PAGE_BYTES, Math.max(2 * bytes.length, FRAMES_FIRST * PAGE_BYTES)),
    )
    slab.bytes.set(bytes)
    this.slabs[frameSlab(frame)] = slab
  }

  #growFrames(): void {
    const length = Math.max(64, this.#framePages.length * 2)
    this.#framePages = grown(this.#framePages, new Int32Array(length))
    this.#frameChecksums = grown(this.#frameChecksums, new Int32Array(length))
    this.#referenced = grown(this.#referenced, new Uint8Array(length))
    this.#pins = grown(this.#pins, new Int32Array(length))
  }

  #growTable(): void {
    const length = this.#tablePages.length * 2
    this.#tablePages = new Int32Array(length)
    this.#tableFrames = new Int32Array(length)
    this.#shift--
    for (let frame = 0; frame < this.#frames; frame++) {
      const page = this.#framePages[frame]!
      if (page !== 0) this.#insert(page, frame)
    }
  }

  #insert(page: number, frame: number): void {
    const mask = this.#tablePages.length - 1
    let place = Math.imul(page, GOLDEN_RATIO) >>> this.#shift
    while (this.#tablePages[place] !== 0) place = (place + 1) & mask
    this.#tablePages[place] = page
    this.#tableFrames[place] = frame
  }

  /** Takes the page out of the table, if it is there, and leaves its frame vacant. */
  #forget(page: number): void {
    const pages = this.#tablePages
    const frames = this.#tableFrames
    const mask = pages.length - 1
    let place = Math.imul(page, GOLDEN_RATIO) >>> this.#shift
    while (pages[place] !== page) {
      if (pages[place] === 0) return
      place = (place + 1) & mask
    }
    this.#framePages[frames[place]!] = 0
    this.#referenced[frames[place]!] = 0
    for (let next = (place + 1) & mask; pages[next] !== 0; next = (next + 1) & mask) {
      const home = Math.imul(pages[next]!, GOLDEN_RATIO) >>> this.#shift
      // What stands at `next` may move to `place` unless its home lies between the two.
      if (((next - home) & mask) < ((next - place) & mask)) continue
      pages[place] = pages[next]!
      frames[place] = frames[next]!
      place = next
    }
    pages[place] = 0
  }
}

function grown<A extends Int32Array | Uint8Array>(from: A, to: A): A {
  to.set(from)
  return to
}

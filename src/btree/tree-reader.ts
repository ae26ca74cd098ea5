import { assert } from '../base/assert.ts'
import { corruption } from '../base/errors.ts'
import { PAGE_BYTES } from '../base/limits.ts'
import type { File } from '../platform/file-system.ts'
import { readPage, readUpTo, verifyPage } from '../pager/file-read.ts'
import { HEIGHT_MAX } from '../pager/page-format.ts'
import type { Slab } from '../pager/slab.ts'

const WINDOW_PAGES = 32
/** Bytes of a slab that a reader takes. */
export const READER_BYTES: number = (HEIGHT_MAX + WINDOW_PAGES) * PAGE_BYTES

/**
 * Reads a tree from end to end, apart from the page cache, so that it may run on another thread: a place for one branch
 * per level, and a window of leaves. Leaves that a merge has written lie in runs, so a request for the page behind the
 * last one doubles the number of pages read at once, and any other request ends it. What is read ahead is verified when
 * it is asked for, by the checksum its parent has.
 */
export class TreeReader {
  readonly file: File
  readonly slab: Slab
  readonly #base: number
  #first = 0
  #pages = 0
  #previous = 0
  #ahead = 1

  /** The reader's READER_BYTES start at byte `base` of the slab. */
  constructor(file: File, slab: Slab, base: number) {
    this.file = file
    this.slab = slab
    this.#base = base
  }

  /** The byte of the slab at which the page now starts. It stays until the next page of its level is asked for. */
  load(page: number, checksum: number, level: number): number {
    assert(level < HEIGHT_MAX, 'a tree is higher than it can be')
    if (page < 2) throw corruption(this.file.path, 0, 'reference to a page', 'a page of a tree', `page ${page}`)
    if (level === 0) return this.#leaf(page, checksum)
    const base = this.#base + level * PAGE_BYTES
    readPage(this.file, page, checksum, level, this.slab, base)
    return base
  }

  /** The window may show pages that have been written since. To be called before another tree is read. */
  forget(): void {
    this.#pages = 0
  }

  #leaf(page: number, checksum: number): number {
    this.#ahead = page === this.#previous + 1 ? Math.min(2 * this.#ahead, WINDOW_PAGES) : 1
    this.#previous = page
    if (page < this.#first || page >= this.#first + this.#pages) this.#fill(page)
    const base = this.#base + (HEIGHT_MAX + page - this.#first) * PAGE_BYTES
    verifyPage(this.file, page, checksum, 0, this.slab, base)
    return base
  }

  #fill(page: number): void {
    const from = this.#base + HEIGHT_MAX * PAGE_BYTES
    const target = this.slab.bytes.subarray(from, from + this.#ahead * PAGE_BYTES)
    const found = readUpTo(this.file, target, page * PAGE_BYTES)
    this.#first = page
    this.#pages = Math.floor(found / PAGE_BYTES)
    if (this.#pages > 0) return
    throw corruption(
      this.file.path,
      page * PAGE_BYTES,
      `the file ends within page ${page}`,
      `${PAGE_BYTES} bytes`,
      `${found} bytes`,
    )
  }
}

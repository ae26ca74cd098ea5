import { checksum } from '../base/checksum.ts'
import { PAGE_BYTES } from '../base/limits.ts'
import type { File } from '../platform/file-system.ts'
import { ioError } from '../platform/io-error.ts'
import { writeFullySync } from '../platform/write-fully.ts'
import { ExtentList } from './extent-list.ts'
import { overflowPages } from './overflow-format.ts'
import type { Slab } from './slab.ts'

/** Where new pages come from. */
export interface PageAllocator {
  /** The first page of a run of `count` pages that may be written. */
  allocate(count: number): number
}

/** Longer values go to the file on their own, without a copy. */
const BUFFERED_VALUE_BYTES_MAX = 64 * 1024

/** Collects new pages in a part of a slab and writes those that follow one another in the file with one call. */
export class PageWriter {
  /** Everything allocated so far: to be freed if the merge fails. */
  readonly allocated: ExtentList = new ExtentList()
  bytesWritten = 0
  writes = 0
  readonly #file: File
  readonly #allocator: PageAllocator
  readonly #slab: Slab
  readonly #buffer: number
  readonly #pagesMax: number
  readonly #wrote: (bytes: number) => void
  #first = 0
  #pages = 0

  /** The buffer is `pagesMax` pages long and starts at byte `buffer` of the slab. `wrote` is told of each write. */
  constructor(
    file: File,
    allocator: PageAllocator,
    slab: Slab,
    buffer: number,
    pagesMax: number,
    wrote: (bytes: number) => void,
  ) {
    this.#file = file
    this.#allocator = allocator
    this.#slab = slab
    this.#buffer = buffer
    this.#pagesMax = pagesMax
    this.#wrote = wrote
  }

  /** The page that `place` has placed last. */
  get lastPage(): number {
    return this.#first + this.#pages - 1
  }

  /** Allocates a page; returns the byte of the slab at which to build it, before the next call. */
  place(): number {
    return this.#place(this.#allocate(1), 1)
  }

  /** Allocates pages for a long value and writes it. Returns the first page. */
  writeValue(bytes: Uint8Array, offset: number, length: number): number {
    const pages = overflowPages(length)
    const first = this.#allocate(pages)
    const value = bytes.subarray(offset, offset + length)
    const padding = pages * PAGE_BYTES - length
    if (length <= BUFFERED_VALUE_BYTES_MAX && pages <= this.#pagesMax) {
      const base = this.#place(first, pages)
      this.#slab.bytes.set(value, base)
      this.#slab.bytes.fill(0, base + length, base + length + padding)
    } else this.#write(padding === 0 ? [value] : [value, new Uint8Array(padding)], first, pages)
    return first
  }

  /** The checksum of a page that has been built. */
  checksum(base: number): number {
    return checksum(this.#slab.page(base)) | 0
  }

  /** Writes what is still in the buffer. */
  flush(): void {
    if (this.#pages === 0) return
    const { bytes } = this.#slab
    this.#write([bytes.subarray(this.#buffer, this.#buffer + this.#pages * PAGE_BYTES)], this.#first, this.#pages)
    this.#pages = 0
  }

  #allocate(count: number): number {
    const first = this.#allocator.allocate(count)
    this.allocated.push(first, count)
    return first
  }

  #place(first: number, count: number): number {
    if (this.#pages !== 0 && (first !== this.#first + this.#pages || this.#pages + count > this.#pagesMax)) this.flush()
    if (this.#pages === 0) this.#first = first
    const base = this.#buffer + this.#pages * PAGE_BYTES
    this.#pages += count
    return base
  }

  #write(parts: readonly Uint8Array[], first: number, pages: number): void {
    const bytes = pages * PAGE_BYTES
    try {
      writeFullySync(this.#file, parts, first * PAGE_BYTES)
    } catch (error) {
      throw ioError(error, `write ${this.#file.path}`, this.#file.path)
    }
    this.bytesWritten += bytes
    this.writes++
    this.#wrote(bytes)
  }
}

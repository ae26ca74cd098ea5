import { assert } from '../base/assert.ts'
import { DatabaseError } from '../base/errors.ts'
import { ExtentList, sortedExtents } from './extent-list.ts'
import { PAGE_COUNT_MAX } from './page-format.ts'

/** What stands below this page is never free: the two header slots. */
export const FIRST_PAGE = 2

/**
 * The pages of the file that may be written: runs in the order of their pages, none touching another.
 *
 * A run that has been used up stays in place with a length of zero until the next rebuild, so that the search by page
 * goes on working and a single page costs a few instructions. Single pages come from the lowest run on, one after the
 * other, so that a bulk merge writes in runs. Longer runs are looked for from where the last one was found (next fit);
 * a length for which there was no room is remembered, so that a badly fragmented file is not searched again and again.
 */
export class FreeSpace {
  #firsts: Uint32Array
  #counts: Uint32Array
  #length = 0
  #pageCount: number
  /** No run in front of this index has a page left. */
  #singles = 0
  #runs = 0
  /** No run is longer than this. */
  #longest = Infinity
  #free = 0

  constructor(pageCount: number, extents: ExtentList = new ExtentList()) {
    this.#pageCount = pageCount
    this.#firsts = new Uint32Array(0)
    this.#counts = this.#firsts
    this.#rebuild(extents)
  }

  /** Pages of the file, header slots and free pages included. */
  get pageCount(): number {
    return this.#pageCount
  }

  /** Free pages below `pageCount`. */
  get freePages(): number {
    return this.#free
  }

  /** The first page of a run of `count` pages; the file grows where no free run is long enough. */
  allocate(count: number): number {
    return count === 1 ? this.#allocateOne() : this.#allocateRun(count)
  }

  /** Makes pages available that were allocated. */
  free(first: number, count: number): void {
    const list = new ExtentList()
    list.push(first, count)
    this.freeAll([list])
  }

  freeAll(lists: readonly ExtentList[]): void {
    if (lists.every(list => list.length === 0)) return
    const { extents, doubled } = sortedExtents([this.extents(), ...lists])
    assert(doubled === undefined, 'a page was freed twice')
    const last = extents.length - 1
    assert(
      extents.first(0) >= FIRST_PAGE && extents.first(last) + extents.count(last) <= this.#pageCount,
      'a page was freed that is not in the file',
    )
    this.#rebuild(extents)
  }

  /** All free runs, in order. */
  extents(): ExtentList {
    const list = new ExtentList()
    for (let i = 0; i < this.#length; i++) if (this.#counts[i] !== 0) list.push(this.#firsts[i]!, this.#counts[i]!)
    return list
  }

  /** Gives free pages at the end of the file back: afterwards the last page is in use. Returns the new page count. */
  trimTail(): number {
    while (this.#length > 0) {
      const last = this.#length - 1
      const count = this.#counts[last]!
      if (count !== 0) {
        if (this.#firsts[last]! + count !== this.#pageCount) break
        this.#pageCount -= count
        this.#free -= count
      }
      this.#length = last
    }
    this.#singles = Math.min(this.#singles, this.#length)
    this.#runs = Math.min(this.#runs, this.#length)
    return this.#pageCount
  }

  /** The next single page comes from the lowest free run again. To be called when a checkpoint begins. */
  rewind(): void {
    this.#singles = 0
    this.#runs = 0
  }

  #rebuild(extents: ExtentList): void {
    const { length } = extents
    if (this.#firsts.length < length) {
      this.#firsts = new Uint32Array(length + (length >> 1) + 16)
      this.#counts = new Uint32Array(this.#firsts.length)
    }
    this.#free = 0
    for (let i = 0; i < length; i++) {
      this.#firsts[i] = extents.first(i)
      this.#counts[i] = extents.count(i)
      this.#free += extents.count(i)
    }
    this.#length = length
    this.#longest = Infinity
    this.rewind()
  }

  #allocateOne(): number {
    while (this.#singles < this.#length && this.#counts[this.#singles] === 0) this.#singles++
    if (this.#singles === this.#length) return this.#grow(1)
    return this.#take(this.#singles, 1)
  }

  #allocateRun(count: number): number {
    if (count <= this.#longest) {
      let longest = 0
      for (let step = 0; step < this.#length; step++) {
        if (this.#runs >= this.#length) this.#runs = 0
        const room = this.#counts[this.#runs]!
        if (room >= count) return this.#take(this.#runs, count)
        if (room > longest) longest = room
        this.#runs++
      }
      this.#longest = longest
    }
    return this.#grow(count)
  }

  #take(index: number, count: number): number {
    const first = this.#firsts[index]!
    this.#firsts[index] = first + count
    this.#counts[index] = this.#counts[index]! - count
    this.#free -= count
    return first
  }

  /** Takes `count` pages at the end of the file, a free run there included. */
  #grow(count: number): number {
    let first = this.#pageCount
    const last = this.#length - 1
    if (last >= 0 && this.#firsts[last]! + this.#counts[last]! === first) {
      first -= this.#counts[last]!
      this.#free -= this.#counts[last]!
      this.#firsts[last] = this.#pageCount
      this.#counts[last] = 0
    }
    if (first + count > PAGE_COUNT_MAX) {
      throw new DatabaseError(
        'MANIFOLD_NO_SPACE',
        'The data file has reached its largest size of 16 TiB: delete data or split the database.',
      )
    }
    this.#pageCount = Math.max(this.#pageCount, first + count)
    return first
  }
}

import type { RangeWalk } from '../engine/range-walk.ts'
import { EntriesIterator } from './entries.ts'
import type { Cut } from './read-table.ts'

/** What `range`, `keys` and `values` return: one pass over a cut, which it pins until it is finished or returned. */
export class TableIterator<T> extends EntriesIterator<T> {
  #walk: RangeWalk | undefined
  #cut: Cut | undefined
  readonly #decode: (walk: RangeWalk) => T

  /** Without a walk there is nothing to iterate over. */
  constructor(walk: RangeWalk | undefined, cut: Cut | undefined, decode: (walk: RangeWalk) => T) {
    super()
    this.#walk = walk
    this.#cut = cut
    this.#decode = decode
  }

  override next(): IteratorResult<T, undefined> {
    const walk = this.#walk
    if (walk === undefined) return { done: true, value: undefined }
    try {
      this.#cut!.check?.()
      if (walk.advance()) return { done: false, value: this.#decode(walk) }
    } catch (error) {
      this.#release()
      throw error
    }
    this.#release()
    return { done: true, value: undefined }
  }

  override return(): IteratorResult<T, undefined> {
    this.#release()
    return { done: true, value: undefined }
  }

  #release(): void {
    this.#walk = undefined
    this.#cut?.pin.release()
    this.#cut = undefined
  }
}

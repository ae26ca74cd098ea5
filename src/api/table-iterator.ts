import type { RangeWalk } from '../engine/range-walk.ts'
import type { Pin } from '../engine/pin.ts'
import { EntriesIterator, finished } from './entries.ts'

/** What an iterator reads from, and for how long it may. */
export interface Cut {
  readonly pin: Pin
  /** Throws where what the iterator was taken from has ended. */
  readonly check: () => void
}

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

  get heldPin(): Pin | undefined {
    return this.#cut?.pin
  }

  next(): IteratorResult<T, undefined> {
    const walk = this.#walk
    if (walk === undefined) return finished()
    try {
      this.#cut!.check()
      if (walk.advance()) return { done: false, value: this.#decode(walk) }
    } catch (error) {
      this.#release()
      throw error
    }
    this.#release()
    return finished()
  }

  return(): IteratorResult<T, undefined> {
    this.#release()
    return finished()
  }

  #release(): void {
    this.#walk = undefined
    this.#cut?.pin.release()
    this.#cut = undefined
  }
}

import { compareRanges } from '../base/bytes.ts'
import { EncodedKey } from '../shared/encoded-key.ts'
import type { EntryCursor } from './entry-cursor.ts'

/** Which entries, in which direction, and how many. */
export interface WalkPlan {
  /** The first key, inclusive. */
  readonly start: Uint8Array
  /** The key behind the last; undefined: none. */
  readonly end: Uint8Array | undefined
  readonly reverse: boolean
  readonly offset: number
  readonly limit: number
}

const scratch = new EncodedKey()

/** Takes a cursor through a plan, one entry a call. */
export class RangeWalk {
  readonly cursor: EntryCursor
  readonly #plan: WalkPlan
  #left: number
  #begun = false

  constructor(cursor: EntryCursor, plan: WalkPlan) {
    this.cursor = cursor
    this.#plan = plan
    this.#left = plan.limit
  }

  /** Puts the cursor on the next entry; false when there is none left. */
  advance(): boolean {
    if (this.#left <= 0) return false
    this.#left--
    if (this.#begun) {
      if (this.#plan.reverse) this.cursor.previous()
      else this.cursor.next()
    } else this.#begin()
    if (this.cursor.valid && this.#isInside()) return true
    this.#left = 0
    return false
  }

  #begin(): void {
    const { start, end, reverse, offset } = this.#plan
    this.#begun = true
    if (!reverse) {
      scratch.assign(start, 0, start.length)
      this.cursor.seek(scratch)
    } else if (end === undefined) this.cursor.seekLast()
    else {
      scratch.assign(end, 0, end.length)
      this.cursor.seekBefore(scratch)
    }
    for (let i = 0; i < offset && this.cursor.valid && this.#isInside(); i++) {
      if (reverse) this.cursor.previous()
      else this.cursor.next()
    }
  }

  #isInside(): boolean {
    const { start, end, reverse } = this.#plan
    const { keyBytes, keyOffset, keyLength } = this.cursor
    if (reverse) return start.length === 0 || compareRanges(keyBytes, keyOffset, keyLength, start, 0, start.length) >= 0
    return end === undefined || compareRanges(keyBytes, keyOffset, keyLength, end, 0, end.length) < 0
  }
}

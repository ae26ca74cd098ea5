import { compareBytes, compareRanges } from '../base/bytes.ts'

/** Keys from `start` up to but not including `end` (undefined: to the end), deleted by each of the entries at `addresses`, oldest first. */
export interface Fragment {
  readonly start: Uint8Array
  readonly end: Uint8Array | undefined
  readonly addresses: readonly number[]
}

/**
 * The range deletions of one table: disjoint fragments in key order, so that a lookup is one binary search however many
 * ranges overlap. Every addition makes a new array that shares the fragments it did not touch; the one before it is
 * kept until the addition can no longer be rolled back.
 */
export class RangeTombstones {
  fragments: readonly Fragment[] = []
  /** What stood before each addition that may yet be taken back, oldest first. */
  readonly #history: { address: number; fragments: readonly Fragment[] }[] = []

  get size(): number {
    return this.fragments.length
  }

  add(start: Uint8Array, end: Uint8Array | undefined, address: number): void {
    this.#history.push({ address, fragments: this.fragments })
    this.fragments = withRange(this.fragments, start, end, address)
  }

  /** Takes back every addition from `address` on. */
  cut(address: number): void {
    for (let last = this.#history.at(-1); last !== undefined && last.address >= address; last = this.#history.at(-1)) {
      this.fragments = last.fragments
      this.#history.pop()
    }
  }

  /** Additions up to now stay. */
  settle(): void {
    this.#history.length = 0
  }

  /** The newest deletion of a key with an address below `limit`, or -1. */
  newest(bytes: Uint8Array, offset: number, length: number, limit: number): number {
    const fragment = this.#find(bytes, offset, length)
    if (fragment === undefined) return -1
    const { addresses } = fragment
    for (let i = addresses.length - 1; i >= 0; i--) if (addresses[i]! < limit) return addresses[i]!
    return -1
  }

  #find(bytes: Uint8Array, offset: number, length: number): Fragment | undefined {
    let from = 0
    let to = this.fragments.length
    while (from < to) {
      const middle = (from + to) >>> 1
      const { start } = this.fragments[middle]!
      if (compareRanges(start, 0, start.length, bytes, offset, length) <= 0) from = middle + 1
      else to = middle
    }
    const fragment = this.fragments[from - 1]
    if (fragment === undefined) return undefined
    const { end } = fragment
    return end === undefined || compareRanges(bytes, offset, length, end, 0, end.length) < 0 ? fragment : undefined
  }
}

function isBelow(key: Uint8Array, end: Uint8Array | undefined): boolean {
  return end === undefined || compareBytes(key, end) < 0
}

function smaller(a: Uint8Array | undefined, b: Uint8Array | undefined): Uint8Array | undefined {
  if (a === undefined) return b
  return b === undefined || compareBytes(a, b) <= 0 ? a : b
}

function withRange(
  fragments: readonly Fragment[],
  start: Uint8Array,
  end: Uint8Array | undefined,
  address: number,
): Fragment[] {
  const result: Fragment[] = []
  /** Where the part of the new range begins that no fragment has taken up yet; undefined when all of it is placed. */
  let open: Uint8Array | undefined = start
  for (const fragment of fragments) {
    if (open === undefined || (fragment.end !== undefined && compareBytes(fragment.end, open) <= 0)) {
      result.push(fragment)
      continue
    }
    if (!isBelow(fragment.start, end)) {
      result.push({ start: open, end, addresses: [address] }, fragment)
      open = undefined
      continue
    }
    if (compareBytes(fragment.start, open) < 0) {
      result.push({ start: fragment.start, end: open, addresses: fragment.addresses })
    } else if (compareBytes(open, fragment.start) < 0) {
      result.push({ start: open, end: fragment.start, addresses: [address] })
      open = fragment.start
    }
    const behind = smaller(fragment.end, end)
    result.push({ start: open, end: behind, addresses: [...fragment.addresses, address] })
    if (behind !== undefined && fragment.end !== behind && isBelow(behind, fragment.end)) {
      result.push({ start: behind, end: fragment.end, addresses: fragment.addresses })
    }
    open = behind !== undefined && isBelow(behind, end) ? behind : undefined
  }
  if (open !== undefined && isBelow(open, end)) result.push({ start: open, end, addresses: [address] })
  return result
}

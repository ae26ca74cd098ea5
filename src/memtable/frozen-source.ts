import { compareBytes } from '../base/bytes.ts'
import { CHUNK_WORD_BITS } from '../shared/arena.ts'
import { ENTRY_HEADER_BYTES, KIND_DELETE, valueStart } from '../shared/entry-format.ts'
import { LEAF_NEXT, LEAF_REFERENCE, leafBase, leafSlab, newestBelow, NONE } from './ordered-index.ts'
import type { Fragment } from './range-tombstones.ts'

const CHUNK_WORD_MASK = (1 << CHUNK_WORD_BITS) - 1

/** A frozen table, in a form that can be posted to another thread: its memory is shared, not copied. */
export interface FrozenTable {
  readonly chunks: readonly SharedArrayBuffer[]
  readonly slabs: readonly SharedArrayBuffer[]
  readonly versions: SharedArrayBuffer
  readonly fragments: readonly Fragment[]
  /** Entries from here on belong to a transaction that was open at the freeze. */
  readonly limit: number
}

/**
 * The changes that a frozen table makes to its tree, in key order: the newest entry of each key that no later range
 * deletion covers. Reads only what no longer changes, so it may run on any thread.
 */
export class FrozenSource {
  deleted = false
  keyBytes: Uint8Array = NO_BYTES
  keyOffset = 0
  keyLength = 0
  valueBytes: Uint8Array = NO_BYTES
  valueWords: Int32Array = NO_WORDS
  valueOffset = 0
  valueLength = 0
  readonly #limit: number
  readonly #bytes: Uint8Array[]
  readonly #words: Int32Array[]
  readonly #slabs: Int32Array[]
  readonly #versions: Int32Array
  readonly #fragments: readonly Fragment[]
  #fragment = 0
  #leaf = 0
  #slot = -1

  constructor(table: FrozenTable) {
    this.#limit = table.limit
    this.#bytes = table.chunks.map(chunk => new Uint8Array(chunk))
    this.#words = table.chunks.map(chunk => new Int32Array(chunk))
    this.#slabs = table.slabs.map(slab => new Int32Array(slab))
    this.#versions = new Int32Array(table.versions)
    this.#fragments = table.fragments
  }

  /** The key ranges to be taken from the old tree: disjoint, in order. */
  ranges(): { start: Uint8Array; end: Uint8Array | undefined }[] {
    const ranges: { start: Uint8Array; end: Uint8Array | undefined }[] = []
    for (const { start, end, addresses } of this.#fragments) {
      if (!addresses.some(address => address < this.#limit)) continue
      const last = ranges.at(-1)
      if (last?.end !== undefined && compareBytes(last.end, start) === 0) last.end = end
      else ranges.push({ start, end })
    }
    return ranges
  }

  /** Goes on to the next change; false when there is none. */
  advance(): boolean {
    for (;;) {
      const address = this.#nextEntry()
      if (address === NONE) return false
      this.#load(address)
      if (this.#fragments.length === 0 || !this.#isCovered(address)) return true
    }
  }

  #nextEntry(): number {
    for (;;) {
      const words = this.#slabs[leafSlab(this.#leaf)]!
      const base = leafBase(this.#leaf)
      if (++this.#slot < words[base]!) {
        const address = newestBelow(this.#versions, words[base + LEAF_REFERENCE + this.#slot]!, this.#limit)
        if (address !== NONE) return address
        continue
      }
      const next = words[base + LEAF_NEXT]!
      if (next === NONE) {
        this.#slot--
        return NONE
      }
      this.#leaf = next
      this.#slot = -1
    }
  }

  #load(address: number): void {
    const chunk = address >>> CHUNK_WORD_BITS
    const word = address & CHUNK_WORD_MASK
    const words = this.#words[chunk]!
    const tag = words[word]!
    this.deleted = (tag & 0xffff) === KIND_DELETE
    this.keyBytes = this.#bytes[chunk]!
    this.keyOffset = word * 4 + ENTRY_HEADER_BYTES
    this.keyLength = tag >>> 16
    this.valueBytes = this.keyBytes
    this.valueWords = words
    this.valueOffset = word * 4 + valueStart(this.keyLength)
    this.valueLength = words[word + 2]!
  }

  /** A range deletion that is newer than the entry has taken it away; the range itself takes what the tree has. */
  #isCovered(address: number): boolean {
    const key = this.keyBytes.subarray(this.keyOffset, this.keyOffset + this.keyLength)
    for (;;) {
      const fragment = this.#fragments[this.#fragment]
      if (fragment === undefined || compareBytes(key, fragment.start) < 0) return false
      if (fragment.end === undefined || compareBytes(key, fragment.end) < 0) {
        return fragment.addresses.some(deletion => deletion > address && deletion < this.#limit)
      }
      this.#fragment++
    }
  }
}

const NO_BYTES: Uint8Array = new Uint8Array(0)
const NO_WORDS: Int32Array = new Int32Array(0)

import { CHUNK_WORD_BITS } from '../shared/arena.ts'
import { EncodedKey } from '../shared/encoded-key.ts'
import { ENTRY_HEADER_BYTES, valueStart } from '../shared/entry-format.ts'
import type { MemtableCursor } from './memtable.ts'
import type { OrderedIndex, Place } from './ordered-index.ts'
import { NONE } from './ordered-index.ts'

const CHUNK_WORD_MASK = (1 << CHUNK_WORD_BITS) - 1
const place: Place = { leaf: 0, slot: 0 }
const current = new EncodedKey()

/** Walks one index. A writer may move slots meanwhile: the cursor notices it and finds its key again. */
export class IndexCursor implements MemtableCursor {
  address: number = NONE
  kind = 0
  bytes: Uint8Array = NO_BYTES
  keyOffset = 0
  keyLength = 0
  valueOffset = 0
  valueLength = 0
  readonly #index: OrderedIndex
  readonly #limit: number
  #leaf = 0
  #slot = 0
  #changes = 0

  constructor(index: OrderedIndex, limit: number) {
    this.#index = index
    this.#limit = limit
  }

  seek(key: EncodedKey): void {
    this.#find(key)
    this.#forward()
  }

  seekBefore(key: EncodedKey): void {
    this.#find(key)
    this.#slot--
    this.#backward()
  }

  seekLast(): void {
    this.#changes = this.#index.changes
    this.#leaf = this.#index.lastLeaf
    this.#slot = this.#index.count(this.#leaf) - 1
    this.#backward()
  }

  next(): void {
    if (this.#changes !== this.#index.changes) this.#findCurrent()
    this.#slot++
    this.#forward()
  }

  previous(): void {
    if (this.#changes !== this.#index.changes) this.#findCurrent()
    this.#slot--
    this.#backward()
  }

  #find(key: EncodedKey): void {
    this.#changes = this.#index.changes
    this.#index.seek(key, place)
    this.#leaf = place.leaf
    this.#slot = place.slot
  }

  #findCurrent(): void {
    current.assign(this.bytes, this.keyOffset, this.keyLength)
    this.#find(current)
  }

  /** From the place on to the first visible entry. */
  #forward(): void {
    const index = this.#index
    for (;;) {
      while (this.#slot >= index.count(this.#leaf)) {
        const next = index.next(this.#leaf)
        if (next === NONE) {
          this.address = NONE
          return
        }
        this.#leaf = next
        this.#slot = 0
      }
      const address = index.entryAt(this.#leaf, this.#slot, this.#limit)
      if (address !== NONE) {
        this.#load(address)
        return
      }
      this.#slot++
    }
  }

  #backward(): void {
    const index = this.#index
    for (;;) {
      while (this.#slot < 0) {
        const previous = index.previous(this.#leaf)
        if (previous === NONE) {
          this.address = NONE
          return
        }
        this.#leaf = previous
        this.#slot = index.count(previous) - 1
      }
      const address = index.entryAt(this.#leaf, this.#slot, this.#limit)
      if (address !== NONE) {
        this.#load(address)
        return
      }
      this.#slot--
    }
  }

  #load(address: number): void {
    const { arena } = this.#index
    const chunk = address >>> CHUNK_WORD_BITS
    const word = address & CHUNK_WORD_MASK
    const words = arena.words[chunk]!
    const tag = words[word]!
    this.address = address
    this.bytes = arena.bytes[chunk]!
    this.kind = tag & 0xffff
    this.keyLength = tag >>> 16
    this.keyOffset = word * 4 + ENTRY_HEADER_BYTES
    this.valueOffset = word * 4 + valueStart(this.keyLength)
    this.valueLength = words[word + 2]!
  }
}

const NO_BYTES: Uint8Array = new Uint8Array(0)

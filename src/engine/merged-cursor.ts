import { compareRanges } from '../base/bytes.ts'
import type { MemtableCursor } from '../memtable/memtable.ts'
import { NONE } from '../memtable/ordered-index.ts'
import type { RangeTombstones } from '../memtable/range-tombstones.ts'
import type { EncodedKey } from '../shared/encoded-key.ts'
import { KIND_DELETE } from '../shared/entry-format.ts'
import type { EntryCursor } from './entry-cursor.ts'

/** One memtable's part of a table, as a merged cursor sees it. */
export interface Layer {
  readonly cursor: MemtableCursor
  readonly tombstones: RangeTombstones
  readonly limit: number
}

/**
 * Walks memtables and the tree below them as one table. Where several have a key the newest has the word: the active
 * memtable before the frozen one before the tree. A deletion, of a key or of a range, hides what is older.
 *
 * It moves in one direction from a seek on. All sources stand on their first key that is not passed yet; the entry shown
 * is the least of these (backwards: the greatest), and those that stand on the same key move on with it.
 */
export class MergedCursor implements EntryCursor {
  valid = false
  keyBytes: Uint8Array = NO_BYTES
  keyOffset = 0
  keyLength = 0
  valueBytes: Uint8Array = NO_BYTES
  valueOffset = 0
  valueLength = 0
  valueOwned = false
  /** Newest first. */
  readonly #layers: readonly Layer[]
  readonly #tree: EntryCursor | undefined
  /** The layer that has the word, or the number of layers for the tree. */
  #winner = 0
  /** Bit i is set while source i stands on the shown key. */
  #standing = 0

  constructor(layers: readonly Layer[], tree: EntryCursor | undefined) {
    this.#layers = layers
    this.#tree = tree
  }

  seek(key: EncodedKey): void {
    for (const { cursor } of this.#layers) cursor.seek(key)
    this.#tree?.seek(key)
    this.#show(1)
  }

  seekBefore(key: EncodedKey): void {
    for (const { cursor } of this.#layers) cursor.seekBefore(key)
    this.#tree?.seekBefore(key)
    this.#show(-1)
  }

  seekLast(): void {
    for (const { cursor } of this.#layers) cursor.seekLast()
    this.#tree?.seekLast()
    this.#show(-1)
  }

  next(): void {
    this.#pass(1)
    this.#show(1)
  }

  previous(): void {
    this.#pass(-1)
    this.#show(-1)
  }

  /** Moves the sources that stand on the shown key. */
  #pass(direction: number): void {
    const layers = this.#layers
    for (let i = 0; i < layers.length; i++) {
      if ((this.#standing & (1 << i)) === 0) continue
      if (direction > 0) layers[i]!.cursor.next()
      else layers[i]!.cursor.previous()
    }
    if ((this.#standing & (1 << layers.length)) === 0) return
    if (direction > 0) this.#tree!.next()
    else this.#tree!.previous()
  }

  /** Finds the next key to show, passing over what is deleted. */
  #show(direction: number): void {
    for (;;) {
      this.#choose(direction)
      if (this.#standing === 0) {
        this.valid = false
        return
      }
      if (!this.#isHidden()) {
        this.valid = true
        return
      }
      this.#pass(direction)
    }
  }

  #choose(direction: number): void {
    const layers = this.#layers
    this.#standing = 0
    for (let i = 0; i < layers.length; i++) {
      const { cursor } = layers[i]!
      if (cursor.address !== NONE) this.#consider(i, direction, cursor.bytes, cursor.keyOffset, cursor.keyLength)
    }
    const tree = this.#tree
    if (tree?.valid === true) this.#consider(layers.length, direction, tree.keyBytes, tree.keyOffset, tree.keyLength)
  }

  #consider(source: number, direction: number, bytes: Uint8Array, offset: number, length: number): void {
    if (this.#standing !== 0) {
      const order = direction * compareRanges(bytes, offset, length, this.keyBytes, this.keyOffset, this.keyLength)
      if (order > 0) return
      if (order === 0) {
        this.#standing |= 1 << source
        return
      }
    }
    this.#winner = source
    this.#standing = 1 << source
    this.keyBytes = bytes
    this.keyOffset = offset
    this.keyLength = length
  }

  #isHidden(): boolean {
    const layers = this.#layers
    const winner = this.#winner
    let address = NONE
    if (winner < layers.length) {
      const { cursor } = layers[winner]!
      if (cursor.kind === KIND_DELETE) return true
      address = cursor.address
    }
    for (let i = 0; i <= winner && i < layers.length; i++) {
      const { tombstones, limit } = layers[i]!
      if (tombstones.size === 0) continue
      // In a newer layer any deletion of the range is later than the entry; in its own, one with a higher address.
      const deletion = tombstones.newest(this.keyBytes, this.keyOffset, this.keyLength, limit)
      if (deletion > (i === winner ? address : NONE)) return true
    }
    return false
  }

  loadValue(): void {
    const layers = this.#layers
    if (this.#winner < layers.length) {
      const { cursor } = layers[this.#winner]!
      this.valueBytes = cursor.bytes
      this.valueOffset = cursor.valueOffset
      this.valueLength = cursor.valueLength
      this.valueOwned = false
      return
    }
    const tree = this.#tree!
    tree.loadValue()
    this.valueBytes = tree.valueBytes
    this.valueOffset = tree.valueOffset
    this.valueLength = tree.valueLength
    this.valueOwned = tree.valueOwned
  }
}

const NO_BYTES: Uint8Array = new Uint8Array(0)

import type { Cursor } from '../btree/cursor.ts'
import type { TreeRoot } from '../pager/meta-format.ts'
import type { Pager } from '../pager/pager.ts'
import type { EncodedKey } from '../shared/encoded-key.ts'
import type { EntryCursor } from './entry-cursor.ts'

/** A tree's cursor as the rest of the engine sees it: long values are read where they are wanted. */
export class TreeEntryCursor implements EntryCursor {
  valid = false
  readonly keyBytes: Uint8Array
  readonly keyOffset = 0
  keyLength = 0
  valueBytes: Uint8Array
  valueOffset = 0
  valueLength = 0
  valueOwned = false
  readonly #pager: Pager
  readonly #cursor: Cursor

  constructor(pager: Pager, cursor: Cursor, root: TreeRoot) {
    this.#pager = pager
    this.#cursor = cursor
    this.keyBytes = cursor.key
    this.valueBytes = cursor.key
    cursor.open(root)
  }

  seek(key: EncodedKey): void {
    this.valid = this.#cursor.seek(key.bytes, key.length)
    this.keyLength = this.#cursor.keyLength
  }

  seekBefore(key: EncodedKey): void {
    this.valid = this.#cursor.seekBefore(key.bytes, key.length)
    this.keyLength = this.#cursor.keyLength
  }

  seekLast(): void {
    this.valid = this.#cursor.seekLast()
    this.keyLength = this.#cursor.keyLength
  }

  next(): void {
    this.valid = this.#cursor.next()
    this.keyLength = this.#cursor.keyLength
  }

  previous(): void {
    this.valid = this.#cursor.previous()
    this.keyLength = this.#cursor.keyLength
  }

  loadValue(): void {
    const cursor = this.#cursor
    cursor.refresh()
    this.valueLength = cursor.valueLength
    this.valueOwned = cursor.overflow
    if (cursor.overflow) {
      this.valueBytes = this.#pager.readOverflow(cursor.overflowPage, cursor.valueLength, cursor.overflowChecksum)
      this.valueOffset = 0
    } else {
      this.valueBytes = cursor.bytes
      this.valueOffset = cursor.valueOffset
    }
  }
}

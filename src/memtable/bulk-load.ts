import type { Arena } from '../shared/arena.ts'
import { CHUNK_WORD_BITS } from '../shared/arena.ts'
import { EncodedKey } from '../shared/encoded-key.ts'
import { ENTRY_HEADER_BYTES, entryWords, KIND_DELETE, KIND_PUT, tagKeyLength, tagKind } from '../shared/entry-format.ts'
import type { MemtableLoad } from './memtable.ts'
import type { OrderedIndex } from './ordered-index.ts'
import { STAGED_WORDS, sortByWords } from './radix-sort.ts'

const CHUNK_WORD_MASK = (1 << CHUNK_WORD_BITS) - 1

/**
 * So many entries of a table are sorted and inserted at once: 8 MiB of staging, and some 50 ms without a turn of the event
 * loop. Four times as many are no faster, a quarter as many have 10 % to lose, where the index is larger than the caches.
 */
const STAGED_MAX = 1 << 18
const STAGED_FIRST = 1 << 8
/** In the place of the length of a key that its first eight bytes do not hold. */
const LONG = 9

/** What is filled: a memtable that nobody reads yet. */
interface LoadTarget {
  readonly arena: Arena
  tableForWriting(tableId: number): { readonly index: OrderedIndex }
  /** Makes a range deletion that stands at `address` and in `bytes` known to its table. */
  link(
    kind: number,
    tableId: number,
    bytes: Uint8Array,
    keyOffset: number,
    keyLength: number,
    valueLength: number,
    address: number,
  ): void
}

/** Entries of one table that lie in the arena and are not in the index yet: high word, low word, address, key length. */
interface Staged {
  words: Int32Array
  count: number
}

/**
 * Fills a memtable that nobody reads yet with entries that stand one after the other, as in a record of the log: they are
 * copied in pieces rather than one by one, and put into the indexes in the order of their keys, many at a time. Inserting
 * random keys as they come misses the caches for each of them; sorting costs a third of that, and sorted keys go to leaves
 * that the key before them has fetched. Of 2 M random entries in the log recovery so takes half the time.
 */
export class BulkLoad implements MemtableLoad {
  readonly #memtable: LoadTarget
  readonly #staged: Map<number, Staged> = new Map()
  #lastTableId = -1
  #last: Staged = NOTHING

  constructor(memtable: LoadTarget) {
    this.#memtable = memtable
  }

  append(bytes: Uint8Array, from: number, to: number): void {
    const { arena } = this.#memtable
    // The entries from `piece` to `at` lie one after the other in the arena too, from `target` on.
    let piece = from
    let target = -1
    let expected = -1
    for (let at = from; at < to;) {
      const tag = readWord(bytes, at)
      const keyLength = tagKeyLength(tag)
      const valueLength = readWord(bytes, at + 8) >>> 0
      const words = entryWords(keyLength, valueLength)
      const address = arena.reserve(words)
      if (address !== expected) {
        if (target >= 0) this.#copy(bytes, piece, at, target)
        piece = at
        target = address
      }
      expected = address + words
      this.#stage(
        tagKind(tag),
        readWord(bytes, at + 4) >>> 0,
        bytes,
        at + ENTRY_HEADER_BYTES,
        keyLength,
        valueLength,
        address,
      )
      at += words * 4
    }
    if (target >= 0) this.#copy(bytes, piece, to, target)
  }

  #copy(bytes: Uint8Array, from: number, to: number, address: number): void {
    const chunk = this.#memtable.arena.bytes[address >>> CHUNK_WORD_BITS]!
    chunk.set(bytes.subarray(from, to), (address & CHUNK_WORD_MASK) * 4)
  }

  #stage(
    kind: number,
    tableId: number,
    bytes: Uint8Array,
    keyOffset: number,
    keyLength: number,
    valueLength: number,
    address: number,
  ): void {
    if (kind !== KIND_PUT && kind !== KIND_DELETE) {
      this.#memtable.link(kind, tableId, bytes, keyOffset, keyLength, valueLength, address)
      return
    }
    const staged = tableId === this.#lastTableId ? this.#last : this.#ofTable(tableId)
    if ((staged.count + 1) * STAGED_WORDS > staged.words.length) makeRoom(staged)
    scratch.assign(bytes, keyOffset, keyLength < 8 ? keyLength : 8)
    const { words } = staged
    const at = staged.count++ * STAGED_WORDS
    words[at] = scratch.high
    words[at + 1] = scratch.low
    words[at + 2] = address
    words[at + 3] = keyLength <= 8 ? keyLength : LONG
  }

  #ofTable(tableId: number): Staged {
    let staged = this.#staged.get(tableId)
    if (staged === undefined) {
      staged = { words: new Int32Array(STAGED_FIRST * STAGED_WORDS), count: 0 }
      this.#staged.set(tableId, staged)
    }
    this.#lastTableId = tableId
    this.#last = staged
    return staged
  }

  /** Inserts what is staged where that is much, or everything. Requires: what `append` was given has been copied. */
  insert(everything: boolean): void {
    for (const [tableId, staged] of this.#staged) {
      if (everything || staged.count >= STAGED_MAX) this.#insertTable(tableId, staged)
    }
  }

  #insertTable(tableId: number, staged: Staged): void {
    const { arena } = this.#memtable
    const { index } = this.#memtable.tableForWriting(tableId)
    // Equal keys stay in the order of their addresses: the newest is inserted last.
    const words = sortByWords(staged.words, staged.count)
    for (let at = 0; at < staged.count * STAGED_WORDS; at += STAGED_WORDS) {
      const address = words[at + 2]!
      const keyLength = words[at + 3]!
      if (keyLength === LONG) {
        const chunk = address >>> CHUNK_WORD_BITS
        const word = address & CHUNK_WORD_MASK
        const length = tagKeyLength(arena.words[chunk]![word]!)
        scratch.assign(arena.bytes[chunk]!, word * 4 + ENTRY_HEADER_BYTES, length)
      } else {
        // The two words are such a key, and an index looks at nothing else of it.
        scratch.length = keyLength
        scratch.high = words[at]!
        scratch.low = words[at + 1]!
      }
      index.insert(scratch, address)
    }
    staged.count = 0
  }
}

function makeRoom(staged: Staged): void {
  const larger = new Int32Array(staged.words.length * 2)
  larger.set(staged.words)
  staged.words = larger
}

const NOTHING: Staged = { words: new Int32Array(0), count: 0 }
const scratch = new EncodedKey()

function readWord(bytes: Uint8Array, offset: number): number {
  return bytes[offset]! | (bytes[offset + 1]! << 8) | (bytes[offset + 2]! << 16) | (bytes[offset + 3]! << 24)
}

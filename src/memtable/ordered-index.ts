import { assert } from '../base/assert.ts'
import type { Arena } from '../shared/arena.ts'
import { CHUNK_WORD_BITS } from '../shared/arena.ts'
import type { ChunkPool, MemoryUse } from '../shared/chunk-pool.ts'
import { nextChunkBytes } from '../shared/chunk-pool.ts'
import type { EncodedKey } from '../shared/encoded-key.ts'
import { ENTRY_HEADER_BYTES } from '../shared/entry-format.ts'

/**
 * The order of one table's entries in an arena: a B+tree of 512-byte nodes in shared memory. A leaf slot holds the first
 * eight bytes of a key as two words and a reference to the key's newest entry; the rest of a key is looked at, in the
 * arena, only where those words are equal.
 *
 *   leaf     word 0 count | 1 next leaf or -1 | 2 previous leaf or -1 | 4.. high | 44.. low | 84.. reference
 *   branch   word 0 count of children | 1.. high | 32.. low | 63.. tail (separators from slot 1 on) | 94.. children
 *
 * A reference that is not negative is an entry's address. A negative one is the complement of a version's number, and a
 * version is a pair: an address and the reference to what it replaced. So a key that is written once costs 12 bytes.
 *
 * A separator's bytes from the ninth on are copied into `tails`: it outlives the entry it was taken from, which a rollback
 * may cut away. Nodes of 512 bytes beat larger ones on random inserts. A leaf that a rollback has emptied stays.
 */
const NODE_WORD_BITS = 7
const NODE_WORDS = 1 << NODE_WORD_BITS
const NODE_BYTES = 512
/** Nodes of the largest slab; a node's number is its slab's number and its place therein. */
const SLAB_NODE_BITS = 11
const SLAB_NODE_MASK = (1 << SLAB_NODE_BITS) - 1

const LEAF_SLOTS = 40
const LEAF_HIGH = 4
const LEAF_LOW = LEAF_HIGH + LEAF_SLOTS
export const LEAF_REFERENCE: number = LEAF_LOW + LEAF_SLOTS
export const LEAF_NEXT = 1
const PREVIOUS = 2

const BRANCH_SLOTS = 31
const BRANCH_HIGH = 1
const BRANCH_LOW = BRANCH_HIGH + BRANCH_SLOTS
const BRANCH_TAIL = BRANCH_LOW + BRANCH_SLOTS
const BRANCH_CHILD = BRANCH_TAIL + BRANCH_SLOTS

const HEIGHT_MAX = 16
const CHUNK_WORD_MASK = (1 << CHUNK_WORD_BITS) - 1

/** Stands in every slot of high and low words that is not in use, so that a search need not know how many are. Keys may have it too. */
const WORD_MAX = 0x7fffffff

/** No entry. */
export const NONE = -1

/** The path of the last descent: the branch at each depth and the slot of the child taken. One writer uses it at a time. */
const pathNode = new Int32Array(HEIGHT_MAX)
const pathSlot = new Int32Array(HEIGHT_MAX)

/** The slab that holds a leaf, and the leaf's first word in it. */
export function leafSlab(leaf: number): number {
  return leaf >>> SLAB_NODE_BITS
}

export function leafBase(leaf: number): number {
  return (leaf & SLAB_NODE_MASK) << NODE_WORD_BITS
}

/** Where a cursor or a search stands: a leaf and a slot in it. */
export interface Place {
  leaf: number
  slot: number
}

export class OrderedIndex {
  readonly arena: Arena
  readonly slabs: Int32Array<SharedArrayBuffer>[] = []
  /** Pairs of words: address, reference to the older one. */
  versions: Int32Array<SharedArrayBuffer> = NO_VERSIONS
  /** Grows whenever slots move, so that a cursor knows when to search anew. */
  changes = 0
  /** The leftmost leaf; it is the first node and never moves. */
  readonly firstLeaf: number = 0
  lastLeaf = 0
  readonly #pool: ChunkPool
  readonly #use: MemoryUse
  #root = 0
  #height = 0
  #nodeCount = 0
  #slabEnd = 0
  #versionCount = 0
  #tails: Uint8Array = NO_TAILS
  #tailsEnd = 0
  /** The result of `#search`: the slot found, or where the key would stand. */
  readonly #place: Place = { leaf: 0, slot: 0 }

  constructor(arena: Arena, pool: ChunkPool, use: MemoryUse) {
    this.arena = arena
    this.#pool = pool
    this.#use = use
    const root = this.#newNode()
    this.#link(root, NONE, NONE)
  }

  /** Makes `address` the newest entry of its key. */
  insert(key: EncodedKey, address: number): void {
    const found = this.#search(key)
    const { leaf, slot } = this.#place
    const words = this.slabs[leaf >>> SLAB_NODE_BITS]!
    const base = (leaf & SLAB_NODE_MASK) << NODE_WORD_BITS
    if (found) {
      const at = base + LEAF_REFERENCE + slot
      words[at] = this.#newVersion(address, words[at]!)
      return
    }
    this.changes++
    if (words[base]! < LEAF_SLOTS) insertSlot(words, base, slot, key.high, key.low, address)
    else this.#splitLeaf(leaf, slot, key, address)
  }

  /** Takes back the insertion of `address`, which must be the last one that has not been taken back. */
  remove(key: EncodedKey, address: number): void {
    const found = this.#search(key)
    assert(found, 'an entry that is rolled back is not in its index')
    const { leaf, slot } = this.#place
    const words = this.slabs[leaf >>> SLAB_NODE_BITS]!
    const base = (leaf & SLAB_NODE_MASK) << NODE_WORD_BITS
    const reference = words[base + LEAF_REFERENCE + slot]!
    if (reference < 0) {
      const version = ~reference
      assert(
        version === this.#versionCount - 1 && this.versions[version * 2] === address,
        'versions are rolled back out of order',
      )
      words[base + LEAF_REFERENCE + slot] = this.versions[version * 2 + 1]!
      this.#versionCount--
      return
    }
    assert(reference === address, 'an entry that is rolled back is not the newest of its key')
    this.changes++
    const count = words[base]!
    for (const field of [LEAF_HIGH, LEAF_LOW, LEAF_REFERENCE]) {
      words.copyWithin(base + field + slot, base + field + slot + 1, base + field + count)
    }
    words[base + LEAF_HIGH + count - 1] = words[base + LEAF_LOW + count - 1] = WORD_MAX
    words[base] = count - 1
  }

  /** The newest entry of `key` with an address below `limit`, or NONE. */
  lookup(key: EncodedKey, limit: number): number {
    if (!this.#find(key)) return NONE
    const { leaf, slot } = this.#place
    const base = (leaf & SLAB_NODE_MASK) << NODE_WORD_BITS
    return newestBelow(this.versions, this.slabs[leaf >>> SLAB_NODE_BITS]![base + LEAF_REFERENCE + slot]!, limit)
  }

  /** Sets `place` to the first slot whose key is not below `key`; it may be one behind the last of its leaf. True if the key is there. */
  seek(key: EncodedKey, place: Place): boolean {
    const found = this.#find(key)
    place.leaf = this.#place.leaf
    place.slot = this.#place.slot
    return found
  }

  count(leaf: number): number {
    return this.slabs[leaf >>> SLAB_NODE_BITS]![(leaf & SLAB_NODE_MASK) << NODE_WORD_BITS]!
  }

  next(leaf: number): number {
    return this.slabs[leaf >>> SLAB_NODE_BITS]![((leaf & SLAB_NODE_MASK) << NODE_WORD_BITS) + LEAF_NEXT]!
  }

  previous(leaf: number): number {
    return this.slabs[leaf >>> SLAB_NODE_BITS]![((leaf & SLAB_NODE_MASK) << NODE_WORD_BITS) + PREVIOUS]!
  }

  /** The entry at a place as readers below `limit` see it, or NONE. */
  entryAt(leaf: number, slot: number, limit: number): number {
    const at = ((leaf & SLAB_NODE_MASK) << NODE_WORD_BITS) + LEAF_REFERENCE + slot
    return newestBelow(this.versions, this.slabs[leaf >>> SLAB_NODE_BITS]![at]!, limit)
  }

  /** Gives the memory back. Requires: no reader is left, on any thread. */
  release(): void {
    for (const slab of this.slabs) {
      this.#use.add(-slab.byteLength)
      this.#pool.give(slab.buffer)
    }
    this.slabs.length = 0
    this.#use.add(-this.versions.byteLength - this.#tails.length)
    this.versions = NO_VERSIONS
    this.#tails = NO_TAILS
  }

  /** `#find` for a writer. The way in for ordered loads: a key behind all others goes to the end of the last leaf without a descent, while there is room. */
  #search(key: EncodedKey): boolean {
    return this.#isBehindLast(key) ? false : this.#find(key)
  }

  #isBehindLast(key: EncodedKey): boolean {
    const leaf = this.lastLeaf
    const words = this.slabs[leaf >>> SLAB_NODE_BITS]!
    const base = (leaf & SLAB_NODE_MASK) << NODE_WORD_BITS
    const count = words[base]!
    if (count === 0 || count === LEAF_SLOTS) return false
    const last = base + count - 1
    const high = words[last + LEAF_HIGH]!
    if (key.high < high) return false
    if (key.high === high) {
      const low = words[last + LEAF_LOW]!
      if (key.low < low || (key.low === low && this.#compareEntry(key, words[last + LEAF_REFERENCE]!) <= 0))
        return false
    }
    this.#place.leaf = leaf
    this.#place.slot = count
    return true
  }

  /** Sets `#place` to the key's slot, or to where it would be inserted; the path to the leaf is left in `pathNode` and `pathSlot`. */
  #find(key: EncodedKey): boolean {
    const { high } = key
    const { slabs } = this
    let node = this.#root
    for (let depth = 0; depth < this.#height; depth++) {
      const words = slabs[node >>> SLAB_NODE_BITS]!
      const base = (node & SLAB_NODE_MASK) << NODE_WORD_BITS
      let slot = branchLowerBound(words, base + BRANCH_HIGH, high)
      if (words[base + BRANCH_HIGH + slot] === high) slot = this.#childAmongEqual(words, base, slot, key)
      pathNode[depth] = node
      pathSlot[depth] = slot
      node = words[base + BRANCH_CHILD + slot]!
    }
    const words = slabs[node >>> SLAB_NODE_BITS]!
    const base = (node & SLAB_NODE_MASK) << NODE_WORD_BITS
    const slot = leafLowerBound(words, base + LEAF_HIGH, high)
    this.#place.leaf = node
    this.#place.slot = slot
    return words[base + LEAF_HIGH + slot] === high && this.#findAmongEqual(words, base, slot, key)
  }

  /** The last child whose separator is not above the key, where those before slot `from` have a smaller high word and the next has the key's. */
  #childAmongEqual(words: Int32Array, base: number, from: number, key: EncodedKey): number {
    const { high, low } = key
    let to = words[base]! - 1
    if (from === 0 && to > 0 && words[base + BRANCH_HIGH + to - 1] === high) {
      // All have the same high word, as counting numbers do: the low words are in order.
      from = branchLowerBound(words, base + BRANCH_LOW, low)
      if (words[base + BRANCH_LOW + from] !== low) return from
    }
    // Separators before `from` are known not to be above the key, those from `to` on are.
    while (from < to) {
      const middle = (from + to) >>> 1
      const at = base + middle
      let order = compareWords(words[at + BRANCH_HIGH]!, words[at + BRANCH_LOW]!, high, low)
      if (order === 0) order = -this.#compareTail(key, words[at + BRANCH_TAIL]!)
      if (order > 0) to = middle
      else from = middle + 1
    }
    return from
  }

  /** Goes on from the leaf's first slot `from` with the key's high word to the key, or to where it would stand, and puts that into `#place`. */
  #findAmongEqual(words: Int32Array, base: number, from: number, key: EncodedKey): boolean {
    const { high, low } = key
    let to = words[base]!
    if (from === 0 && to > 0 && words[base + LEAF_HIGH + to - 1] === high) {
      // As in a branch.
      from = leafLowerBound(words, base + LEAF_LOW, low)
    }
    // Most often the first one is it.
    let middle = from
    while (from < to) {
      const at = base + middle
      let order = compareWords(words[at + LEAF_HIGH]!, words[at + LEAF_LOW]!, high, low)
      if (order === 0) {
        order = -this.#compareEntry(key, words[at + LEAF_REFERENCE]!)
        if (order === 0) {
          this.#place.slot = middle
          return true
        }
      }
      if (order > 0) to = middle
      else from = middle + 1
      middle = (from + to) >>> 1
    }
    this.#place.slot = from
    return false
  }

  /** Compares keys whose first eight bytes, padded with zeros, are equal: the rest, then the lengths. */
  #compareEntry(key: EncodedKey, reference: number): number {
    const address = reference < 0 ? this.versions[~reference * 2]! : reference
    const chunk = address >>> CHUNK_WORD_BITS
    const word = address & CHUNK_WORD_MASK
    const length = this.arena.words[chunk]![word]! >>> 16
    if (length <= 8 && key.length <= 8) return key.length - length
    return compareFrom8(key, this.arena.bytes[chunk]!, word * 4 + ENTRY_HEADER_BYTES + 8, length)
  }

  #compareTail(key: EncodedKey, tail: number): number {
    // Tails of keys up to eight bytes are the complement of the length; others are a place in `#tails`: length, bytes.
    if (tail < 0) return key.length - ~tail
    const length = this.#tails[tail]! | (this.#tails[tail + 1]! << 8)
    return compareFrom8(key, this.#tails, tail + 2, length)
  }

  #newVersion(address: number, older: number): number {
    const version = this.#versionCount++
    if (version * 2 + 2 > this.versions.length) {
      const bytes = nextVersionBytes(this.versions.byteLength)
      const larger = new Int32Array(new SharedArrayBuffer(bytes))
      larger.set(this.versions)
      this.#use.add(bytes - this.versions.byteLength)
      this.versions = larger
    }
    this.versions[version * 2] = address
    this.versions[version * 2 + 1] = older
    return ~version
  }

  #newNode(): number {
    if (this.#nodeCount === this.#slabEnd) {
      const bytes = nextChunkBytes(this.slabs.at(-1)?.byteLength ?? 0)
      this.#nodeCount = this.slabs.length << SLAB_NODE_BITS
      this.slabs.push(new Int32Array(this.#pool.take(bytes)))
      this.#slabEnd = this.#nodeCount + bytes / NODE_BYTES
      this.#use.add(bytes)
    }
    const node = this.#nodeCount++
    const words = this.slabs[node >>> SLAB_NODE_BITS]!
    const base = (node & SLAB_NODE_MASK) << NODE_WORD_BITS
    // The memory has been used before.
    words.fill(WORD_MAX, base, base + NODE_WORDS)
    words[base] = 0
    return node
  }

  #link(leaf: number, previous: number, next: number): void {
    const words = this.slabs[leaf >>> SLAB_NODE_BITS]!
    const base = (leaf & SLAB_NODE_MASK) << NODE_WORD_BITS
    words[base + PREVIOUS] = previous
    words[base + LEAF_NEXT] = next
    if (previous !== NONE) this.#setLink(previous, LEAF_NEXT, leaf)
    if (next !== NONE) this.#setLink(next, PREVIOUS, leaf)
    else this.lastLeaf = leaf
  }

  #setLink(leaf: number, link: number, to: number): void {
    this.slabs[leaf >>> SLAB_NODE_BITS]![((leaf & SLAB_NODE_MASK) << NODE_WORD_BITS) + link] = to
  }

  /** Splits a full leaf and inserts. At the right edge the new leaf starts with the new key alone, so ordered loads fill leaves. */
  #splitLeaf(leaf: number, slot: number, key: EncodedKey, address: number): void {
    const right = this.#newNode()
    const words = this.slabs[leaf >>> SLAB_NODE_BITS]!
    const base = (leaf & SLAB_NODE_MASK) << NODE_WORD_BITS
    const rightWords = this.slabs[right >>> SLAB_NODE_BITS]!
    const rightBase = (right & SLAB_NODE_MASK) << NODE_WORD_BITS
    const next = words[base + LEAF_NEXT]!
    this.#link(right, leaf, next)
    const keep = next === NONE && slot === LEAF_SLOTS ? LEAF_SLOTS : LEAF_SLOTS / 2
    for (const field of [LEAF_HIGH, LEAF_LOW, LEAF_REFERENCE]) {
      const from = base + field
      for (let i = keep; i < LEAF_SLOTS; i++) {
        rightWords[rightBase + field + i - keep] = words[from + i]!
        words[from + i] = WORD_MAX
      }
    }
    words[base] = keep
    rightWords[rightBase] = LEAF_SLOTS - keep
    if (slot < keep) insertSlot(words, base, slot, key.high, key.low, address)
    else insertSlot(rightWords, rightBase, slot - keep, key.high, key.low, address)
    const high = rightWords[rightBase + LEAF_HIGH]!
    const low = rightWords[rightBase + LEAF_LOW]!
    this.#insertChild(this.#height - 1, high, low, this.#tailOf(rightWords[rightBase + LEAF_REFERENCE]!), right)
  }

  /** What a separator equal to the referenced entry's key needs beyond its first eight bytes. */
  #tailOf(reference: number): number {
    const address = reference < 0 ? this.versions[~reference * 2]! : reference
    const chunk = address >>> CHUNK_WORD_BITS
    const word = address & CHUNK_WORD_MASK
    const length = this.arena.words[chunk]![word]! >>> 16
    if (length <= 8) return ~length
    const start = this.#tailsEnd
    const end = start + 2 + length - 8
    if (end > this.#tails.length) {
      const larger = new Uint8Array(Math.max(1024, this.#tails.length * 2, end))
      larger.set(this.#tails)
      this.#use.add(larger.length - this.#tails.length)
      this.#tails = larger
    }
    this.#tails[start] = length & 0xff
    this.#tails[start + 1] = length >>> 8
    const offset = word * 4 + ENTRY_HEADER_BYTES
    this.#tails.set(this.arena.bytes[chunk]!.subarray(offset + 8, offset + length), start + 2)
    this.#tailsEnd = end
    return start
  }

  /** Inserts a child behind the one that the descent took at `depth`; splits on the way up. */
  #insertChild(depth: number, high: number, low: number, tail: number, child: number): void {
    if (depth < 0) {
      this.#growRoot(high, low, tail, child)
      return
    }
    const node = pathNode[depth]!
    const slot = pathSlot[depth]! + 1
    const words = this.slabs[node >>> SLAB_NODE_BITS]!
    const base = (node & SLAB_NODE_MASK) << NODE_WORD_BITS
    const count = words[base]!
    if (count < BRANCH_SLOTS) {
      insertSeparator(words, base, slot, high, low, tail, child)
      return
    }
    const right = this.#newNode()
    const rightWords = this.slabs[right >>> SLAB_NODE_BITS]!
    const rightBase = (right & SLAB_NODE_MASK) << NODE_WORD_BITS
    // An ordered load leaves full branches behind; the new one starts with the new child alone.
    const keep = slot === BRANCH_SLOTS ? BRANCH_SLOTS : (BRANCH_SLOTS + 1) >>> 1
    if (keep === BRANCH_SLOTS) {
      rightWords[rightBase] = 1
      rightWords[rightBase + BRANCH_CHILD] = child
      this.#insertChild(depth - 1, high, low, tail, right)
      return
    }
    const upHigh = words[base + BRANCH_HIGH + keep - 1]!
    const upLow = words[base + BRANCH_LOW + keep - 1]!
    const upTail = words[base + BRANCH_TAIL + keep - 1]!
    for (let i = keep; i < count; i++) {
      rightWords[rightBase + BRANCH_CHILD + i - keep] = words[base + BRANCH_CHILD + i]!
      if (i === keep) continue
      rightWords[rightBase + BRANCH_HIGH + i - keep - 1] = words[base + BRANCH_HIGH + i - 1]!
      rightWords[rightBase + BRANCH_LOW + i - keep - 1] = words[base + BRANCH_LOW + i - 1]!
      rightWords[rightBase + BRANCH_TAIL + i - keep - 1] = words[base + BRANCH_TAIL + i - 1]!
    }
    words.fill(WORD_MAX, base + BRANCH_HIGH + keep - 1, base + BRANCH_HIGH + BRANCH_SLOTS)
    words.fill(WORD_MAX, base + BRANCH_LOW + keep - 1, base + BRANCH_LOW + BRANCH_SLOTS)
    words[base] = keep
    rightWords[rightBase] = count - keep
    if (slot <= keep) insertSeparator(words, base, slot, high, low, tail, child)
    else insertSeparator(rightWords, rightBase, slot - keep, high, low, tail, child)
    this.#insertChild(depth - 1, upHigh, upLow, upTail, right)
  }

  #growRoot(high: number, low: number, tail: number, child: number): void {
    const root = this.#newNode()
    const words = this.slabs[root >>> SLAB_NODE_BITS]!
    const base = (root & SLAB_NODE_MASK) << NODE_WORD_BITS
    words[base] = 1
    words[base + BRANCH_CHILD] = this.#root
    insertSeparator(words, base, 1, high, low, tail, child)
    this.#root = root
    this.#height++
    assert(this.#height <= HEIGHT_MAX, 'an index is too high')
  }
}

const NO_VERSIONS: Int32Array<SharedArrayBuffer> = new Int32Array(new SharedArrayBuffer(0))
const NO_TAILS: Uint8Array = new Uint8Array(0)

function nextVersionBytes(bytes: number): number {
  return bytes === 0 ? 512 : bytes * 2
}

/** Follows the versions of a key, newest first, to the first with an address below `limit`. */
export function newestBelow(versions: Int32Array, reference: number, limit: number): number {
  while (reference < 0) {
    const version = ~reference * 2
    const address = versions[version]!
    if (address < limit) return address
    reference = versions[version + 1]!
  }
  return reference < limit ? reference : NONE
}

/** How two pairs of words compare: negative, zero or positive. */
function compareWords(highA: number, lowA: number, highB: number, lowB: number): number {
  if (highA !== highB) return highA < highB ? -1 : 1
  return lowA === lowB ? 0 : lowA < lowB ? -1 : 1
}

/**
 * How many of a leaf's words from `at` on, LEAF_SLOTS of them in order, are below `value`. Branches that depend on what was
 * compared are predicted wrongly half the time, and each then costs as much as fetching a line from the second-level
 * cache; here three groups of comparisons are made whatever they find, and those of one group do not wait for each
 * other. Against a binary search 16 ns instead of 37 where the node is in the first-level cache, 20 instead of 41 in the
 * second, 33 instead of 42 in the third. The number of words is constant for the same reason: the count stands in another line.
 */
function leafLowerBound(words: Int32Array, at: number, value: number): number {
  let from = at
  from +=
    (Number(words[from + 7]! < value) +
      Number(words[from + 15]! < value) +
      Number(words[from + 23]! < value) +
      Number(words[from + 31]! < value)) <<
    3
  from += (Number(words[from + 1]! < value) + Number(words[from + 3]! < value) + Number(words[from + 5]! < value)) << 1
  return from - at + Number(words[from]! < value) + Number(words[from + 1]! < value)
}

/** The same for the separators of a branch, BRANCH_SLOTS - 1 of them. */
function branchLowerBound(words: Int32Array, at: number, value: number): number {
  let from = at
  from +=
    (Number(words[from + 7]! < value) + Number(words[from + 15]! < value) + Number(words[from + 23]! < value)) << 3
  from += (Number(words[from + 1]! < value) + Number(words[from + 3]! < value) + Number(words[from + 5]! < value)) << 1
  return from - at + Number(words[from]! < value)
}

function insertSlot(words: Int32Array, base: number, slot: number, high: number, low: number, reference: number): void {
  const count = words[base]!
  for (let i = base + count; i > base + slot; i--) {
    words[i + LEAF_HIGH] = words[i + LEAF_HIGH - 1]!
    words[i + LEAF_LOW] = words[i + LEAF_LOW - 1]!
    words[i + LEAF_REFERENCE] = words[i + LEAF_REFERENCE - 1]!
  }
  const at = base + slot
  words[at + LEAF_HIGH] = high
  words[at + LEAF_LOW] = low
  words[at + LEAF_REFERENCE] = reference
  words[base] = count + 1
}

/** Separator `slot - 1` stands in front of child `slot`. */
function insertSeparator(
  words: Int32Array,
  base: number,
  slot: number,
  high: number,
  low: number,
  tail: number,
  child: number,
): void {
  const count = words[base]!
  for (let i = count; i > slot; i--) {
    const at = base + i - 1
    words[at + BRANCH_HIGH] = words[at + BRANCH_HIGH - 1]!
    words[at + BRANCH_LOW] = words[at + BRANCH_LOW - 1]!
    words[at + BRANCH_TAIL] = words[at + BRANCH_TAIL - 1]!
    words[base + i + BRANCH_CHILD] = words[base + i + BRANCH_CHILD - 1]!
  }
  const at = base + slot - 1
  words[at + BRANCH_HIGH] = high
  words[at + BRANCH_LOW] = low
  words[at + BRANCH_TAIL] = tail
  words[base + slot + BRANCH_CHILD] = child
  words[base] = count + 1
}

/** Compares from the ninth byte on; `offset` is where the other key's ninth byte stands, `length` the other key's whole length. */
function compareFrom8(key: EncodedKey, bytes: Uint8Array, offset: number, length: number): number {
  const keyBytes = key.bytes
  const keyLength = key.length
  const common = keyLength < length ? keyLength : length
  for (let i = 8; i < common; i++) {
    const difference = keyBytes[i]! - bytes[offset + i - 8]!
    if (difference !== 0) return difference
  }
  return keyLength - length
}

import { compareBytes } from '../base/bytes.ts'
import { checksum as checksumOf } from '../base/checksum.ts'
import { DatabaseError } from '../base/errors.ts'
import { PAGE_BYTES } from '../base/limits.ts'
import { PageView } from '../btree/page-view.ts'
import { boundOverflow, readOverflow, readUpTo } from '../pager/file-read.ts'
import {
  OVERFLOW_CHECKSUM_OFFSET,
  OVERFLOW_LENGTH_OFFSET,
  OVERFLOW_PAGE_OFFSET,
  readWord,
} from '../pager/overflow-format.ts'
import {
  HEIGHT_MAX,
  KEY_LENGTH_MASK,
  keyHead,
  PAGE_KIND_BRANCH,
  PAGE_KIND_LEAF,
  pageFault,
} from '../pager/page-format.ts'
import { Slab } from '../pager/slab.ts'
import type { File } from '../platform/file-system.ts'

/** A child as a branch names it. */
export interface Child {
  readonly page: number
  readonly checksum: number
}

/** The pages of a damaged file. A place of its own for each level, as in `TreeReader`, and one for looking at any page. */
export class SourcePages {
  readonly file: File
  /** Whole pages that the file has. */
  readonly count: number
  /** Pages read so far. */
  read = 0
  readonly #slab: Slab = new Slab((HEIGHT_MAX + 1) * PAGE_BYTES)
  readonly #views: readonly PageView[]

  constructor(file: File) {
    this.file = file
    this.count = Math.floor(file.size() / PAGE_BYTES)
    this.#views = Array.from({ length: HEIGHT_MAX + 1 }, () => new PageView(this.#slab))
  }

  /** The page, where it is as its parent says; undefined otherwise. Valid until the next page of its level is read. */
  load(page: number, expected: number, level: number): PageView | undefined {
    const base = level * PAGE_BYTES
    if (!this.#read(page, base) || (checksumOf(this.#slab.page(base)) | 0) !== expected) return undefined
    return this.#show(base, level)
  }

  /** The page, whatever it is, where it has the structure of a tree's page. Valid until the next call. */
  look(page: number): { view: PageView; checksum: number } | undefined {
    const base = HEIGHT_MAX * PAGE_BYTES
    if (!this.#read(page, base)) return undefined
    const { bytes } = this.#slab
    const kind = bytes[base]!
    const level = bytes[base + 1]!
    if (kind !== PAGE_KIND_LEAF && kind !== PAGE_KIND_BRANCH) return undefined
    if (level >= HEIGHT_MAX || (kind === PAGE_KIND_LEAF) !== (level === 0)) return undefined
    const view = this.#show(base, level)
    return view && { view, checksum: checksumOf(this.#slab.page(base)) | 0 }
  }

  /** A leaf, whatever its checksum is. Valid until the next leaf is read. */
  loadLeaf(page: number): PageView | undefined {
    return this.#read(page, 0) ? this.#show(0, 0) : undefined
  }

  /** The checksum of what stands in the page; undefined where there is no such page. */
  checksum(page: number): number | undefined {
    const base = HEIGHT_MAX * PAGE_BYTES
    return this.#read(page, base) ? checksumOf(this.#slab.page(base)) | 0 : undefined
  }

  /** The words of a page, whatever it is. A copy. */
  words(page: number): Int32Array {
    const base = HEIGHT_MAX * PAGE_BYTES
    return this.#read(page, base) ? this.#slab.words.slice(base >> 2, (base + PAGE_BYTES) >> 2) : new Int32Array(0)
  }

  #read(page: number, base: number): boolean {
    if (page < 2 || page >= this.count) return false
    this.read++
    return readUpTo(this.file, this.#slab.page(base), page * PAGE_BYTES) === PAGE_BYTES
  }

  #show(base: number, level: number): PageView | undefined {
    if (pageFault(this.#slab, base, level) !== undefined) return undefined
    const view = this.#views[base / PAGE_BYTES]!
    view.show(base, level)
    return view
  }

  /** Where the long value of entry `i` of a leaf should be. */
  valuePlace(leaf: PageView, i: number): { offset: number; length: number } {
    const { bytes } = leaf.slab
    const at = leaf.valueAt(i)
    const offset = readWord(bytes, at + OVERFLOW_PAGE_OFFSET) * PAGE_BYTES
    return { offset, length: readWord(bytes, at + OVERFLOW_LENGTH_OFFSET) }
  }

  /** The value of entry `i` of a leaf; undefined where it is a long one that is damaged. */
  value(leaf: PageView, i: number): Uint8Array | undefined {
    const { bytes, halves } = leaf.slab
    const at = leaf.valueAt(i)
    if (!leaf.overflow(i)) return bytes.subarray(at, leaf.heap + halves[leaf.offsets + i + 1]!)
    const page = readWord(bytes, at + OVERFLOW_PAGE_OFFSET)
    const length = readWord(bytes, at + OVERFLOW_LENGTH_OFFSET)
    try {
      boundOverflow(this.file, page, length)
      const value = new Uint8Array(length)
      readOverflow(this.file, page, readWord(bytes, at + OVERFLOW_CHECKSUM_OFFSET), value)
      return value
    } catch (error) {
      if (!(error instanceof DatabaseError)) throw error
      return undefined
    }
  }
}

export function keyOf(view: PageView, i: number): Uint8Array {
  const key = new Uint8Array(view.prefixLength + (view.slab.halves[view.keyLengths + i]! & KEY_LENGTH_MASK))
  view.key(i, key)
  return key
}

/** The children that a branch names. A copy. */
export function childrenOf(branch: PageView): Child[] {
  return Array.from({ length: branch.count }, (_, i) => ({ page: branch.page(i), checksum: branch.checksum(i) }))
}

/**
 * The children that the words of a damaged branch still name: pairs of a page and the checksum that this page has, both at
 * the distance at which the branch's two columns stand. Even where every other byte of the branch is lost, a pair is no
 * accident.
 */
export function remainingChildren(pages: SourcePages, branch: number): Child[] {
  const words = pages.words(branch)
  const places = new Map<number, number[]>()
  words.forEach((word, at) => {
    const known = places.get(word)
    if (known === undefined) places.set(word, [at])
    else known.push(at)
  })
  const byDistance = new Map<number, Child[]>()
  words.forEach((page, at) => {
    if (page < 2 || page >= pages.count || page === branch) return
    const checksum = pages.checksum(page)
    if (checksum === undefined) return
    for (const other of places.get(checksum) ?? []) {
      if (other <= at) continue
      const children = byDistance.get(other - at)
      if (children === undefined) byDistance.set(other - at, [{ page, checksum }])
      else children.push({ page, checksum })
    }
  })
  let most: Child[] = []
  for (const children of byDistance.values()) if (children.length > most.length) most = children
  return most
}

/** What a writer of leaves keeps to beyond the structure that every reader needs: heads, the order of keys, zeros. */
export function looksWritten(leaf: PageView): boolean {
  const { bytes, halves, words } = leaf.slab
  let previous: Uint8Array | undefined
  for (let i = 0; i < leaf.count; i++) {
    const from = leaf.heap + halves[leaf.offsets + i]!
    const head = keyHead(bytes, from, from + (halves[leaf.keyLengths + i]! & KEY_LENGTH_MASK))
    if (head !== words[leaf.heads + i]) return false
    const key = keyOf(leaf, i)
    if (previous !== undefined && compareBytes(previous, key) >= 0) return false
    previous = key
  }
  const base = 4 * leaf.heads - 8
  for (let at = leaf.heap + halves[leaf.offsets + leaf.count]!; at < base + PAGE_BYTES; at++) {
    if (bytes[at] !== 0) return false
  }
  return true
}

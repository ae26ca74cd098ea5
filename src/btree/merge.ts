import { compareRanges } from '../base/bytes.ts'
import { checksum } from '../base/checksum.ts'
import type { ExtentList } from '../pager/extent-list.ts'
import type { TreeRoot } from '../pager/meta-format.ts'
import {
  OVERFLOW_CHECKSUM_OFFSET,
  OVERFLOW_LENGTH_OFFSET,
  OVERFLOW_PAGE_OFFSET,
  OVERFLOW_REFERENCE_BYTES,
  writeWord,
} from '../pager/overflow-format.ts'
import { ENTRY_BYTES_MAX, columnBytes } from '../pager/page-format.ts'
import { searchChild, searchPage } from '../pager/page-search.ts'
import { dropSubtree, freeValues } from './drop-tree.ts'
import { KeyBuffer } from './key-buffer.ts'
import type { MergeWorkspace } from './merge-workspace.ts'
import { PageView } from './page-view.ts'
import { TreeBuilder } from './tree-builder.ts'

/** The changes of one table in the order of their keys, one per key. The fields say the current one. */
export interface ChangeSource {
  readonly deleted: boolean
  readonly keyBytes: Uint8Array
  readonly keyOffset: number
  readonly keyLength: number
  readonly valueBytes: Uint8Array
  /** The same memory. */
  readonly valueWords: Int32Array
  /** A multiple of four. */
  readonly valueOffset: number
  readonly valueLength: number
  /** Goes on to the next change, at first to the first; false when there is none. */
  advance(): boolean
}

/** The keys from `start` up to but not including `end`; undefined: to the end. */
export interface KeyRange {
  readonly start: Uint8Array
  readonly end: Uint8Array | undefined
}

/** Changes between two yields, and leaves. Either takes well below a millisecond. */
const CHANGES_PER_STEP = 512
const LEAVES_PER_STEP = 16

/**
 * Merges changes into a table's tree and returns the root of the new one. The old tree stays as it is; what the new one
 * does not share with it is added to `workspace.freed`. `ranges`, disjoint and in order, are taken out of the old tree;
 * changes apply regardless of them. A run of the generator to its end is one merge; between its steps other work may be
 * done on the thread, but no other merge with this workspace.
 *
 * The old tree is read from left to right beside the changes. A subtree that nothing touches is passed to the new tree
 * by its pointer, unread, unless the page under construction is too short to be closed; then it is taken apart to fill
 * it. A subtree that a range covers is freed unread, unless it refers to overflow extents.
 */
export function* mergeTree(
  workspace: MergeWorkspace,
  root: TreeRoot,
  changes: ChangeSource,
  ranges: readonly KeyRange[],
): Generator<void, TreeRoot> {
  const merge = new TreeMerge(workspace, changes, ranges)
  return yield* merge.run(root)
}

class TreeMerge {
  readonly #workspace: MergeWorkspace
  readonly #builder: TreeBuilder
  readonly #freed: ExtentList
  readonly #changes: ChangeSource
  /** The change that `#changes` shows has not been applied yet. */
  #alive: boolean
  readonly #ranges: readonly KeyRange[]
  /** Ranges in front of this one end below everything that is left of the old tree. */
  #range = 0
  #leaves = 0
  /** The old leaf, and its first entry that has not been dealt with. */
  readonly #leaf: PageView
  #leafBase = 0
  #index = 0
  /** The entries of the leaf that the current range takes out. */
  #dropFrom = 0
  #dropTo = 0

  constructor(workspace: MergeWorkspace, changes: ChangeSource, ranges: readonly KeyRange[]) {
    this.#workspace = workspace
    this.#builder = new TreeBuilder(workspace)
    this.#freed = workspace.freed
    this.#changes = changes
    this.#alive = changes.advance()
    this.#ranges = ranges
    this.#leaf = workspace.views[0]!
  }

  *run(root: TreeRoot): Generator<void, TreeRoot> {
    if (!this.#alive && (this.#ranges.length === 0 || root.height === 0)) return root
    this.#workspace.reader.forget()
    const lowest = new KeyBuffer()
    if (root.height === 0) yield* this.#appendChanges(lowest, undefined)
    else yield* this.#visit(root.height - 1, root.page, root.checksum, root.overflow, lowest, undefined)
    const { root: next, passed } = this.#builder.finish()
    return passed ? this.#lower(next) : next
  }

  /** A root that was an inner branch before may have a single child. */
  #lower(root: TreeRoot): TreeRoot {
    const view = new PageView(this.#workspace.slab)
    while (root.height > 1) {
      const level = root.height - 1
      view.show(this.#workspace.reader.load(root.page, root.checksum, level), level)
      if (view.count > 1) break
      this.#freed.push(root.page, 1)
      root = {
        page: view.page(0),
        checksum: view.checksum(0),
        height: level,
        entries: view.entries(0),
        overflow: view.overflow(0),
      }
    }
    return root
  }

  /** Merges the subtree below a page, which holds the keys from `lower` up to `upper`. */
  *#visit(
    level: number,
    page: number,
    sum: number,
    overflow: boolean,
    lower: KeyBuffer,
    upper: KeyBuffer | undefined,
  ): Generator<void, void> {
    if (this.#isCovered(lower, upper)) {
      yield* dropSubtree(this.#workspace.reader, level, page, sum, overflow, this.#freed)
      yield* this.#appendChanges(lower, upper)
    } else if (level > 0) yield* this.#visitBranch(level, page, sum, lower, upper)
    else {
      this.#openLeaf(page, sum, lower)
      while (!this.#mergeSome(upper)) yield
    }
  }

  *#visitBranch(
    level: number,
    page: number,
    sum: number,
    lower: KeyBuffer,
    upper: KeyBuffer | undefined,
  ): Generator<void, void> {
    const base = this.#workspace.reader.load(page, sum, level)
    this.#freed.push(page, 1)
    const view = this.#workspace.views[level]!
    view.show(base, level)
    let i = 0
    while (i < view.count) {
      const touched = this.#firstTouched(view, base, i, lower, upper)
      if (touched > i && this.#builder.closeBelow(level)) {
        this.#builder.appendRun(view, i, touched)
        i = touched
        continue
      }
      // Touched, or needed to fill the page under construction.
      const childLower = i === 0 ? lower : keyOf(view, i, this.#workspace.lowers[level]!)
      const childUpper = i + 1 === view.count ? upper : keyOf(view, i + 1, this.#workspace.uppers[level]!)
      yield* this.#visit(level - 1, view.page(i), view.checksum(i), view.overflow(i), childLower, childUpper)
      i++
      if (level === 1 && ++this.#leaves % LEAVES_PER_STEP === 0) yield
    }
  }

  /** The first child of a branch, from child `i` on, that a change or a range touches; or the count of children. */
  #firstTouched(view: PageView, base: number, i: number, lower: KeyBuffer, upper: KeyBuffer | undefined): number {
    const { slab, level } = view
    let touched = view.count
    if (this.#changesBelow(upper)) {
      const { keyBytes, keyOffset, keyLength } = this.#changes
      touched = searchChild(slab, base, level, i, keyBytes, keyOffset, keyOffset + keyLength)
    }
    if (this.#range === this.#ranges.length) return touched
    this.#skipRanges(i === 0 ? lower : keyOf(view, i, this.#workspace.lowers[level]!))
    const range = this.#ranges[this.#range]
    if (range === undefined || !isBelow(range.start, upper)) return touched
    return Math.min(touched, searchChild(slab, base, level, i, range.start, 0, range.start.length))
  }

  #changesBelow(upper: KeyBuffer | undefined): boolean {
    if (!this.#alive) return false
    if (upper === undefined) return true
    const { keyBytes, keyOffset, keyLength } = this.#changes
    return compareRanges(keyBytes, keyOffset, keyLength, upper.bytes, 0, upper.length) < 0
  }

  #skipRanges(lower: KeyBuffer): void {
    for (;;) {
      const end = this.#ranges[this.#range]?.end
      if (end === undefined || compareRanges(end, 0, end.length, lower.bytes, 0, lower.length) > 0) return
      this.#range++
    }
  }

  /** True if the current range takes out all keys from `lower` up to `upper`. */
  #isCovered(lower: KeyBuffer, upper: KeyBuffer | undefined): boolean {
    if (this.#range === this.#ranges.length) return false
    this.#skipRanges(lower)
    const range = this.#ranges[this.#range]
    if (range === undefined) return false
    const { start, end } = range
    if (compareRanges(start, 0, start.length, lower.bytes, 0, lower.length) > 0) return false
    return (
      end === undefined || (upper !== undefined && compareRanges(upper.bytes, 0, upper.length, end, 0, end.length) <= 0)
    )
  }

  #openLeaf(page: number, sum: number, lower: KeyBuffer): void {
    this.#leafBase = this.#workspace.reader.load(page, sum, 0)
    this.#freed.push(page, 1)
    this.#leaf.show(this.#leafBase, 0)
    this.#index = 0
    this.#findDrop()
    this.#builder.startAt(lower)
  }

  /** Puts the changes below `upper` where no old entries are left. */
  *#appendChanges(lower: KeyBuffer, upper: KeyBuffer | undefined): Generator<void, void> {
    this.#leaf.count = 0
    this.#index = 0
    this.#builder.startAt(lower)
    while (!this.#mergeSome(upper)) yield
  }

  /** Merges changes below `upper` with the old leaf. False after a certain number; true when both are used up. */
  #mergeSome(upper: KeyBuffer | undefined): boolean {
    const { slab } = this.#workspace
    const changes = this.#changes
    for (let left = CHANGES_PER_STEP; this.#changesBelow(upper); left--) {
      if (left === 0) return false
      if (this.#index < this.#leaf.count) {
        const { keyBytes, keyOffset, keyLength } = changes
        const found = searchPage(slab, this.#leafBase, 0, this.#index, keyBytes, keyOffset, keyOffset + keyLength)
        this.#keepUntil(found < 0 ? ~found : found)
        if (found >= 0) {
          freeValues(this.#leaf, found, found + 1, this.#freed)
          this.#index = found + 1
        }
      }
      if (!changes.deleted) this.#put()
      this.#alive = changes.advance()
    }
    this.#keepUntil(this.#leaf.count)
    return true
  }

  /** Takes the old entries from `#index` up to `end` over, without those in ranges. */
  #keepUntil(end: number): void {
    while (this.#index < end && this.#range < this.#ranges.length && this.#dropFrom < end) {
      if (this.#dropTo <= this.#index) {
        this.#range++
        this.#findDrop()
        continue
      }
      if (this.#dropFrom > this.#index) this.#builder.appendRun(this.#leaf, this.#index, this.#dropFrom)
      const from = Math.max(this.#index, this.#dropFrom)
      this.#index = Math.min(end, this.#dropTo)
      freeValues(this.#leaf, from, this.#index, this.#freed)
    }
    if (this.#index < end) this.#builder.appendRun(this.#leaf, this.#index, end)
    this.#index = end
  }

  #findDrop(): void {
    const range = this.#ranges[this.#range]
    if (range === undefined) return
    this.#dropFrom = this.#position(range.start)
    this.#dropTo = range.end === undefined ? this.#leaf.count : this.#position(range.end)
  }

  /** The first entry of the leaf that is not below `key`. */
  #position(key: Uint8Array): number {
    const found = searchPage(this.#workspace.slab, this.#leafBase, 0, 0, key, 0, key.length)
    return found < 0 ? ~found : found
  }

  #put(): void {
    const { keyBytes, keyOffset, keyLength, valueBytes, valueWords, valueOffset, valueLength } = this.#changes
    const { slab } = this.#workspace
    if (columnBytes(0) + keyLength + valueLength <= ENTRY_BYTES_MAX) {
      const place = this.#builder.appendEntry(keyBytes, keyOffset, keyLength, valueLength, false)
      slab.copyWords(place, valueWords, valueOffset >>> 2, valueLength)
      return
    }
    const page = this.#workspace.writer.writeValue(valueBytes, valueOffset, valueLength)
    const place = this.#builder.appendEntry(keyBytes, keyOffset, keyLength, OVERFLOW_REFERENCE_BYTES, true)
    const { bytes } = slab
    writeWord(bytes, place + OVERFLOW_PAGE_OFFSET, page)
    writeWord(bytes, place + OVERFLOW_LENGTH_OFFSET, valueLength)
    writeWord(
      bytes,
      place + OVERFLOW_CHECKSUM_OFFSET,
      checksum(valueBytes.subarray(valueOffset, valueOffset + valueLength)),
    )
  }
}

function keyOf(view: PageView, i: number, target: KeyBuffer): KeyBuffer {
  target.length = view.key(i, target.bytes)
  return target
}

function isBelow(key: Uint8Array, upper: KeyBuffer | undefined): boolean {
  return upper === undefined || compareRanges(key, 0, key.length, upper.bytes, 0, upper.length) < 0
}

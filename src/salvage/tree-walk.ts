import { compareBytes } from '../base/bytes.ts'
import { PAGE_BYTES } from '../base/limits.ts'
import type { PageView } from '../btree/page-view.ts'
import type { ExtentList } from '../pager/extent-list.ts'
import type { TreeRoot } from '../pager/meta-format.ts'
import { PageSet } from '../verify/page-set.ts'
import { hexKey } from './report.ts'
import type { DamagedPage } from './report.ts'
import type { SourcePages } from './source-pages.ts'
import { keyOf, remainingChildren } from './source-pages.ts'

/** Keys from `lower` on and before `upper`. */
export interface KeyBounds {
  readonly lower: Uint8Array
  readonly upper: Uint8Array | undefined
}

/** A tree, and what reading it has brought. */
export interface TreeSalvage {
  readonly root: TreeRoot
  readonly damage: DamagedPage[]
  /** The ranges of keys below damaged branches, where leaves may stand that nothing leads to any more. */
  readonly holes: KeyBounds[]
  /** Branches that were reached. */
  readonly branches: Set<number>
  /** Entries of leaves that were read. */
  found: number
  /** Long values that could not be read. */
  lostValues: number
}

export function newTreeSalvage(root: TreeRoot): TreeSalvage {
  return { root, damage: [], holes: [], branches: new Set(), found: 0, lostValues: 0 }
}

export const NO_BOUNDS: KeyBounds = { lower: new Uint8Array(0), upper: undefined }

/** True if the keys of the leaf lie within the bounds. */
export function holds({ lower, upper }: KeyBounds, leaf: PageView): boolean {
  if (compareBytes(keyOf(leaf, 0), lower) < 0) return false
  return upper === undefined || compareBytes(keyOf(leaf, leaf.count - 1), upper) < 0
}

/**
 * Walks the trees of a damaged file. Every leaf that it gives has the checksum that its parent names. A damaged branch is
 * asked for what is left of the pages and checksums in it; what follows from them is checked against everything that is
 * known: level, range of keys, not free, not reached before.
 */
export class TreeWalk {
  /** Pages that have been reached, damaged ones included. */
  readonly reached: PageSet
  readonly #pages: SourcePages
  /** The pages that no tree reaches; undefined where that is not known. */
  readonly #free: PageSet | undefined

  constructor(pages: SourcePages, free: ExtentList | undefined) {
    this.#pages = pages
    this.reached = new PageSet(pages.count)
    this.#free = free && setOf(free, pages.count)
  }

  /** Which pages no tree reaches is known. */
  get knowsFree(): boolean {
    return this.#free !== undefined
  }

  /** False for a page that a tree has been seen to use, or that is known to be free. */
  isLost(page: number): boolean {
    return page < this.reached.pageCount && !this.reached.has(page) && this.#free?.has(page) !== true
  }

  /** Yields each leaf that can be read. It is valid until the next step. */
  *walk(tree: TreeSalvage): Generator<PageView, void> {
    const { page, checksum, height, entries } = tree.root
    if (height > 0) yield* this.#walk(tree, height - 1, page, checksum, NO_BOUNDS, entries)
  }

  *#walk(
    tree: TreeSalvage,
    level: number,
    page: number,
    checksum: number,
    bounds: KeyBounds,
    entries: number,
  ): Generator<PageView, void> {
    if (page < this.reached.pageCount) this.reached.add(page)
    // Branches that lead to one another over and over make more paths than could ever be walked.
    const isAgain = level > 0 && tree.branches.has(page)
    if (level > 0) tree.branches.add(page)
    const view = isAgain ? undefined : this.#pages.load(page, checksum, level)
    if (view === undefined) {
      tree.damage.push(damaged(this.#pages, page, level, bounds, entries))
      if (level > 0 && !isAgain) yield* this.#walkRemains(tree, level, page, bounds)
      return
    }
    if (level === 0) {
      tree.found += view.count
      yield view
      return
    }
    const keys = Array.from({ length: view.count }, (_, i) => keyOf(view, i))
    for (let i = 0; i < view.count; i++) {
      const child = { lower: i === 0 ? bounds.lower : keys[i]!, upper: i + 1 < view.count ? keys[i + 1] : bounds.upper }
      yield* this.#walk(tree, level - 1, view.page(i), view.checksum(i), child, view.entries(i))
    }
  }

  *#walkRemains(tree: TreeSalvage, level: number, branch: number, bounds: KeyBounds): Generator<PageView, void> {
    tree.holes.push(bounds)
    for (const { page, checksum } of remainingChildren(this.#pages, branch)) {
      if (!this.isLost(page)) continue
      const child = this.#pages.load(page, checksum, level - 1)
      if (child === undefined || !holds(bounds, child)) continue
      yield* this.#walk(tree, level - 1, page, checksum, bounds, 0)
    }
  }
}

export function setOf(list: ExtentList, pageCount: number): PageSet {
  const set = new PageSet(pageCount)
  for (let i = 0; i < list.length; i++) {
    const end = Math.min(pageCount, list.first(i) + list.count(i))
    for (let page = list.first(i); page < end; page++) set.add(page)
  }
  return set
}

function damaged(
  { file }: SourcePages,
  page: number,
  level: number,
  { lower, upper }: KeyBounds,
  entries: number,
): DamagedPage {
  return {
    file: file.path,
    offset: page * PAGE_BYTES,
    length: PAGE_BYTES,
    kind: level === 0 ? 'leaf' : 'branch',
    from: hexKey(lower),
    to: hexKey(upper),
    entries,
  }
}

import { corruption } from '../base/errors.ts'
import { PAGE_BYTES } from '../base/limits.ts'
import type { ExtentList } from '../pager/extent-list.ts'
import type { TreeRoot } from '../pager/meta-format.ts'
import { sizeOf } from '../pager/file-read.ts'
import { OVERFLOW_LENGTH_OFFSET, OVERFLOW_PAGE_OFFSET, overflowPages, readWord } from '../pager/overflow-format.ts'
import { PageView } from './page-view.ts'
import type { TreeReader } from './tree-reader.ts'

/**
 * Adds every page of a tree to `freed`. Reads leaves only where they refer to overflow extents. Yields now and then.
 */
export function* dropTree(reader: TreeReader, root: TreeRoot, freed: ExtentList): Generator<void, void> {
  reader.forget()
  if (root.height > 0) yield* dropSubtree(reader, root.height - 1, root.page, root.checksum, root.overflow, freed)
}

/** The same for the subtree below a page; `overflow` as its parent says. */
export function* dropSubtree(
  reader: TreeReader,
  level: number,
  page: number,
  checksum: number,
  overflow: boolean,
  freed: ExtentList,
): Generator<void, void> {
  freed.push(page, 1)
  if (level === 0 && !overflow) return
  checkBound(reader, page, freed.length)
  const view = new PageView(reader.slab)
  view.show(reader.load(page, checksum, level), level)
  if (level === 0) {
    freeValues(view, 0, view.count, freed)
    return
  }
  yield
  for (let i = 0; i < view.count; i++) {
    yield* dropSubtree(reader, level - 1, view.page(i), view.checksum(i), view.overflow(i), freed)
  }
}

/**
 * That a walk has not met more runs of pages than the file has pages: branches that lead to one page over and over make
 * more paths than could ever be walked.
 */
export function checkBound({ file }: TreeReader, page: number, runs: number): void {
  const pages = Math.ceil(sizeOf(file) / PAGE_BYTES)
  if (runs <= pages) return
  throw corruption(
    file.path,
    page * PAGE_BYTES,
    `the way to page ${page}`,
    'pages that are reached once',
    'over and over',
  )
}

/** Adds the overflow extents of a leaf's entries `from` to `to` to `freed`. */
export function freeValues(leaf: PageView, from: number, to: number, freed: ExtentList): void {
  const { bytes } = leaf.slab
  for (let i = from; i < to; i++) {
    if (!leaf.overflow(i)) continue
    const reference = leaf.valueAt(i)
    freed.push(
      readWord(bytes, reference + OVERFLOW_PAGE_OFFSET),
      overflowPages(readWord(bytes, reference + OVERFLOW_LENGTH_OFFSET)),
    )
  }
}

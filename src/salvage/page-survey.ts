import { PageSet } from '../verify/page-set.ts'
import type { SourcePages } from './source-pages.ts'
import { childrenOf, looksWritten } from './source-pages.ts'

/** A leaf that no branch of a known tree leads to. */
export interface StrayLeaf {
  readonly page: number
  /** Some branch names it with the checksum that it has, so it is as it was written. */
  readonly isVerified: boolean
}

/**
 * Looks at the pages that are lost: neither reached by a tree nor free, so they belong to the trees as they were last, and
 * something that led to them is damaged. A leaf is verified by any branch that names it with its checksum, a branch of an
 * older tree in a free page among them: a page that two generations share is written once.
 */
export function* surveyPages(
  pages: SourcePages,
  isLost: (page: number) => boolean,
  reached: PageSet,
): Generator<void, StrayLeaf[]> {
  const checksums = new Map<number, number>()
  const leaves: number[] = []
  for (let page = 2; page < pages.count; page++) {
    yield
    if (!isLost(page)) continue
    const found = pages.look(page)
    if (found === undefined || found.view.level > 0) continue
    checksums.set(page, found.checksum)
    if (looksWritten(found.view)) leaves.push(page)
  }
  const verified = new PageSet(pages.count)
  if (leaves.length > 0) {
    for (let page = 2; page < pages.count; page++) {
      yield
      if (reached.has(page)) continue
      const found = pages.look(page)
      if (found === undefined || found.view.level !== 1) continue
      for (const child of childrenOf(found.view)) {
        if (checksums.get(child.page) === child.checksum) verified.add(child.page)
      }
    }
  }
  return leaves.map(page => ({ page, isVerified: verified.has(page) }))
}

/** A tree that was found without a catalog. */
export interface FoundTree {
  readonly page: number
  readonly checksum: number
  readonly height: number
  /** Other trees that share pages with it: its own earlier or later states. */
  readonly others: number
}

interface Branch {
  readonly level: number
  readonly checksum: number
  /** Pages of children that are as the branch says, and how many are not. */
  readonly children: readonly number[]
  readonly missing: number
}

/**
 * Finds trees by their branches alone: each branch that no other names is a root. Of roots that share pages the one that
 * misses the fewest children is taken, since pages of an old state are the first to be written over; where none misses
 * any, the larger one. Which state is the newer one cannot be known then.
 */
export function* findTrees(pages: SourcePages): Generator<void, FoundTree[]> {
  const branches = yield* findBranches(pages)
  const named = new PageSet(pages.count)
  for (const { children } of branches.values()) for (const child of children) named.add(child)
  const groups = new Map<number, { page: number; reach: Reach }[]>()
  const groupOf = new Map<number, number>()
  for (const [page] of branches) {
    yield
    if (named.has(page)) continue
    const reach = reachOf(branches, page)
    let group = page
    for (const leaf of reach.leaves) group = groupOf.get(leaf) ?? group
    for (const leaf of reach.leaves) groupOf.set(leaf, group)
    const roots = groups.get(group)
    if (roots === undefined) groups.set(group, [{ page, reach }])
    else roots.push({ page, reach })
  }
  const found: FoundTree[] = []
  for (const roots of groups.values()) {
    roots.sort((a, b) => a.reach.missing - b.reach.missing || b.reach.leaves.length - a.reach.leaves.length)
    const { page } = roots[0]!
    const { checksum, level } = branches.get(page)!
    found.push({ page, checksum, height: level + 1, others: roots.length - 1 })
  }
  return found
}

function* findBranches(pages: SourcePages): Generator<void, Map<number, Branch>> {
  const branches = new Map<number, Branch>()
  for (let page = 2; page < pages.count; page++) {
    yield
    const found = pages.look(page)
    if (found === undefined || found.view.level === 0) continue
    const { checksum, view } = found
    const { level } = view
    const children: number[] = []
    const named = childrenOf(view)
    for (const child of named) if (pages.checksum(child.page) === child.checksum) children.push(child.page)
    if (children.length > 0) branches.set(page, { level, checksum, children, missing: named.length - children.length })
  }
  return branches
}

interface Reach {
  readonly leaves: number[]
  missing: number
}

function reachOf(branches: ReadonlyMap<number, Branch>, root: number): Reach {
  const reach: Reach = { leaves: [], missing: 0 }
  const visited = new Set<number>()
  const visit = (page: number, level: number): void => {
    const branch = branches.get(page)
    if (branch === undefined || branch.level !== level || visited.has(page)) return
    visited.add(page)
    reach.missing += branch.missing
    for (const child of branch.children) {
      if (branch.level === 1) reach.leaves.push(child)
      else visit(child, level - 1)
    }
  }
  visit(root, branches.get(root)!.level)
  return reach
}

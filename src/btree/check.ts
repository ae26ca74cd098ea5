import { compareRanges } from '../base/bytes.ts'
import { corruption } from '../base/errors.ts'
import { PAGE_BYTES } from '../base/limits.ts'
import { ExtentList } from '../pager/extent-list.ts'
import { boundOverflow, readOverflow } from '../pager/file-read.ts'
import type { TreeRoot } from '../pager/meta-format.ts'
import {
  OVERFLOW_CHECKSUM_OFFSET,
  OVERFLOW_LENGTH_OFFSET,
  OVERFLOW_PAGE_OFFSET,
  overflowPages,
  readWord,
} from '../pager/overflow-format.ts'
import { KEY_LENGTH_MASK, keyHead } from '../pager/page-format.ts'
import { PageView } from './page-view.ts'
import type { TreeReader } from './tree-reader.ts'

/** What a tree turned out to hold. */
export interface TreeCheck {
  entries: number
  /** Every page that the tree reaches. */
  readonly pages: ExtentList
  leafPages: number
  branchPages: number
  overflowPages: number
  /** Bytes of leaves that are in use. */
  leafBytes: number
}

/**
 * Reads a whole tree, long values included, and throws at the first thing that is wrong: a checksum, a structure, the
 * order of keys, a separator, a count, a flag. Yields now and then.
 */
export function* checkTree(reader: TreeReader, root: TreeRoot): Generator<void, TreeCheck> {
  reader.forget()
  const check: TreeCheck = {
    entries: 0,
    pages: new ExtentList(),
    leafPages: 0,
    branchPages: 0,
    overflowPages: 0,
    leafBytes: 0,
  }
  if (root.height === 0) return check
  const walk: Walk = { reader, check, previous: undefined }
  const { page, checksum, height, entries, overflow } = root
  yield* checkPage(walk, height - 1, page, checksum, { lower: NO_KEY, upper: undefined, entries, overflow })
  return check
}

/** What a parent says of a child. */
interface Expected {
  readonly lower: Uint8Array
  readonly upper: Uint8Array | undefined
  readonly entries: number
  readonly overflow: boolean
}

interface Walk {
  readonly reader: TreeReader
  readonly check: TreeCheck
  /** The last leaf key. */
  previous: Uint8Array | undefined
}

const NO_KEY: Uint8Array = new Uint8Array(0)

function* checkPage(
  walk: Walk,
  level: number,
  page: number,
  checksum: number,
  expected: Expected,
): Generator<void, void> {
  const { reader, check } = walk
  const view = new PageView(reader.slab)
  view.show(reader.load(page, checksum, level), level)
  check.pages.push(page, 1)
  const fail = faultOf(reader.file.path, page)
  checkHeads(view, fail)
  const before = check.entries
  if (level === 0) checkLeaf(walk, view, expected, fail)
  else {
    check.branchPages++
    yield
    const keys = checkSeparators(view, expected, fail)
    for (let i = 0; i < view.count; i++) {
      const lower = i === 0 ? expected.lower : keys[i]!
      const upper = i + 1 < view.count ? keys[i + 1] : expected.upper
      const child = { lower, upper, entries: view.entries(i), overflow: view.overflow(i) }
      yield* checkPage(walk, level - 1, view.page(i), view.checksum(i), child)
    }
  }
  const entries = check.entries - before
  if (entries !== expected.entries) fail('count of entries', `${expected.entries}`, `${entries}`)
  if (hasOverflow(view) !== expected.overflow) fail('overflow flag', `${!expected.overflow}`, `${expected.overflow}`)
}

type Fail = (what: string, expected: string, found: string) => never

function faultOf(file: string, page: number): Fail {
  return (what, expected, found) => {
    throw corruption(file, page * PAGE_BYTES, `${what} of page ${page}`, expected, found)
  }
}

function checkLeaf(walk: Walk, view: PageView, expected: Expected, fail: Fail): void {
  const { check, reader } = walk
  check.leafPages++
  check.entries += view.count
  check.leafBytes += view.heap + view.slab.halves[view.offsets + view.count]! - 4 * view.heads + 8
  for (let i = 0; i < view.count; i++) {
    const key = keyAt(view, i)
    if (walk.previous !== undefined && compare(walk.previous, key) >= 0)
      fail(`order of entry ${i}`, 'a higher key', text(key))
    if (compare(key, expected.lower) < 0) fail(`entry ${i}`, `a key from ${text(expected.lower)}`, text(key))
    if (expected.upper !== undefined && compare(key, expected.upper) >= 0) {
      fail(`entry ${i}`, `a key below ${text(expected.upper)}`, text(key))
    }
    walk.previous = key
    if (view.overflow(i)) checkValue(reader, check, view, i)
  }
}

function checkValue(reader: TreeReader, check: TreeCheck, view: PageView, i: number): void {
  const { bytes } = view.slab
  const at = view.valueAt(i)
  const page = readWord(bytes, at + OVERFLOW_PAGE_OFFSET)
  const length = readWord(bytes, at + OVERFLOW_LENGTH_OFFSET)
  boundOverflow(reader.file, page, length)
  readOverflow(reader.file, page, readWord(bytes, at + OVERFLOW_CHECKSUM_OFFSET), new Uint8Array(length))
  check.pages.push(page, overflowPages(length))
  check.overflowPages += overflowPages(length)
}

/**
 * The keys of a branch, which rise and lie within its parent's bounds; entry 0 of the leftmost may lie above its bound.
 */
function checkSeparators(view: PageView, expected: Expected, fail: Fail): Uint8Array[] {
  const keys: Uint8Array[] = []
  for (let i = 0; i < view.count; i++) {
    const key = keyAt(view, i)
    if (i > 0 && compare(keys[i - 1]!, key) >= 0) fail(`order of separator ${i}`, 'a higher key', text(key))
    if (compare(key, expected.lower) < 0) fail(`separator ${i}`, `a key from ${text(expected.lower)}`, text(key))
    if (expected.upper !== undefined && compare(key, expected.upper) >= 0) {
      fail(`separator ${i}`, `a key below ${text(expected.upper)}`, text(key))
    }
    keys.push(key)
  }
  return keys
}

function checkHeads(view: PageView, fail: Fail): void {
  const { bytes, halves, words } = view.slab
  for (let i = 0; i < view.count; i++) {
    const from = view.heap + halves[view.offsets + i]!
    const head = keyHead(bytes, from, from + (halves[view.keyLengths + i]! & KEY_LENGTH_MASK))
    if (head !== words[view.heads + i]) fail(`head of entry ${i}`, `${head}`, `${words[view.heads + i]}`)
  }
}

function hasOverflow(view: PageView): boolean {
  for (let i = 0; i < view.count; i++) if (view.overflow(i)) return true
  return false
}

function keyAt(view: PageView, i: number): Uint8Array {
  const length = view.prefixLength + (view.slab.halves[view.keyLengths + i]! & KEY_LENGTH_MASK)
  const key = new Uint8Array(length)
  view.key(i, key)
  return key
}

function compare(a: Uint8Array, b: Uint8Array): number {
  return compareRanges(a, 0, a.length, b, 0, b.length)
}

/** A key for a person to read. */
function text(key: Uint8Array): string {
  return Array.from(key.subarray(0, 32), byte => byte.toString(16).padStart(2, '0')).join('') || 'the empty key'
}

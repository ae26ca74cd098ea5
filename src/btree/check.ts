import { compareRanges } from '../base/bytes.ts'
import { checksum as checksumOf } from '../base/checksum.ts'
import { corruption, DatabaseError } from '../base/errors.ts'
import { PAGE_BYTES } from '../base/limits.ts'
import { ExtentList } from '../pager/extent-list.ts'
import { boundOverflow, overflowFault, readExactly } from '../pager/file-read.ts'
import type { TreeRoot } from '../pager/meta-format.ts'
import {
  OVERFLOW_CHECKSUM_OFFSET,
  OVERFLOW_LENGTH_OFFSET,
  OVERFLOW_PAGE_OFFSET,
  overflowPages,
  readWord,
} from '../pager/overflow-format.ts'
import { KEY_LENGTH_MASK, keyHead } from '../pager/page-format.ts'
import { checkBound } from './drop-tree.ts'
import { PageView } from './page-view.ts'
import type { TreeReader } from './tree-reader.ts'

/** What a tree turned out to hold. A walk fills it as it goes. */
export interface TreeCheck {
  /** Those below a page that cannot be read are taken from its parent. */
  entries: number
  /** Entries that could not be checked, because they lie in a damaged page or below one. */
  uncheckedEntries: number
  /** Every page that the tree reaches; where a page is damaged, without those below it. */
  readonly pages: ExtentList
  leafPages: number
  branchPages: number
  overflowPages: number
  /** Bytes of leaves that are in use. */
  leafBytes: number
  /** Bytes of long values. */
  overflowBytes: number
}

export function newTreeCheck(): TreeCheck {
  return {
    entries: 0,
    uncheckedEntries: 0,
    pages: new ExtentList(),
    leafPages: 0,
    branchPages: 0,
    overflowPages: 0,
    leafBytes: 0,
    overflowBytes: 0,
  }
}

/** Hears of everything that is wrong. What it throws ends the check. */
export type FaultListener = (fault: DatabaseError) => void

/** The longest piece of a long value that is read between two steps. */
const PIECE_BYTES = 1024 * 1024

/**
 * Reads a whole tree, long values included, and tells `fault` everything that is wrong: a checksum, a structure, the
 * order of keys, a separator, a count, a flag. Goes on behind a damaged page with what its parent has next. Yields after
 * each page.
 */
export function* checkTree(
  reader: TreeReader,
  root: TreeRoot,
  fault: FaultListener = raise,
  check: TreeCheck = newTreeCheck(),
): Generator<void, TreeCheck> {
  reader.forget()
  if (root.height === 0) return check
  const walk: Walk = { reader, check, fault, previous: undefined }
  const { page, checksum, height, entries, overflow } = root
  yield* checkSubtree(walk, height - 1, page, checksum, { lower: NO_KEY, upper: undefined, entries, overflow })
  return check
}

function raise(fault: DatabaseError): never {
  throw fault
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
  readonly fault: FaultListener
  /** The last leaf key. */
  previous: Uint8Array | undefined
}

const NO_KEY: Uint8Array = new Uint8Array(0)

function* checkSubtree(
  walk: Walk,
  level: number,
  page: number,
  checksum: number,
  expected: Expected,
): Generator<void, void> {
  const { check } = walk
  const before = check.entries
  try {
    yield* checkPage(walk, level, page, checksum, expected)
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error
    walk.fault(error)
    check.entries = before + expected.entries
    check.uncheckedEntries += expected.entries
  }
}

function* checkPage(
  walk: Walk,
  level: number,
  page: number,
  checksum: number,
  expected: Expected,
): Generator<void, void> {
  const { reader, check } = walk
  const view = new PageView(reader.slab)
  checkBound(reader, page, check.pages.length)
  check.pages.push(page, 1)
  view.show(reader.load(page, checksum, level), level)
  const fail = faultOf(reader.file.path, page)
  checkHeads(view, fail)
  const overflow = hasOverflow(view)
  const before = check.entries
  if (level === 0) yield* checkLeaf(walk, view, expected, fail)
  else {
    check.branchPages++
    yield
    const keys = checkSeparators(view, expected, fail)
    for (let i = 0; i < view.count; i++) {
      const lower = i === 0 ? expected.lower : keys[i]!
      const upper = i + 1 < view.count ? keys[i + 1] : expected.upper
      const child = { lower, upper, entries: view.entries(i), overflow: view.overflow(i) }
      yield* checkSubtree(walk, level - 1, view.page(i), view.checksum(i), child)
    }
  }
  const entries = check.entries - before
  if (entries !== expected.entries) fail('count of entries', `${expected.entries}`, `${entries}`)
  if (overflow !== expected.overflow) fail('overflow flag', `${!expected.overflow}`, `${expected.overflow}`)
}

type Fail = (what: string, expected: string, found: string) => never

function faultOf(file: string, page: number): Fail {
  return (what, expected, found) => {
    throw corruption(file, page * PAGE_BYTES, `${what} of page ${page}`, expected, found)
  }
}

function* checkLeaf(walk: Walk, view: PageView, expected: Expected, fail: Fail): Generator<void, void> {
  const { check } = walk
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
    if (view.overflow(i)) yield* checkValue(walk, view, i)
  }
  yield
}

function* checkValue({ reader, check, fault }: Walk, view: PageView, i: number): Generator<void, void> {
  const { bytes } = view.slab
  const at = view.valueAt(i)
  const page = readWord(bytes, at + OVERFLOW_PAGE_OFFSET)
  const length = readWord(bytes, at + OVERFLOW_LENGTH_OFFSET)
  const expected = readWord(bytes, at + OVERFLOW_CHECKSUM_OFFSET)
  try {
    boundOverflow(reader.file, page, length)
    check.pages.push(page, overflowPages(length))
    check.overflowPages += overflowPages(length)
    check.overflowBytes += length
    const found = yield* checksumOfValue(reader, page, length)
    if (found !== expected) throw overflowFault(reader.file, page, length, expected, found)
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error
    fault(error)
    check.uncheckedEntries++
  }
}

function* checksumOfValue({ file }: TreeReader, page: number, length: number): Generator<void, number> {
  const piece = new Uint8Array(Math.min(length, PIECE_BYTES))
  let found = 0
  for (let done = 0; done < length; done += piece.length) {
    const part = piece.subarray(0, Math.min(piece.length, length - done))
    readExactly(file, part, page * PAGE_BYTES + done, `the value in page ${page}`)
    found = checksumOf(part, found)
    yield
  }
  return found | 0
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

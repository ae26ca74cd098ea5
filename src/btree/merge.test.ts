import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { PageCache } from '../pager/page-cache.ts'
import { readOverflow } from '../pager/file-read.ts'
import { Cursor } from './cursor.ts'
import { dropTree } from './drop-tree.ts'
import { ExtentList } from '../pager/extent-list.ts'
import { RUNS_FACTOR, TestTree, disjoint, entriesOf, hexOf, valueOf } from './fixture.test.ts'
import type { Change } from './fixture.test.ts'

/** Keys that share prefixes of all lengths and come close together, so that changes meet. */
const key = fc
  .record({
    stem: fc.constantFrom('', 'a', 'ab', 'abcdefgh', 'zz', '\0\0\0\0', 'x'.repeat(200), 'y'.repeat(1990)),
    tail: fc.oneof(
      { weight: 6, arbitrary: fc.nat(60).map(n => n.toString(36)) },
      { weight: 1, arbitrary: fc.nat(50).map(n => '\0'.repeat(n)) },
      { weight: 1, arbitrary: fc.nat(40).map(n => `${n}`.padEnd(58, '.')) },
    ),
  })
  .map(({ stem, tail }) => new TextEncoder().encode(stem + tail))

const value = fc
  .oneof(
    { weight: 8, arbitrary: fc.nat(200) },
    { weight: 3, arbitrary: fc.integer({ min: 600, max: 2800 }) },
    { weight: 1, arbitrary: fc.integer({ min: 2700, max: 100_000 }) },
  )
  .chain(length => fc.nat(255).map(seed => valueOf(seed, length)))

const change: fc.Arbitrary<Change> = fc.record({ key, value: fc.option(value, { nil: undefined, freq: 4 }) })
const range = fc.record({ start: key, end: fc.option(key, { nil: undefined, freq: 6 }) })
/** Without `size`, fast-check makes arrays of a few elements only, whatever their largest length. */
const round = fc.record({
  changes: fc.array(change, { maxLength: 150, size: 'max' }),
  ranges: fc.array(range, { maxLength: 3 }).map(disjoint),
})

/** Reads everything with a cursor and compares it with the model. */
function compareAll(tree: TestTree): void {
  const cache = new PageCache(tree.file, 0)
  const cursor = new Cursor(cache)
  cursor.open(tree.root)
  const expected = entriesOf(tree.model)
  let ok = cursor.seekFirst()
  for (const [name, content] of expected) {
    assert.ok(ok)
    assert.equal(hexOf(cursor.key.subarray(0, cursor.keyLength)), name)
    if (cursor.overflow) {
      const read = new Uint8Array(cursor.valueLength)
      readOverflow(tree.file, cursor.overflowPage, cursor.overflowChecksum, read)
      assert.ok(Buffer.from(read).equals(content))
    } else
      assert.ok(
        Buffer.from(cursor.bytes.subarray(cursor.valueOffset, cursor.valueOffset + cursor.valueLength)).equals(content),
      )
    ok = cursor.next()
  }
  assert.equal(ok, false)
}

test('merges of any changes and ranges give what a sorted array gives, and lose no page', () => {
  fc.assert(
    fc.property(fc.array(round, { minLength: 1, maxLength: 6 }), rounds => {
      const tree = new TestTree()
      for (const { changes, ranges } of rounds) {
        tree.merge(changes, ranges)
        tree.verify()
        compareAll(tree)
      }
    }),
    { numRuns: 60 * RUNS_FACTOR },
  )
})

/** A key of eight bytes. */
function key8(n: number): Uint8Array {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setUint32(0, n)
  return bytes
}

/** Numbers of 32 bits, the same for the same seed. */
function generator(seed: number): () => number {
  return () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) | 0
    return (Math.imul(seed ^ (seed >>> 15), 0x2c1b3c6d) ^ (seed >>> 7)) >>> 0
  }
}

function puts(count: number, next: () => number, length: number = 150): Change[] {
  return Array.from({ length: count }, () => ({ key: key8(next()), value: valueOf(count, length) }))
}

test('larger trees: sparse and dense changes, at all places', () => {
  const random = generator(7)
  const tree = new TestTree()
  tree.merge(puts(20_000, random))
  tree.verify()
  for (let i = 0; i < 8; i++) {
    const keys = [...tree.model.keys()]
    const doomed = keys
      .filter(() => random() % 100 < (i % 3) * 30)
      .map(name => ({ key: Buffer.from(name, 'hex'), value: undefined }))
    const low = key8(random())
    tree.merge(
      [...doomed, ...puts(i % 2 === 0 ? 30 : 3000, random)],
      i % 2 === 1 ? disjoint([{ start: low, end: key8(low[0]! * 2 ** 24 + 2 ** 26) }]) : [],
    )
    tree.verify()
  }
  compareAll(tree)
  tree.merge([], [{ start: new Uint8Array(0), end: undefined }])
  tree.verify()
  assert.equal(tree.root.height, 0)
  assert.equal(tree.space.freePages, tree.space.pageCount - 2)
})

/** Keys of which few share a long stem, so that separators are long and branches hold three or four of them. */
function longKeyOf(stem: number, tail: number): Uint8Array {
  const bytes = new Uint8Array(1960 + (stem % 80) + 1)
  for (let i = 0; i < bytes.length; i++) bytes[i] = Math.imul(stem + 1, 0x9e37_79b1) >>> ((i % 4) * 8)
  bytes[bytes.length - 1] = tail
  return bytes
}
const longKey = fc.tuple(fc.nat(120), fc.nat(14)).map(([stem, tail]) => longKeyOf(stem, tail))

test('branches of the longest keys', () => {
  const longChange = fc.record({
    key: longKey,
    value: fc.option(
      fc.nat(700).map(n => valueOf(n, n)),
      { nil: undefined, freq: 4 },
    ),
  })
  const longRange = fc.record({ start: longKey, end: fc.option(longKey, { nil: undefined, freq: 6 }) })
  const longRound = fc.record({
    changes: fc.oneof(
      fc.array(longChange, { maxLength: 12, size: 'max' }),
      fc.array(longChange, { minLength: 200, maxLength: 500, size: 'max' }),
    ),
    ranges: fc.array(longRange, { maxLength: 2 }).map(disjoint),
  })
  fc.assert(
    fc.property(fc.array(longRound, { minLength: 1, maxLength: 6 }), rounds => {
      const tree = new TestTree()
      for (const { changes, ranges } of rounds) {
        tree.merge(changes, ranges)
        tree.verify()
      }
      compareAll(tree)
    }),
    { numRuns: 40 * RUNS_FACTOR },
  )
  const tree = new TestTree()
  const all: Change[] = []
  for (let stem = 0; stem < 120; stem++)
    for (let tail = 0; tail < 15; tail++) all.push({ key: longKeyOf(stem, tail), value: valueOf(stem, 600) })
  tree.merge(all)
  tree.verify()
  assert.ok(tree.root.height >= 4, `height ${tree.root.height}`)
})

test('many leaves below many branches', () => {
  const random = generator(11)
  const tree = new TestTree()
  for (let i = 0; i < 2; i++) {
    tree.merge(puts(65_000, random, 150))
    tree.verify()
  }
  assert.ok(tree.check().branchPages > 6)
})

test('a bulk load fills its leaves, and so does appending', () => {
  const tree = new TestTree()
  let n = 0
  for (let i = 0; i < 5; i++) tree.merge(puts(4000, () => (n += 3)))
  const appended = tree.check()
  assert.ok(appended.leafBytes / (appended.leafPages * 8192) > 0.97, 'appended')
  const other = new TestTree()
  for (let i = 0; i < 3; i++) other.merge(puts(8000, generator(i + 1)))
  const loaded = other.check()
  assert.ok(loaded.leafBytes / (loaded.leafPages * 8192) > 0.95, 'at random')
})

test('a lone full leaf is divided evenly, and its neighbours are not touched', () => {
  const tree = new TestTree()
  let n = 0
  tree.merge(puts(10_000, () => (n += 10)))
  const { pages } = tree.check()
  const workspace = tree.merge([{ key: key8(50_005), value: valueOf(1, 150) }])
  assert.equal(workspace.writer.allocated.pages, 2 + tree.root.height - 1)
  assert.equal(tree.check().pages.pages, pages.pages + 1)
  tree.verify()
  // Both halves have room now.
  const again = tree.merge([{ key: key8(50_006), value: valueOf(1, 150) }])
  assert.equal(again.writer.allocated.pages, tree.root.height)
})

test('pages that deletion has left nearly empty are merged with their neighbours', () => {
  const tree = new TestTree()
  let n = 0
  tree.merge(puts(20_000, () => (n += 1)))
  const full = tree.check().leafPages
  tree.merge(
    [...tree.model.keys()]
      .filter((_, i) => i % 20 !== 0)
      .map(name => ({ key: Buffer.from(name, 'hex'), value: undefined })),
  )
  tree.verify()
  assert.ok(tree.check().leafPages <= full / 19)
  // In merges of their own, too, when each finds its neighbours as they were.
  const other = new TestTree()
  n = 0
  other.merge(puts(1000, () => (n += 1)))
  for (let i = 0; i < 1000; i++) {
    const doomed = 1 + ((i * 501) % 1000)
    if (doomed % 25 !== 0) other.merge([{ key: key8(doomed), value: undefined }])
  }
  other.verify()
  assert.equal(other.model.size, 40)
  assert.ok(other.check().leafPages <= 4, `${other.check().leafPages} leaves`)
})

test('a range that covers subtrees frees them unread, and a tree without long values is dropped unread', () => {
  const tree = new TestTree()
  let n = 0
  tree.merge(puts(30_000, () => (n += 1)))
  const { branchPages, leafPages } = tree.check()
  let reads = 0
  tree.disk.onOperation = ({ kind, length }) => {
    // A question for the file's size reads nothing.
    if (kind === 'read' && length > 0) reads++
    return undefined
  }
  const freed = new ExtentList()
  for (const _ of dropTree(tree.reader, tree.root, freed));
  assert.equal(freed.pages, branchPages + leafPages)
  assert.ok(reads <= branchPages)
  reads = 0
  tree.merge([], [{ start: key8(5), end: key8(29_990) }])
  assert.ok(reads <= branchPages + 4, `${reads} reads`)
  tree.verify()
})

test('an old root reads as before while its pages have not been used again', () => {
  const tree = new TestTree()
  tree.merge(puts(3000, generator(3)))
  const before = { root: tree.root, content: entriesOf(tree.model).map(([name]) => name) }
  const free = tree.space.freeAll.bind(tree.space)
  tree.space.freeAll = () => undefined
  tree.merge(puts(3000, generator(4)), [{ start: key8(0), end: key8(2 ** 31) }])
  tree.space.freeAll = free
  const cursor = new Cursor(new PageCache(tree.file, 0))
  cursor.open(before.root)
  const names: string[] = []
  for (let ok = cursor.seekFirst(); ok; ok = cursor.next()) names.push(hexOf(cursor.key.subarray(0, cursor.keyLength)))
  assert.deepEqual(names, before.content)
})

import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { ExtentList } from './extent-list.ts'
import { FIRST_PAGE, FreeSpace } from './free-space.ts'
import { PendingFree } from './pending-free.ts'

const command = fc.oneof(
  { weight: 4, arbitrary: fc.record({ allocate: fc.constantFrom(1, 1, 1, 2, 3, 8, 20) }) },
  { weight: 3, arbitrary: fc.record({ free: fc.nat(1000) }) },
  { weight: 1, arbitrary: fc.constant({ trim: true }) },
  { weight: 1, arbitrary: fc.constant({ rewind: true }) },
  { weight: 1, arbitrary: fc.constant({ reload: true }) },
)

test('pages are never given twice, never lost, and the file never ends below a used page', () => {
  fc.assert(
    fc.property(fc.array(command, { maxLength: 200, size: 'max' }), commands => {
      let space = new FreeSpace(FIRST_PAGE)
      const used: [first: number, count: number][] = []
      for (const step of commands) {
        if ('allocate' in step) {
          const first = space.allocate(step.allocate)
          for (const [other, count] of used) assert.ok(first + step.allocate <= other || first >= other + count)
          assert.ok(first >= FIRST_PAGE && first + step.allocate <= space.pageCount)
          used.push([first, step.allocate])
        } else if ('free' in step && used.length > 0) space.free(...used.splice(step.free % used.length, 1)[0]!)
        else if ('trim' in step) {
          space.trimTail()
          assert.equal(space.pageCount, Math.max(FIRST_PAGE, ...used.map(([first, count]) => first + count)))
        } else if ('rewind' in step) space.rewind()
        else if ('reload' in step) space = new FreeSpace(space.pageCount, new ExtentList(space.extents().toPairs()))
        const pages = used.reduce((sum, [, count]) => sum + count, 0)
        assert.equal(space.freePages + pages + FIRST_PAGE, space.pageCount)
        assert.equal(space.extents().pages, space.freePages)
      }
    }),
    { numRuns: 200 },
  )
})

test('single pages come in a run from the lowest place', () => {
  const space = new FreeSpace(FIRST_PAGE)
  space.allocate(100)
  space.free(50, 10)
  space.free(20, 5)
  assert.deepEqual(
    Array.from({ length: 7 }, () => space.allocate(1)),
    [20, 21, 22, 23, 24, 50, 51],
  )
})

test('a free run at the end of the file is grown', () => {
  const space = new FreeSpace(FIRST_PAGE)
  space.allocate(10)
  space.free(9, 3)
  assert.equal(space.allocate(5), 9)
  assert.equal(space.pageCount, 14)
})

test('a page that is freed twice is a bug', () => {
  const space = new FreeSpace(FIRST_PAGE)
  space.allocate(10)
  space.free(3, 2)
  assert.throws(() => space.free(4, 1), /freed twice/)
  assert.throws(() => space.free(11, 2), /not in the file/)
})

test('a hundred thousand runs cost little', () => {
  const space = new FreeSpace(FIRST_PAGE)
  space.allocate(300_000)
  const list = new ExtentList()
  for (let page = 2; page < 300_000; page += 3) list.push(page, 1)
  const start = performance.now()
  space.freeAll([list])
  for (let i = 0; i < 50_000; i++) space.allocate(1)
  for (let i = 0; i < 10_000; i++) space.allocate(2)
  assert.ok(performance.now() - start < 2000)
})

test('freed pages wait until nothing reaches them', () => {
  const pending = new PendingFree()
  for (const generation of [3, 4, 6]) {
    const extents = new ExtentList()
    extents.push(generation * 10, 2)
    pending.add(generation, extents)
  }
  assert.deepEqual(pending.release(2), [])
  assert.deepEqual(
    pending.release(5).map(list => list.first(0)),
    [30, 40],
  )
  assert.equal(pending.pages, 2)
  assert.deepEqual(
    pending.release(Infinity).map(list => list.first(0)),
    [60],
  )
})

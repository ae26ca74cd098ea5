import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PAGE_BYTES } from '../base/limits.ts'
import { SimulatedDisk } from '../platform/simulated/disk.ts'
import { FaultPlan } from '../platform/simulated/fault.ts'
import { SeededRandom } from '../platform/simulated/random.ts'
import { PageWriter } from './page-writer.ts'
import { Slab } from './slab.ts'

const BUFFER_PAGES = 2

/** Writes pages 0 to `count`, each filled with its number plus one, and flushes. */
function writePages(disk: SimulatedDisk, count: number, syncBytes?: number): void {
  const slab = new Slab(BUFFER_PAGES * PAGE_BYTES)
  const file = disk.openSync('db', { write: true, create: true, exclusive: false, dataSync: false })
  disk.syncDirectorySync('.')
  let next = 0
  const writer = new PageWriter(file, { allocate: pages => (next += pages) - pages }, slab, 0, BUFFER_PAGES, syncBytes)
  for (let page = 0; page < count; page++) slab.page(writer.place()).fill(page + 1)
  writer.flush()
}

/** The pages that are as they were written after a power cut that takes all that was not synced. */
function pagesLeft(disk: SimulatedDisk): number {
  const bytes = disk.crash(new SeededRandom(1), { mode: 'none' }).contents('db')
  let page = 0
  while ((page + 1) * PAGE_BYTES <= bytes.length && bytes[page * PAGE_BYTES] === page + 1) page++
  return page
}

test('pages are written in the order of their numbers, and none is synced', () => {
  const disk = new SimulatedDisk()
  writePages(disk, 11)
  assert.deepEqual(
    Array.from({ length: 11 }, (_, page) => disk.contents('db')[(page + 1) * PAGE_BYTES - 1]),
    Array.from({ length: 11 }, (_, page) => page + 1),
  )
  assert.equal(pagesLeft(disk), 0)
})

test('pages are synced in pieces, the last one excepted', () => {
  for (const [syncPages, left] of [
    [4, 8],
    [7, 8],
    [6, 6],
    [10, 10],
    [11, 11],
    [12, 0],
  ] as const) {
    const disk = new SimulatedDisk()
    writePages(disk, 11, syncPages * PAGE_BYTES)
    assert.equal(pagesLeft(disk), left, `synced after each ${syncPages} pages`)
  }
})

test('a piece that cannot be synced ends the writing', () => {
  const plan = new FaultPlan([{ fault: 'error', on: { kind: 'sync', nth: 1 }, code: 'EIO' }])
  assert.throws(() => writePages(new SimulatedDisk({ faults: plan }), 11, 4 * PAGE_BYTES), { code: 'MANIFOLD_IO' })
})

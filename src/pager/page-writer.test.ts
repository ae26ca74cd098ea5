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
function writePages(disk: SimulatedDisk, count: number, wrote: (bytes: number) => void = () => {}): void {
  const slab = new Slab(BUFFER_PAGES * PAGE_BYTES)
  const file = disk.openSync('db', { write: true, create: true, exclusive: false, dataSync: false })
  disk.syncDirectorySync('.')
  let next = 0
  const writer = new PageWriter(file, { allocate: pages => (next += pages) - pages }, slab, 0, BUFFER_PAGES, wrote)
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

test('pages are written in the order of their numbers, a full buffer at a time, and none is synced', () => {
  const disk = new SimulatedDisk()
  const writes: number[] = []
  writePages(disk, 11, bytes => writes.push(bytes / PAGE_BYTES))
  assert.deepEqual(writes, [2, 2, 2, 2, 2, 1])
  assert.deepEqual(
    Array.from({ length: 11 }, (_, page) => disk.contents('db')[(page + 1) * PAGE_BYTES - 1]),
    Array.from({ length: 11 }, (_, page) => page + 1),
  )
  assert.equal(pagesLeft(disk), 0)
})

test('a page that cannot be written ends the writing', () => {
  const plan = new FaultPlan([{ fault: 'error', on: { kind: 'write', nth: 2 }, code: 'EIO' }])
  const written: number[] = []
  const disk = new SimulatedDisk({ faults: plan })
  assert.throws(() => writePages(disk, 11, bytes => written.push(bytes)), { code: 'MANIFOLD_IO' })
  assert.equal(written.length, 1)
})

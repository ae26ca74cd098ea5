import assert from 'node:assert/strict'
import test from 'node:test'
import { DatabaseError } from '../base/errors.ts'
import { PAGE_BYTES } from '../base/limits.ts'
import { SimulatedDisk } from '../platform/simulated/disk.ts'
import { PowerCut } from '../platform/simulated/operation.ts'
import { SeededRandom } from '../platform/simulated/random.ts'
import { ExtentList } from './extent-list.ts'
import { EMPTY_CATALOG } from './meta-format.ts'
import type { Catalog } from './meta-format.ts'
import { Pager } from './pager.ts'
import type { LogMark, PreparedState } from './pager.ts'

const UUID = Uint8Array.from({ length: 16 }, (_, i) => i)
const MARK: LogMark = { logPosition: 100, lastSequence: 5, previousChecksum: 9, clean: false }
const NONE = new ExtentList()

function catalogOf(name: string): Catalog {
  return { ...EMPTY_CATALOG, nextFamilyId: 2, families: [{ id: 1, name }] }
}

function checkpoint(pager: Pager, name: string, freed: ExtentList = NONE): PreparedState {
  const state = pager.prepare(catalogOf(name), freed, MARK)
  pager.writeMetaSync(state)
  pager.syncSync()
  const first = pager.olderSlot
  pager.writeHeaderSlotSync(state, first)
  pager.publish(state)
  pager.writeHeaderSlotSync(state, 1 - first)
  pager.release(Infinity)
  pager.shrinkSync()
  return state
}

function extent(first: number, count: number): ExtentList {
  const list = new ExtentList()
  list.push(first, count)
  return list
}

test('an empty database has three pages and opens', () => {
  const disk = new SimulatedDisk()
  Pager.createSync(disk, 'db', UUID).closeSync()
  assert.equal(disk.contents('db').length, 3 * PAGE_BYTES)
  const pager = Pager.openSync(disk, 'db', false)
  assert.deepEqual(pager.catalog, EMPTY_CATALOG)
  assert.deepEqual(pager.header.uuid, UUID)
  assert.equal(pager.header.clean, true)
  assert.throws(() => Pager.createSync(disk, 'db', UUID), { code: 'MANIFOLD_EXISTS' })
})

test('checkpoints are found again, page numbers are used again, and the file shrinks', () => {
  const disk = new SimulatedDisk()
  const pager = Pager.createSync(disk, 'db', UUID)
  for (let i = 0; i < 20; i++) checkpoint(pager, `round ${i}`)
  assert.ok(pager.freeSpace.pageCount <= 5)
  const first = pager.freeSpace.allocate(100)
  pager.file.writeSync([new Uint8Array(100 * PAGE_BYTES)], first * PAGE_BYTES)
  checkpoint(pager, 'large')
  assert.ok(disk.contents('db').length >= 100 * PAGE_BYTES)
  checkpoint(pager, 'small', extent(first, 100))
  checkpoint(pager, 'last')
  assert.ok(disk.contents('db').length <= 6 * PAGE_BYTES)
  pager.closeSync()
  const again = Pager.openSync(disk, 'db', true)
  assert.equal(again.catalog.families[0]!.name, 'last')
  assert.deepEqual(again.freeSpace.extents(), pager.freeSpace.extents())
  assert.equal(again.freeSpace.pageCount, pager.freeSpace.pageCount)
})

test('freed pages are kept for snapshots and for the other slot', () => {
  const pager = Pager.createSync(new SimulatedDisk(), 'db', UUID)
  const page = pager.freeSpace.allocate(10)
  pager.file.writeSync([new Uint8Array(10 * PAGE_BYTES)], page * PAGE_BYTES)
  checkpoint(pager, 'a')
  const pinned = pager.generation
  const state = pager.prepare(catalogOf('b'), extent(page, 10), MARK)
  pager.writeMetaSync(state)
  pager.syncSync()
  pager.writeHeaderSlotSync(state, pager.olderSlot)
  pager.publish(state)
  const free = pager.freeSpace.freePages
  pager.release(Infinity)
  assert.equal(pager.freeSpace.freePages, free, 'the other slot names the state before')
  pager.writeHeaderSlotSync(state, pager.olderSlot)
  pager.release(pinned)
  assert.equal(pager.freeSpace.freePages, free, 'a snapshot reads the state before')
  pager.release(pinned + 1)
  assert.equal(pager.freeSpace.freePages, free + 11)
})

test('after a crash between the two headers, what the older one reaches is not overwritten', () => {
  const disk = new SimulatedDisk()
  const pager = Pager.createSync(disk, 'db', UUID)
  const page = pager.freeSpace.allocate(10)
  pager.file.writeSync([new Uint8Array(10 * PAGE_BYTES)], page * PAGE_BYTES)
  checkpoint(pager, 'a')
  const older = pager.header
  const state = pager.prepare(catalogOf('b'), extent(page, 10), MARK)
  pager.writeMetaSync(state)
  pager.writeHeaderSlotSync(state, pager.olderSlot)
  assert.ok(state.header.pageCount < older.pageCount)
  const again = Pager.openSync(disk, 'db', true)
  assert.equal(again.catalog.families[0]!.name, 'b')
  const takenPages = new ExtentList()
  for (let i = 0; i < 20; i++) {
    const taken = again.freeSpace.allocate(1)
    assert.ok(taken >= older.pageCount, `page ${taken}`)
    takenPages.push(taken, 1)
  }
  again.freeSpace.freeAll([takenPages])
  checkpoint(again, 'c')
  const { meta } = again.header
  assert.equal(again.freeSpace.freePages + meta.pages + 2, again.freeSpace.pageCount, 'no page is lost')
})

test('a checkpoint that fails gives its pages back, at once or when the slot it touched has been rewritten', () => {
  const disk = new SimulatedDisk()
  const pager = Pager.createSync(disk, 'db', UUID)
  checkpoint(pager, 'a')
  const before = [...pager.freeSpace.extents().toPairs(), pager.freeSpace.pageCount]
  const allocated = extent(pager.freeSpace.allocate(3), 3)
  const untouched = pager.prepare(catalogOf('b'), NONE, MARK)
  pager.abandon(untouched, allocated)
  pager.freeSpace.trimTail()
  assert.deepEqual([...pager.freeSpace.extents().toPairs(), pager.freeSpace.pageCount], before)

  const more = extent(pager.freeSpace.allocate(3), 3)
  pager.file.writeSync([new Uint8Array(3 * PAGE_BYTES)], more.first(0) * PAGE_BYTES)
  const touched = pager.prepare(catalogOf('c'), NONE, MARK)
  pager.writeMetaSync(touched)
  disk.onOperation = ({ kind }) => (kind === 'sync' ? Object.assign(new Error('EIO'), { code: 'EIO' }) : undefined)
  assert.throws(() => pager.writeHeaderSlotSync(touched, pager.olderSlot), { code: 'MANIFOLD_IO' })
  disk.onOperation = undefined
  pager.abandon(touched, more)
  pager.release(Infinity)
  assert.ok(pager.pending.pages >= 4)
  checkpoint(pager, 'd')
  assert.equal(pager.pending.pages, 0)
})

test('the asynchronous form does the same', async () => {
  const disk = new SimulatedDisk()
  const pager = Pager.createSync(disk, 'db', UUID)
  const state = pager.prepare(catalogOf('a'), NONE, { ...MARK, clean: true })
  await pager.writeMeta(state)
  await pager.sync()
  await pager.writeHeaderSlot(state, pager.olderSlot)
  pager.publish(state)
  await pager.writeHeaderSlot(state, pager.olderSlot)
  const mark = pager.prepareMark(MARK)
  await pager.writeHeaderSlot(mark, pager.olderSlot)
  pager.publish(mark)
  const { header, catalog } = Pager.openSync(disk, 'db', true)
  assert.equal(header.clean, false)
  assert.equal(header.lastSequence, 5)
  assert.equal(catalog.families[0]!.name, 'a')
})

test('a power cut at any operation leaves one of the two states, and a database that goes on', () => {
  for (let cut = 1; ; cut++) {
    const disk = new SimulatedDisk()
    const names: string[] = []
    let finished = false
    try {
      const pager = Pager.createSync(disk, 'db', UUID)
      names.push('')
      disk.cutPowerAt(disk.operations + cut)
      for (const name of ['a', 'b', 'c']) {
        names.push(name)
        checkpoint(pager, name)
        names.shift()
      }
      finished = true
    } catch (error) {
      assert.ok(error instanceof PowerCut || error instanceof DatabaseError)
    }
    for (let seed = 0; seed < 5; seed++) {
      const left = disk.crash(new SeededRandom(seed), { tornSectors: true })
      const pager = Pager.openSync(left, 'db', true)
      const found = pager.catalog.families[0]?.name ?? ''
      assert.ok(names.includes(found), `cut ${cut}: ${found} of ${names}`)
      const page = pager.freeSpace.allocate(2)
      pager.file.writeSync([new Uint8Array(2 * PAGE_BYTES).fill(0xee)], page * PAGE_BYTES)
      // Neither slot reaches what has just been overwritten, so a cut now opens as before.
      assert.equal(Pager.openSync(left, 'db', true).catalog.families[0]?.name ?? '', found)
      checkpoint(pager, 'after')
      assert.equal(Pager.openSync(left, 'db', true).catalog.families[0]!.name, 'after')
    }
    if (finished) break
  }
})

test('a power cut while the database is created leaves none or the whole', () => {
  for (let cut = 1; ; cut++) {
    const disk = new SimulatedDisk()
    disk.cutPowerAt(cut)
    let finished = false
    try {
      Pager.createSync(disk, 'db', UUID)
      finished = true
    } catch {
      finished = false
    }
    for (let seed = 0; seed < 8; seed++) {
      const left = disk.crash(new SeededRandom(seed))
      if (finished) assert.ok(left.existsSync('db'))
      if (left.existsSync('db')) Pager.openSync(left, 'db', true)
      else Pager.createSync(left, 'db', UUID)
    }
    if (finished) break
  }
})

test('what is wrong with a file is said with a code, and nothing is written', () => {
  const disk = new SimulatedDisk()
  const pager = Pager.createSync(disk, 'db', UUID)
  checkpoint(pager, 'a')
  const good = disk.contents('db')
  const attempt = (bytes: Uint8Array): string => {
    const other = new SimulatedDisk({}, new Map([['db', bytes]]))
    try {
      return Pager.openSync(other, 'db', true).catalog.families[0]!.name
    } catch (error) {
      assert.ok(error instanceof DatabaseError)
      return error.code
    } finally {
      assert.equal(other.operations, 0)
    }
  }
  assert.equal(attempt(good), 'a')
  assert.equal(attempt(new Uint8Array(0)), 'MANIFOLD_NOT_A_DATABASE')
  assert.equal(attempt(new Uint8Array(50_000)), 'MANIFOLD_NOT_A_DATABASE')
  assert.equal(attempt(new TextEncoder().encode('hello')), 'MANIFOLD_NOT_A_DATABASE')
  for (const length of [100, PAGE_BYTES, 2 * PAGE_BYTES, good.length - 1]) {
    assert.equal(attempt(good.slice(0, length)), 'MANIFOLD_CORRUPTION', `${length} bytes`)
  }
  for (let bit = 0; bit < good.length * 8; bit += 61) {
    const bytes = good.slice()
    bytes[bit >> 3]! ^= 1 << (bit & 7)
    assert.ok(['a', 'MANIFOLD_CORRUPTION'].includes(attempt(bytes)), `bit ${bit}`)
  }
  assert.throws(() => Pager.openSync(disk, 'missing', true), { code: 'MANIFOLD_NOT_FOUND' })
})

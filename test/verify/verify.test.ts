import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Database, VerifyProgress, VerifyReport } from '../../src/index.ts'
import { PAGE_BYTES } from '../../src/base/limits.ts'
import { ExtentList } from '../../src/pager/extent-list.ts'
import { Pager } from '../../src/pager/pager.ts'
import { atOnce } from '../../src/platform/slices.ts'
import type { SimulatedDisk } from '../../src/platform/simulated/disk.ts'
import type { FileState } from '../../src/verify/page-check.ts'
import { fileState, PageCheck } from '../../src/verify/page-check.ts'
import { Problems } from '../../src/verify/report.ts'
import { GatedDisk } from '../support/crash.ts'
import {
  blobs,
  fill,
  JOURNALS,
  LOGS,
  newDisk,
  numbers,
  openOn,
  PATH,
  runs,
  stateOf,
  turns,
  withDatabase,
  words,
} from '../support/open.ts'
import { rejects } from '../support/refusal.ts'

async function filled(db: Database, entries = 3000): Promise<void> {
  await db
    .table(words)
    .putMany(Array.from({ length: entries }, (_, i) => [`k${i}`, `value of ${i} `.repeat(5)] as const))
  const x = db.columnFamily('x')
  await x
    .table(blobs)
    .putMany(Array.from({ length: 30 }, (_, i) => [i, fill(i % 3 === 0 ? 20_000 + i : 50, i)] as const))
  await x.table(numbers).putMany(Array.from({ length: entries }, (_, i) => [i, i] as const))
}

function faultsOf({ problems }: VerifyReport): string[] {
  return problems.map(({ place, columnFamily, table, error }) => `${place} ${columnFamily}.${table}: ${error.message}`)
}

/** The bits of a page flipped, while the database is open. */
function damagePage(disk: SimulatedDisk, page: number, offset: number): void {
  const position = page * PAGE_BYTES + offset
  disk.damage(PATH, position, Uint8Array.of(disk.contents(PATH)[position]! ^ 0x10))
}

for (const journal of JOURNALS) {
  describe(`journal '${journal}': verify`, () => {
    test('counts what the data file holds, table by table, and the log behind it', async () => {
      await withDatabase(journal, async (db, disk) => {
        await filled(db)
        await db.checkpoint()
        for (let i = 0; i < 7; i++) await db.table(words).put(`later ${i}`, 'x')
        const report = await db.verify()
        assert.deepEqual(faultsOf(report), [])
        assert.ok(report.ok)
        const [first, second] = report.columnFamilies
        assert.deepEqual([first!.name, first!.entries, second!.name, second!.entries], ['default', 3000, 'x', 3030])
        const blobTable = second!.tables.find(({ name }) => name === 'blobs')!
        assert.deepEqual([blobTable.entries, blobTable.keyCodec, blobTable.valueCodec], [30, 'uint', 'bytes'])
        assert.equal(blobTable.overflowPages, 30)
        assert.equal(first!.bytes, first!.pages * PAGE_BYTES)
        const { total, reachable, free, pending, unknown } = report.pages
        assert.equal(reachable + free + pending, total)
        assert.equal(unknown, 0)
        assert.equal(reachable, 3 + first!.pages + second!.pages)
        assert.ok(total * PAGE_BYTES >= disk.contents(PATH).length)
        assert.equal(report.log.records, journal === 'off' ? 0 : 7)
        assert.equal(db.stats().pins, 0)
      })
    })

    test('goes on beside writers, checkpoints, drops and snapshots, and finds nothing', async () => {
      await withDatabase(journal, async db => {
        await filled(db)
        const running = { isOver: false }
        const writer = (async () => {
          for (let i = 0; !running.isOver; i++) {
            await db.table(words).put(`k${(i * 37) % 3000}`, `${i} `.repeat(40))
            await db
              .columnFamily('x')
              .table(blobs)
              .put(i % 40, fill(9000, i), { durability: 'none' })
            if (i % 20 === 7)
              await db
                .columnFamily('x')
                .table(numbers)
                .deleteRange({ gte: i, lt: i + 50 })
            if (i % 60 === 9)
              await db
                .columnFamily(`f${i % 3}`)
                .table(words)
                .put('a', 'b')
            if (i % 60 === 30) await db.dropColumnFamily(`f${(i - 21) % 3}`)
            if (i % 10 === 0) await db.checkpoint()
          }
        })()
        for (let i = 0; i < runs(12); i++) {
          const snapshot = db.snapshot()
          const report = await db.verify()
          snapshot.close()
          assert.deepEqual(faultsOf(report), [])
          await turns(i % 5)
        }
        running.isOver = true
        await writer
        assert.equal(db.stats().pins, 0)
      })
    })

    test('tells how far it is, ends with its signal and with the database', async () => {
      await withDatabase(journal, async db => {
        await filled(db, 60_000)
        await db.checkpoint()
        const seen: VerifyProgress[] = []
        const report = await db.verify({ onProgress: progress => void seen.push(progress) })
        assert.ok(seen.length > 1, `${seen.length} calls`)
        assert.ok(seen.every(({ pages }, i) => i === 0 || pages >= seen[i - 1]!.pages))
        assert.ok(seen.at(-1)!.pages <= report.pages.reachable)
        assert.ok(seen.at(-1)!.totalPages >= report.pages.reachable)
        const controller = new AbortController()
        const aborted = db.verify({ signal: controller.signal, onProgress: () => controller.abort('enough') })
        await rejects(aborted, 'MANIFOLD_ABORTED', /Nothing was changed/)
        await rejects(db.verify({ signal: controller.signal }), 'MANIFOLD_ABORTED', /Nothing was changed/)
        await rejects(db.verify({ onprogress: 1 } as never), 'MANIFOLD_INVALID_ARGUMENT', /onProgress/)
        assert.equal(db.stats().pins, 0)
        const closed = rejects(db.verify(), 'MANIFOLD_CLOSED', /closed/)
        await db.close()
        await closed
        await rejects(db.verify(), 'MANIFOLD_CLOSED', /closed/)
      })
    })
  })
}

describe('verify', () => {
  test('finds a flipped bit in every page that is in use, names the table, and reads on behind it', async () => {
    const disk = newDisk()
    const whole = await openOn(disk, 'sync')
    await filled(whole, 2000)
    await whole.close()
    const db = await openOn(disk, 'sync', { readOnly: true })
    const { pages, columnFamilies } = await db.verify()
    const entries = columnFamilies.flatMap(family => family.tables.map(table => table.entries))
    let found = 0
    for (let page = 0; page < pages.total; page++) {
      const offset = (page * 997) % (PAGE_BYTES - 3000)
      damagePage(disk, page, offset)
      const report = await db.verify()
      damagePage(disk, page, offset)
      assert.equal(report.ok, report.problems.length === 0)
      if (report.ok) continue
      found++
      assert.equal(report.problems.length, 1, `page ${page}: ${faultsOf(report)}`)
      const { place, table, columnFamily, error } = report.problems[0]!
      assert.equal(error.code, 'MANIFOLD_CORRUPTION')
      // A long value has one checksum, and its first page stands for it.
      const first = Math.floor(error.offset! / PAGE_BYTES)
      assert.ok(first === page || (first < page && first > page - 3 && /the value/.test(error.message)), error.message)
      assert.ok(error.expected !== undefined && error.found !== undefined && error.file === PATH)
      if (place !== 'tree') continue
      assert.ok(table !== undefined && columnFamily !== undefined)
      const counted = report.columnFamilies.flatMap(family => family.tables.map(each => each.entries))
      assert.deepEqual(counted, entries, 'what cannot be read is taken from the page above')
      assert.ok(report.columnFamilies.some(family => family.tables.some(each => each.uncheckedEntries > 0)))
    }
    // Free pages have no meaning; of a long value's last page and of the catalog's only the bytes in use count.
    assert.ok(found > pages.reachable - 40 && found <= pages.reachable, `${found} of ${pages.reachable}`)
    await db.close()
  })

  for (const journal of LOGS) {
    test(`journal '${journal}': finds damage in the log of an open database`, async () => {
      await withDatabase(journal, async (db, disk) => {
        for (let i = 0; i < 300; i++) await db.table(words).put(`k${i}`, 'x'.repeat(800))
        const whole = await db.verify()
        assert.ok(whole.ok && whole.log.records === 300)
        const logs = disk.listSync('/data').filter(name => name.includes('-wal'))
        let found = 0
        for (const name of logs) {
          const path = `/data/${name}`
          const size = disk.contents(path).length
          for (let offset = 0; offset < size; offset += 10_007) {
            const old = disk.contents(path)[offset]!
            disk.damage(path, offset, Uint8Array.of(old ^ 4))
            const report = await db.verify()
            disk.damage(path, offset, Uint8Array.of(old))
            if (report.ok) continue
            found++
            assert.deepEqual(
              report.problems.map(({ place, error }) => [place, error.code]),
              [['log', 'MANIFOLD_CORRUPTION']],
            )
            if (offset >= 4096) assert.ok(report.problems[0]!.error.offset! <= offset)
          }
        }
        assert.ok(found >= 20, `${found} found`)
        assert.ok((await db.verify()).ok)
      })
    })

    test(`journal '${journal}': a transaction longer than a piece is read in pieces`, async () => {
      await withDatabase(journal, async (db, disk) => {
        await db.table(blobs).put(1, fill(5_000_000, 1))
        await db.table(words).put('after', 'it')
        assert.deepEqual((await db.verify()).log.records, 2)
        const log = disk
          .listSync('/data')
          .find(name => name.includes('-wal') && disk.contents(`/data/${name}`).length > 4_500_000)!
        disk.damage(`/data/${log}`, 4_000_000, Uint8Array.of(disk.contents(`/data/${log}`)[4_000_000]! ^ 1))
        assert.match(faultsOf(await db.verify()).join(), /payload does not match/)
      })
    })
  }

  test('while a state is being written that no header names, it waits for it', async () => {
    const gate = new GatedDisk()
    const db = await openOn(gate.disk, 'async')
    await filled(db, 500)
    await db.checkpoint()
    await db.table(words).put('k1', 'new')
    gate.disk.onOperation = ({ kind, path }) => {
      // The merge's own writes go through; catalog and free map wait.
      if (kind === 'write' && path === PATH) gate.shut()
      return undefined
    }
    const checkpoint = db.checkpoint()
    await turns(20)
    const verified = db.verify()
    assert.equal(await stateOf(verified, 20), 'pending')
    gate.disk.onOperation = undefined
    gate.open()
    await checkpoint
    assert.deepEqual(faultsOf(await verified), [])
    await db.close()
  })

  test('while the slots name different states, both are read and neither is free', async () => {
    const gate = new GatedDisk()
    const db = await openOn(gate.disk, 'async')
    await filled(db, 500)
    await db.checkpoint()
    let headers = 0
    const gap = { isOpen: false }
    // The gate shuts when the first of a checkpoint's two header slots has been written.
    gate.disk.onOperation = ({ kind, path, position }) => {
      if (kind === 'write' && path === PATH && position < 2 * PAGE_BYTES && ++headers === 2) gap.isOpen = true
      if (gap.isOpen) gate.shut()
      return undefined
    }
    await db.table(words).putMany(Array.from({ length: 500 }, (_, i) => [`k${i}`, 'new'] as const))
    const checkpoint = db.checkpoint()
    while (!gap.isOpen) await turns(1)
    const report = await db.verify()
    assert.deepEqual(faultsOf(report), [])
    assert.ok(report.pages.pending > 0)
    gate.disk.onOperation = undefined
    gate.open()
    await checkpoint
    assert.deepEqual(faultsOf(await db.verify()), [])
    await db.close()
  })
})

describe('the accounts of pages', () => {
  async function withState(body: (state: FileState) => void): Promise<void> {
    const disk = newDisk()
    const db = await openOn(disk, 'sync')
    await filled(db, 500)
    await db.checkpoint()
    await db.columnFamily('y').table(blobs).put(1, fill(50_000, 1))
    await db.checkpoint()
    await db.dropColumnFamily('x')
    await db.close()
    const pager = Pager.openSync(disk, PATH, false)
    try {
      body(fileState(pager))
    } finally {
      pager.closeSync()
    }
  }

  function faults(state: FileState): string[] {
    const problems = new Problems()
    atOnce(new PageCheck(state, problems).run())
    return problems.list.map(({ place, error }) => `${place}: ${error.message}`)
  }

  function listOf(...pages: readonly number[]): ExtentList {
    const list = new ExtentList()
    for (const page of pages) list.push(page, 1)
    return list
  }

  test('a page that is reached and free, free twice, lost, or beyond the end is found', async () => {
    await withState(state => {
      assert.deepEqual(faults(state), [])
      const free = state.free.first(0)
      assert.ok(state.free.pages > 2)
      const root = state.header.meta.page
      assert.match(faults({ ...state, pending: [listOf(root)] }).join(), /not reached, found reached/)
      assert.match(faults({ ...state, pending: [listOf(free)] }).join(), /free once, found free twice/)
      assert.match(faults({ ...state, free: new ExtentList() }).join(), /neither/)
      assert.match(faults({ ...state, pending: [listOf(state.pageCount)] }).join(), /pages below/)
      const longer = { ...state, pageCount: state.pageCount + 1 }
      assert.equal(faults(longer).length, 1)
      assert.match(faults(longer).join(), /1 pages.*neither/)
    })
  })

  test('a free page that the other header slot reaches is found', async () => {
    await withState(state => {
      const other = { ...state.header, generation: 1 }
      assert.deepEqual(faults({ ...state, other }), [])
      const inUse = listOf(state.header.meta.page)
      assert.ok(faults({ ...state, other, free: inUse }).some(fault => fault.includes('the other header slot reaches')))
    })
  })
})

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { JournalMode } from '../../src/index.ts'
import { verify } from '../../src/repair.ts'
import type { SimulatedDisk } from '../../src/platform/simulated/disk.ts'
import { crash } from '../support/crash.ts'
import { LOGS, openOn, PATH, words } from '../support/open.ts'
import { copyOf, damagePage, History, salvaged, same } from './damaged.ts'
import type { Held } from './damaged.ts'

async function unclean(journal: JournalMode, commits = 60): Promise<{ disk: SimulatedDisk; held: Held }> {
  const history = await History.make(journal)
  await history.fill()
  await history.writeLog(commits)
  const held = history.held()
  return { disk: await crash(history.db, history.disk, 'all'), held }
}

function logsOf(disk: SimulatedDisk): string[] {
  return disk
    .listSync('/data')
    .filter(name => name.startsWith('app.manifold-wal'))
    .map(name => `/data/${name}`)
}

/** The last byte of a log file that is not zero. */
function endOf(disk: SimulatedDisk, path: string): number {
  return disk.contents(path).findLastIndex(byte => byte !== 0)
}

for (const journal of LOGS) {
  describe(`journal '${journal}': salvage of a database with a log`, () => {
    test('takes all of it, and verify of the files finds nothing', async () => {
      const { disk, held } = await unclean(journal)
      const { report, contents } = await salvaged(disk, held, 'whole')
      assert.ok(report.log.records >= 60)
      assert.equal(report.log.lostCommits, 0)
      same(contents, held.now, 'everything')
      const checked = await verify(PATH, { fileSystem: disk })
      assert.deepEqual([checked.ok, checked.log.records], [true, report.log.records])
    })

    test('damaged anywhere in its log, it has what stands in front and behind, and says what is missing', async () => {
      const { disk, held } = await unclean(journal, 100)
      const outcome = { whole: 0, gaps: 0, tails: 0 }
      for (const path of logsOf(disk)) {
        const end = endOf(disk, path)
        const offsets = Array.from({ length: Math.ceil(end / 9001) }, (_, i) => i * 9001)
        for (const offset of [...offsets, end - 20]) {
          const copy = copyOf(disk)
          copy.damage(path, offset, Uint8Array.of(copy.contents(path)[offset]! ^ 0x20))
          const { report } = await salvaged(copy, held, `byte ${offset} of ${path}`)
          const { damage, lostCommits } = report.log
          if (damage.length === 0) outcome.whole++
          else if (damage[0]!.to === undefined) outcome.tails++
          else {
            outcome.gaps++
            assert.equal(lostCommits, 1, 'one damaged byte is in one record')
            assert.equal(damage[0]!.file, path)
            assert.ok(damage[0]!.offset <= offset)
            assert.ok(report.tables.every(({ possiblyStale }) => possiblyStale))
          }
          if (damage.length > 0) assert.ok(!report.whole)
        }
      }
      assert.ok(outcome.gaps > 4 && outcome.tails > 0, JSON.stringify(outcome))
    })

    test('without its log, or with a segment missing, it has the rest and says so', async () => {
      const { disk, held } = await unclean(journal, 200)
      const logs = logsOf(disk)
      for (const missing of [logs, [logs[0]!], [logs.at(-1)!]]) {
        const copy = copyOf(disk)
        for (const path of missing) copy.removeSync(path)
        const { report } = await salvaged(copy, held, `without ${missing}`)
        if (missing === logs) {
          assert.ok(report.tables.every(({ reasons }) => reasons.includes('the log is missing')))
          assert.ok(!(await verify(PATH, { fileSystem: copy })).ok)
        }
      }
    })

    test('with a damaged segment header, its records are still placed', async () => {
      const { disk, held } = await unclean(journal, 200)
      for (const path of logsOf(disk)) {
        const copy = copyOf(disk)
        copy.damage(path, 20, Uint8Array.of(copy.contents(path)[20]! ^ 1))
        const { contents } = await salvaged(copy, held, `header of ${path}`)
        same(contents, held.now, 'everything')
      }
    })

    test('with both header slots damaged, the log still follows the trees', async () => {
      const { disk, held } = await unclean(journal)
      for (const offset of [100, 42, 57]) {
        const copy = copyOf(disk)
        for (const slot of [0, 1]) damagePage(copy, slot, 'bit', offset)
        const { contents } = await salvaged(copy, held, `slots at ${offset}`)
        same(contents, held.now, 'everything')
      }
    })

    test('while the two slots name different states, either one and the log give everything', async () => {
      const history = await History.make(journal)
      await history.fill()
      await history.writeLog(30)
      const held = history.held()
      const { disk, db } = history
      let image: SimulatedDisk | undefined
      disk.onOperation = ({ kind, path, position }) => {
        // The second of a checkpoint's header writes: the first is done and synced.
        if (kind === 'write' && path === PATH && position < 2 * 8192 && ++headers === 2) image = copyOf(disk)
        return undefined
      }
      let headers = 0
      await db.checkpoint()
      disk.onOperation = undefined
      await db.close()
      for (const slot of [0, 1]) {
        const copy = copyOf(image!)
        damagePage(copy, slot, 'zeros')
        const { contents, report } = await salvaged(copy, held, `without slot ${slot}`)
        same(contents, held.now, 'everything')
        assert.equal(report.headerSlots, 1)
      }
    })
  })
}

test('drops, renames and range deletions in the log are carried out', async () => {
  const history = await History.make('sync')
  const { db, disk } = history
  await history.fill()
  await db.renameColumnFamily('small', 'smaller')
  await db.columnFamily('x').dropTable('blobs')
  await db.table(words).deleteRange({ gte: 'k1', lt: 'k2' })
  await db.columnFamily('gone').table(words).put('a', 'b')
  await db.dropColumnFamily('gone')
  await db.columnFamily('gone').table(words).put('c', 'd')
  const held = history.held()
  const left = await crash(db, disk, 'all')
  const { contents } = await salvaged(left, held, 'changes of the catalog')
  same(contents, held.now, 'everything')
  const again = await openOn(left, 'sync')
  await again.close()
})

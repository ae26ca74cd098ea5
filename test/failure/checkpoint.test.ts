import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Database, DatabaseError, JournalMode } from '../../src/index.ts'
import type { SimulatedDisk } from '../../src/platform/simulated/disk.ts'
import type { Operation } from '../../src/platform/simulated/operation.ts'
import { SeededRandom } from '../../src/platform/simulated/random.ts'
import { Fault, nth } from '../support/faults.ts'
import { JOURNALS, newDisk, numbers, openOn, PATH, turns, words } from '../support/open.ts'
import { checkPages, damageNewerSlot } from '../support/pages.ts'
import { rejects } from '../support/refusal.ts'

/** Operations that change the data file. */
function isData({ path, kind }: Operation): boolean {
  return path === PATH && (kind === 'write' || kind === 'sync' || kind === 'truncate')
}

const LONG = 'long'.repeat(10_000)

/** A database with two checkpoints behind it and changes before it: replaced leaves, long values, a drop, a new table. */
async function prepared(disk: SimulatedDisk, journal: JournalMode, heard?: DatabaseError[]): Promise<Database> {
  const db = await openOn(disk, journal, { onBackgroundError: error => void heard?.push(error) })
  await db.table(words).putMany(Array.from({ length: 300 }, (_, i) => [`k${i}`, 'old'.repeat(40)] as const))
  await db.columnFamily('dropped').table(words).put('long', LONG)
  await db.checkpoint()
  await db.table(words).deleteRange({ prefix: 'k1' })
  await db.checkpoint()
  await db.table(words).putMany(Array.from({ length: 100 }, (_, i) => [`k${3 * i}`, 'new'.repeat(40)] as const))
  await db.columnFamily('x').table(words).put('long', LONG)
  await db.dropColumnFamily('dropped')
  return db
}

function check(db: Database, journal: JournalMode, extra: number): void {
  const t = db.table(words)
  for (let i = 0; i < 300; i++) {
    const old = i < 300 && String(i).startsWith('1') ? undefined : 'old'.repeat(40)
    assert.equal(t.get(`k${i}`), i % 3 === 0 ? 'new'.repeat(40) : old, `k${i}`)
  }
  assert.equal(db.columnFamily('x').table(words).get('long'), LONG)
  assert.deepEqual(db.columnFamilies().includes('dropped'), false)
  assert.equal(db.table(numbers).count(), extra, `journal ${journal}`)
}

for (const journal of JOURNALS) {
  describe(`journal '${journal}': a checkpoint`, () => {
    for (const code of ['EIO', 'ENOSPC']) {
      for (const alone of [true, false]) {
        test(`that fails with ${code} in any operation on the data file${alone ? '' : ' and all after it'}, fails alone`, async () => {
          let failures = 0
          for (let hit = 1; ; hit++) {
            const disk = newDisk()
            const db = await prepared(disk, journal)
            const broken = new Fault(disk, code, nth(hit, alone, isData))
            const outcome = await db.checkpoint().then(
              () => undefined,
              (error: DatabaseError) => error,
            )
            if (broken.hits === 0) {
              assert.equal(outcome, undefined)
              broken.heal()
              await db.close()
              break
            }
            failures++
            assert.equal(outcome?.code, code === 'EIO' ? 'MANIFOLD_IO' : 'MANIFOLD_NO_SPACE', `operation ${hit}`)
            assert.match(outcome!.message, /data\/app\.manifold.*(Check the disk|Free space)/)
            assert.equal(db.stats().checkpoints.failed, 1)
            check(db, journal, 0)
            await db.table(numbers).put(1, 1)
            db.writeSync(txn => txn.table(numbers).put(2, 2))
            check(db, journal, 2)
            for (const mode of ['all', 'none', 'random', 'random', 'prefix'] as const) {
              const cut = disk.crash(new SeededRandom(hit), { mode })
              if (journal === 'off') {
                const after = await openOn(cut, journal)
                assert.ok(after.table(words).count() > 0)
                await after.close()
              } else {
                const after = await openOn(cut, journal)
                check(after, journal, 2)
                await after.close()
              }
              checkPages(cut, PATH)
            }
            broken.heal()
            await db.checkpoint()
            check(db, journal, 2)
            await db.table(numbers).put(3, 3)
            await db.close()
            checkPages(disk, PATH)
            const again = await openOn(disk, journal)
            check(again, journal, 3)
            await again.close()
          }
          assert.ok(failures >= 6, `only ${failures} operations`)
        })
      }
    }

    test('after one that failed anywhere may be cut anywhere, and nothing is lost', async () => {
      for (let hit = 1; ; hit++) {
        let ended = false
        let failed = true
        let damaged = false
        for (let cut = 1; !ended; cut++) {
          const disk = newDisk()
          const db = await prepared(disk, journal)
          const snapshot = db.snapshot()
          const broken = new Fault(disk, 'EIO', nth(hit, true, isData))
          failed = await db.checkpoint().then(
            () => false,
            () => true,
          )
          broken.heal()
          // What it has pinned could be used again now, but for the slots.
          snapshot.close()
          await db.table(numbers).put(1, 1)
          disk.cutPowerAt(disk.operations + cut)
          await db.checkpoint().catch(() => {})
          ended = disk.powered
          disk.cutPower()
          await db.close().catch(() => {})
          for (const mode of ['all', 'all', 'none', 'random'] as const) {
            const image = disk.crash(new SeededRandom(hit * 100 + cut), { mode, tornSectors: true })
            damaged = !damaged && journal !== 'off' && damageNewerSlot(image)
            const after = await openOn(image, journal)
            if (journal === 'off') assert.ok(after.table(words).count() > 0)
            else check(after, journal, 1)
            await after.close()
            checkPages(image, PATH)
          }
        }
        if (!failed) break
      }
    })

    test('that fails again and again leaks no pages, and close fails with its error until it can be done', async () => {
      const disk = newDisk()
      const db = await prepared(disk, journal)
      for (let round = 0; round < 6; round++) {
        const broken = new Fault(disk, 'ENOSPC', nth(1 + round, false, isData))
        await rejects(db.checkpoint(), 'MANIFOLD_NO_SPACE', /Free space on the disk/)
        broken.heal()
        await db.table(numbers).put(round, round)
      }
      const { bytes } = db.stats().file
      for (let round = 0; round < 6; round++) {
        const broken = new Fault(disk, 'EIO', nth(2 + round, true, isData))
        await db.checkpoint().catch(() => {})
        broken.heal()
        await db.checkpoint()
      }
      assert.ok(db.stats().file.bytes <= bytes * 2, 'the file does not grow with each failure')
      await db.table(numbers).put(6, 6)
      const broken = new Fault(disk, 'ENOSPC', isData)
      await rejects(db.close(), 'MANIFOLD_NO_SPACE', /Free space/)
      broken.heal()
      const again = await openOn(disk, journal)
      check(again, journal, journal === 'off' ? 6 : 7)
      await again.close()
      checkPages(disk, PATH)
    })

    test('that was started by a full buffer and fails is told in the background, and to who waits for memory', async () => {
      const disk = newDisk()
      const heard: DatabaseError[] = []
      const db = await openOn(disk, journal, {
        writeBufferBytes: 1 << 20,
        onBackgroundError: error => void heard.push(error),
      })
      const broken = new Fault(disk, 'ENOSPC', isData)
      const outcomes = await Promise.allSettled(
        Array.from({ length: 100 }, (_, i) => db.table(words).put(`k${i}`, 'x'.repeat(30_000))),
      )
      const codes = outcomes.flatMap(outcome =>
        outcome.status === 'rejected' ? [(outcome.reason as DatabaseError).code] : [],
      )
      assert.deepEqual([...new Set(codes)], ['MANIFOLD_NO_SPACE'])
      assert.ok(codes.length < 100, 'those that found memory were committed')
      await turns()
      assert.ok(heard.length > 0 && heard.every(error => error.code === 'MANIFOLD_NO_SPACE'))
      assert.equal(db.table(words).count(), 100 - codes.length)
      broken.heal()
      for (let i = 0; i < 100; i++) await db.table(words).put(`k${i}`, 'y'.repeat(30_000))
      assert.equal(db.table(words).count(), 100)
      await db.close()
      checkPages(disk, PATH)
    })

    test('that fails while a snapshot is open keeps what the snapshot sees', async () => {
      const disk = newDisk()
      const db = await prepared(disk, journal)
      const snapshot = db.snapshot()
      const iterator = db.table(words).range()
      for (let hit = 1; hit < 8; hit++) {
        const broken = new Fault(disk, 'EIO', nth(hit, true, isData))
        await db.checkpoint().catch(() => {})
        broken.heal()
        await db.table(words).put(`k${hit}`, 'newer')
        if (hit % 2 === 0) await db.checkpoint()
        assert.equal(snapshot.table(words).get('k3'), 'new'.repeat(40))
      }
      const expected = Array.from({ length: 300 }, (_, i) => i).filter(i => i % 3 === 0 || !String(i).startsWith('1'))
      assert.deepEqual(iterator.map(([key]) => key).toArray(), expected.map(i => `k${i}`).sort())
      snapshot.close()
      await db.close()
      checkPages(disk, PATH)
    })
  })
}

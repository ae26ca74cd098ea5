import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Database, DatabaseError, OpenOptions } from '../../src/index.ts'
import { fill, blobs, newDisk, numbers, openOn, turns, withDatabase, words } from '../support/open.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** Collects garbage until `isDone`, or gives up. */
async function collectUntil(isDone: () => boolean): Promise<boolean> {
  for (let i = 0; i < 20 && !isDone(); i++) {
    await turns(2)
    collect()
  }
  return isDone()
}

async function withReports(
  body: (db: Database, reports: DatabaseError[]) => Promise<void>,
  options: OpenOptions = {},
): Promise<void> {
  const reports: DatabaseError[] = []
  await withDatabase('async', async db => body(db, reports), {
    ...options,
    onBackgroundError: error => void reports.push(error),
  })
}

/** In a function of its own, so that nothing of it stays on the stack. */
function forgetSnapshot(db: Database): void {
  db.snapshot()
}

function forgetIterator(db: Database): void {
  db.table(numbers).range().next()
}

describe('a snapshot that is forgotten', () => {
  test('is listed while it is open: age, bytes that it keeps, and where it was opened if asked for', async () => {
    await withReports(
      async db => {
        await db.table(blobs).put(1, fill(100_000, 1))
        await db.checkpoint()
        assert.deepEqual(db.stats().snapshots, [])
        const first = db.snapshot()
        await db.table(blobs).put(1, fill(100_000, 2))
        const second = db.snapshot()
        assert.deepEqual(
          db.stats().snapshots.map(({ kind, pinnedBytes }) => [kind, pinnedBytes]),
          [
            ['snapshot', 0],
            ['snapshot', 0],
          ],
          'what the database itself needs is not theirs',
        )
        await db.checkpoint()
        await db.table(blobs).put(1, fill(100, 3))
        await db.checkpoint()
        const [oldest, younger] = db.stats().snapshots
        assert.ok(oldest!.ageMillis >= younger!.ageMillis && younger!.ageMillis >= 0)
        assert.ok(oldest!.pinnedBytes >= 200_000, `${oldest!.pinnedBytes}`)
        assert.ok(younger!.pinnedBytes >= 100_000)
        assert.match(oldest!.openedAt!, /forgotten\.test/)
        first.close()
        assert.equal(db.stats().snapshots.length, 1)
        second.close()
        assert.deepEqual(db.stats().snapshots, [])
      },
      { traceSnapshots: true },
    )
    await withReports(async db => {
      const snapshot = db.snapshot()
      assert.equal(db.stats().snapshots[0]!.openedAt, undefined)
      snapshot.close()
    })
  })

  test('is closed and reported when it is collected, and what it kept is free again', async () => {
    for (const traceSnapshots of [false, true]) {
      await withReports(
        async (db, reports) => {
          await db.table(blobs).put(1, fill(100_000, 1))
          forgetSnapshot(db)
          await db.table(blobs).put(1, fill(100_000, 2))
          await db.checkpoint()
          assert.equal(db.stats().openSnapshots, 1)
          assert.ok(db.stats().memory.pinnedBytes > 0)
          assert.ok(await collectUntil(() => reports.length > 0))
          assert.equal(reports[0]!.code, 'MANIFOLD_SNAPSHOT_LEAKED')
          assert.match(reports[0]!.message, /forgotten snapshot .* kept \d{6,} bytes .*close\(\)/)
          if (traceSnapshots) assert.match(reports[0]!.message, /forgetSnapshot/)
          assert.deepEqual([db.stats().pins, db.stats().openSnapshots, db.stats().memory.pinnedBytes], [0, 0, 0])
        },
        { traceSnapshots },
      )
    }
  })

  test('is not taken from somebody who still reads through one of its tables, or from an iterator', async () => {
    await withReports(async (db, reports) => {
      await db.table(words).put('a', 'b')
      const t = db.snapshot().table(words)
      const entries = db.snapshot().table(words).range()
      await collectUntil(() => false)
      assert.equal(t.get('a'), 'b')
      assert.deepEqual(entries.toArray(), [['a', 'b']])
      assert.deepEqual(reports, [])
    })
  })

  test('is no matter once the database is closed', async () => {
    const reports: DatabaseError[] = []
    const db = await openOn(newDisk(), 'async', { onBackgroundError: error => void reports.push(error) })
    await db.table(words).put('a', 'b')
    forgetSnapshot(db)
    await db.close()
    await collectUntil(() => false)
    assert.deepEqual(reports, [])
  })
})

describe('an iterator that is forgotten', () => {
  test('is closed and reported when it is collected', async () => {
    await withReports(async (db, reports) => {
      await db.table(numbers).putMany(Array.from({ length: 100 }, (_, i) => [i, i] as const))
      forgetIterator(db)
      assert.equal(db.stats().pins, 1)
      // So many later ones have it looked at; what ends at once is never watched.
      for (let i = 0; i < 1100; i++) assert.equal(db.table(numbers).range({ limit: 3 }).toArray().length, 3)
      assert.deepEqual(
        db.stats().snapshots.map(({ kind }) => kind),
        ['iterator'],
      )
      assert.ok(await collectUntil(() => reports.length > 0))
      assert.equal(reports.length, 1)
      assert.equal(reports[0]!.code, 'MANIFOLD_SNAPSHOT_LEAKED')
      assert.match(reports[0]!.message, /forgotten iterator/)
      assert.equal(db.stats().pins, 0)
    })
  })

  test('is looked for after a second, too; one that ends before is none', async () => {
    await withReports(async (db, reports) => {
      await db.table(numbers).putMany(Array.from({ length: 100 }, (_, i) => [i, i] as const))
      const open = db.table(numbers).range()
      open.next()
      const late = db.table(numbers).keys()
      late.next()
      await new Promise(resolve => setTimeout(resolve, 1100))
      assert.equal(db.stats().snapshots.length, 2)
      assert.ok(db.stats().snapshots[0]!.ageMillis >= 1000)
      late.return!()
      assert.equal(open.toArray().length, 99)
      assert.deepEqual(db.stats().snapshots, [])
      await collectUntil(() => false)
      assert.deepEqual(reports, [])
    })
  })
})

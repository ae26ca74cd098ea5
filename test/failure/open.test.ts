import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { DatabaseError, ErrorCode, JournalMode } from '../../src/index.ts'
import { PAGE_CACHE_BYTES_MIN } from '../../src/base/limits.ts'
import type { SimulatedDisk } from '../../src/platform/simulated/disk.ts'
import type { Operation } from '../../src/platform/simulated/operation.ts'
import { crash } from '../support/crash.ts'
import { Fault, nth } from '../support/faults.ts'
import { JOURNALS, newDisk, openOn, PATH, words } from '../support/open.ts'
import { checkPages } from '../support/pages.ts'
import { checkRefusal, rejects } from '../support/refusal.ts'

const CODES: Readonly<Record<string, readonly [ErrorCode, RegExp]>> = {
  EIO: ['MANIFOLD_IO', /Check the disk and the system log/],
  ENOSPC: ['MANIFOLD_NO_SPACE', /Free space on the disk/],
  EMFILE: ['MANIFOLD_NO_HANDLES', /ulimit -n/],
  EACCES: ['MANIFOLD_PERMISSION', /permission/],
  EROFS: ['MANIFOLD_READ_ONLY', /mounted for reading only/],
}

/** What an opening may find. */
const STATES: Readonly<Record<string, (journal: JournalMode) => Promise<SimulatedDisk>>> = {
  'no database': async () => newDisk(),
  'a closed database': async journal => {
    const disk = newDisk()
    const db = await openOn(disk, journal)
    await db.table(words).put('a', '1')
    await db.close()
    return disk
  },
  'a database that needs recovery': async () => {
    const disk = newDisk()
    const db = await openOn(disk, 'sync')
    await db.table(words).put('a', '1')
    await db.checkpoint()
    await db.table(words).put('b', 'x'.repeat(9000))
    await db.columnFamily('x').table(words).put('b', '1', { durability: 'none' })
    return crash(db, disk, 'all')
  },
}

function contentsOf(disk: SimulatedDisk): Map<string, Uint8Array> {
  return new Map(disk.listSync('/data').map(name => [name, disk.contents(`/data/${name}`)]))
}

function isAny({ kind, path }: Operation): boolean {
  return path.startsWith('/data') && kind !== 'remove'
}

for (const journal of JOURNALS) {
  describe(`journal '${journal}': opening`, () => {
    for (const [state, make] of Object.entries(STATES)) {
      test(`${state}, with an error of any operation, refuses with its code, and a later opening finds everything`, async () => {
        for (const [system, [code, advice]] of Object.entries(CODES)) {
          for (const alone of [true, false]) {
            let refusals = 0
            // Every operation for one kind of error, and a few for the others, which differ in their codes alone.
            for (let hit = 1; ; hit += system === 'EIO' ? 1 : 9) {
              const disk = await make(journal)
              const expected = await openOn(disk.crash({} as never, { mode: 'all' }), journal)
              const contents = expected
                .columnFamilies()
                .map(name => [name, expected.columnFamily(name).table(words).range().toArray()])
              await expected.close()
              const broken = new Fault(disk, system, nth(hit, alone, isAny))
              let opened = true
              try {
                const db = await openOn(disk, journal)
                broken.heal()
                await db.close()
              } catch (error) {
                opened = false
                refusals++
                const refusal = error as DatabaseError
                assert.equal(refusal.code, code, `operation ${hit}: ${refusal.message}`)
                assert.match(refusal.message, advice)
                assert.match(refusal.message, /^Could not /)
              }
              broken.heal()
              const again = await openOn(disk, journal)
              assert.deepEqual(
                again.columnFamilies().map(name => [name, again.columnFamily(name).table(words).range().toArray()]),
                contents,
                `operation ${hit} with ${system}`,
              )
              await again.close()
              checkPages(disk, PATH)
              if (opened && broken.hits === 0) break
              assert.ok(hit < 300)
            }
            assert.ok(refusals > (system === 'EIO' ? 1 : 0), `${refusals} refusals`)
          }
        }
      })
    }

    test('is ended by its signal, before and during recovery, and the files stay as they are', async () => {
      const disk = await STATES['a database that needs recovery']!(journal)
      const before = contentsOf(disk)
      const reason = new Error('no more')
      const gone = await rejects(openOn(disk, journal, { signal: AbortSignal.abort(reason) }), 'MANIFOLD_ABORTED', /./)
      assert.equal(gone.cause, reason)
      const aborter = new AbortController()
      let calls = 0
      const aborted = openOn(disk, journal, {
        signal: aborter.signal,
        onRecovery: ({ bytes, totalBytes, entries }) => {
          calls++
          assert.ok(bytes >= 0 && bytes <= totalBytes && entries >= 0)
          aborter.abort(reason)
        },
      })
      const error = await rejects(aborted, 'MANIFOLD_ABORTED', /files are as they were/)
      assert.equal(error.cause, reason)
      assert.equal(calls, 1)
      assert.deepEqual(contentsOf(disk), before)
      const last: number[] = []
      const db = await openOn(disk, journal, {
        onRecovery: ({ bytes, entries }) => void last.push(bytes, entries),
      })
      assert.equal(last.at(-1), 2, 'the entries replayed')
      assert.equal(db.table(words).get('a'), '1')
      await db.close()
    })

    test('for reading only writes nothing, and refuses what would', async () => {
      const disk = await STATES['a closed database']!(journal)
      const before = contentsOf(disk)
      const { operations } = disk
      const db = await openOn(disk, journal, { readOnly: true })
      assert.equal(db.table(words).get('a'), '1')
      const snapshot = db.snapshot()
      assert.equal(snapshot.table(words).count(), 1)
      snapshot.close()
      const advice = /open it without readOnly to write/
      await rejects(db.table(words).put('a', '2'), 'MANIFOLD_READ_ONLY', advice)
      await rejects(db.table(words).delete('zzz'), 'MANIFOLD_READ_ONLY', advice)
      await rejects(
        db.write(() => {}),
        'MANIFOLD_READ_ONLY',
        advice,
      )
      await rejects(db.beginWrite(), 'MANIFOLD_READ_ONLY', advice)
      await rejects(db.dropColumnFamily('default'), 'MANIFOLD_READ_ONLY', advice)
      await rejects(db.dropTable(words), 'MANIFOLD_READ_ONLY', advice)
      await rejects(db.renameColumnFamily('default', 'x'), 'MANIFOLD_READ_ONLY', advice)
      await rejects(db.checkpoint(), 'MANIFOLD_READ_ONLY', advice)
      assert.throws(() => db.writeSync(() => {}), { code: 'MANIFOLD_READ_ONLY' })
      await db.sync()
      assert.equal(db.stats().checkpoints.count, 0)
      await db.close()
      assert.equal(disk.operations, operations)
      assert.deepEqual(contentsOf(disk), before)

      const unclean = await STATES['a database that needs recovery']!(journal)
      const files = contentsOf(unclean)
      await rejects(openOn(unclean, journal, { readOnly: true }), 'MANIFOLD_READ_ONLY', /open it once without readOnly/)
      assert.deepEqual(contentsOf(unclean), files)
      await rejects(openOn(newDisk(), journal, { readOnly: true }), 'MANIFOLD_NOT_FOUND', /check the path/)
    })

    test('for reading only, without a lock, beside a writer: what was there when it was opened, or a refusal', async () => {
      const disk = newDisk()
      const writer = await openOn(disk, journal)
      const before = Array.from({ length: 300 }, (_, i): [string, string] => [`k${i}`, `first ${i} `.repeat(250)])
      await writer.table(words).putMany(before)
      await writer.close()
      const noLock = new Fault(disk, 'EACCES', ({ kind }) => kind === 'lock')
      const reader = await openOn(disk, journal, { readOnly: true, pageCacheBytes: PAGE_CACHE_BYTES_MIN })
      noLock.heal()
      const beside = await openOn(disk, journal)
      let refused = 0
      for (let round = 1; round <= 6; round++) {
        await beside.table(words).putMany(before.map(([key], i) => [key, `${round} of ${i} `.repeat(200 + 10 * round)]))
        await beside.checkpoint()
        for (const [key, value] of before) {
          try {
            assert.equal(reader.table(words).get(key), value)
          } catch (error) {
            checkRefusal(error, 'MANIFOLD_CORRUPTION', /damaged at byte/)
            refused++
          }
        }
      }
      assert.ok(refused > 0, 'pages that the reader needs are used again')
      await reader.close()
      if (journal !== 'off') {
        const unlocked = new Fault(disk, 'EACCES', ({ kind }) => kind === 'lock')
        await rejects(openOn(disk, journal, { readOnly: true }), 'MANIFOLD_READ_ONLY', /was not closed cleanly/)
        unlocked.heal()
      }
      await beside.close()
    })

    test('heeds createIfMissing and errorIfExists', async () => {
      const disk = newDisk()
      await rejects(
        openOn(disk, journal, { createIfMissing: false }),
        'MANIFOLD_NOT_FOUND',
        /check the path.*createIfMissing/,
      )
      assert.deepEqual(disk.listSync('/data'), [])
      const db = await openOn(disk, journal, { errorIfExists: true })
      await rejects(openOn(disk, journal), 'MANIFOLD_LOCKED', /already open in this process.*Close it first/)
      await db.table(words).put('a', '1')
      await db.close()
      const before = contentsOf(disk)
      await rejects(openOn(disk, journal, { errorIfExists: true }), 'MANIFOLD_EXISTS', /another path/)
      assert.deepEqual(contentsOf(disk), before)
      const again = await openOn(disk, journal, { createIfMissing: false })
      assert.equal(again.table(words).get('a'), '1')
      await again.close()
    })
  })
}

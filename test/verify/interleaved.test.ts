import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { usePlatform } from '../../src/api/database.ts'
import { nodePlatform } from '../../src/platform/node/node-platform.ts'
import { blobs, fill, JOURNALS, numbers, runs, withDatabase, words } from '../support/open.ts'

/** A clock on which every look takes a millisecond, so that a check takes its turns after a few steps. */
function fastClock(): void {
  const platform = nodePlatform()
  let now = 0
  usePlatform({ ...platform, clock: { ...platform.clock, now: () => now++ } })
}

describe('verify, with a turn of the event loop after every few pages', () => {
  for (const journal of JOURNALS) {
    test(`journal '${journal}': sees one state while checkpoints replace and free its pages`, async () => {
      fastClock()
      await withDatabase(journal, async db => {
        const t = db.table(words)
        await t.putMany(Array.from({ length: 2000 }, (_, i) => [`k${i}`, `${i} `.repeat(20)] as const))
        await db.checkpoint()
        const running = { isOver: false, checkpoints: 0 }
        const writer = (async () => {
          for (let i = 0; !running.isOver; i++) {
            await t.putMany(Array.from({ length: 30 }, (_, j) => [`k${(i * 211 + j * 7) % 2000}`, `${i}`] as const))
            await db
              .columnFamily('x')
              .table(blobs)
              .put(i % 7, fill(9000 + i, i))
            if (i % 5 === 4) await db.columnFamily('x').table(blobs).clear()
            if (i % 9 === 5)
              await db
                .columnFamily(`f${i % 2}`)
                .table(numbers)
                .put(i, i)
            if (i % 18 === 13) await db.dropColumnFamily('f1').catch(() => {})
            await db.checkpoint()
            running.checkpoints++
          }
        })()
        let overlapped = 0
        for (let i = 0; i < runs(12); i++) {
          const before = running.checkpoints
          const { problems } = await db.verify()
          assert.deepEqual(
            problems.map(({ error }) => error.message),
            [],
          )
          if (running.checkpoints > before + 1) overlapped++
        }
        running.isOver = true
        await writer
        assert.ok(overlapped > 3, `${overlapped} checks saw checkpoints go by`)
        assert.equal(db.stats().pins, 0)
      })
    })
  }
})

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, describe, test } from 'node:test'
import type { FamilySnapshot } from '../../src/index.ts'
import { bytes, Database, DatabaseError, table, uint } from '../../src/index.ts'
import { NodeFileSystem } from '../../src/platform/node/file-system.ts'
import { SeededRandom } from '../../src/platform/simulated/random.ts'
import { fill, JOURNALS, numbers, runs, turns, words } from '../support/open.ts'
import { checkPages } from '../support/pages.ts'

const root = fs.mkdtempSync(path.join(os.tmpdir(), 'manifold-writers-'))
after(() => fs.rmSync(root, { recursive: true, force: true }))

let files = 0
function newFile(): string {
  return path.join(root, `${files++}.manifold`)
}

const accounts = table('accounts', { key: uint, value: uint })
const ballast = table('ballast', { key: uint, value: bytes })
const FAMILIES = ['a', 'b', 'c', 'd']
const ACCOUNTS = 50
const TOTAL = FAMILIES.length * ACCOUNTS * 1000

function sumOf(scopes: readonly FamilySnapshot[]): number {
  let sum = 0
  for (const scope of scopes) for (const value of scope.table(accounts).values()) sum += value
  return sum
}

for (const journal of JOURNALS) {
  describe(`journal '${journal}', real files, a thread that merges`, () => {
    test('writers that move amounts between families keep their sum in every cut, through many checkpoints', async () => {
      const file = newFile()
      const db = await Database.open(file, { journal, writeBufferBytes: 1 << 20, pageCacheBytes: 64 * 8192 })
      const families = FAMILIES.map(name => db.columnFamily(name))
      await db.write(families, txn => {
        for (const family of families) {
          const t = txn.family(family).table(accounts)
          for (let i = 0; i < ACCOUNTS; i++) t.put(i, 1000)
        }
      })
      const work = { ongoing: true }
      const failure = new Error('changed my mind')
      const writer = async (seed: number): Promise<void> => {
        const random = new SeededRandom(seed)
        for (let n = 0; n < runs(60); n++) {
          const from = families[random.below(4)]!
          const to = families[random.below(4)]!
          const amount = random.below(50)
          const durability = (['immediate', 'eventual', 'none'] as const)[random.below(3)]!
          const gives = random.chance(0.15)
          await db
            .write(
              [from, to],
              async txn => {
                const source = txn.family(from).table(accounts)
                const target = txn.family(to).table(accounts)
                const [a, b] = [random.below(ACCOUNTS), random.below(ACCOUNTS)]
                const had = source.get(a)!
                if (had < amount) return
                source.put(a, had - amount)
                if (random.chance(0.3)) await turns(1)
                target.update(b, old => old! + amount)
                txn
                  .family(to)
                  .table(ballast)
                  .put(random.below(200), fill(random.below(4000), n))
                if (gives) throw failure
              },
              { durability },
            )
            .catch((error: unknown) => assert.equal(error, failure))
        }
      }
      let cuts = 0
      const watcher = async (): Promise<void> => {
        const old: { sequence: number; close(): void; sum(): number }[] = []
        while (work.ongoing) {
          const snapshot = db.snapshot()
          old.push({
            sequence: snapshot.sequence,
            close: () => snapshot.close(),
            sum: () => sumOf(families.map(family => snapshot.family(family))),
          })
          assert.equal(old.at(-1)!.sum(), TOTAL)
          const reverse = cuts % 2 === 0
          const iterator = families[cuts % 4]!.table(ballast).range({ reverse })
          await turns(2)
          let last = reverse ? Infinity : -1
          for (const [key] of iterator) {
            assert.ok(reverse ? key < last : key > last, 'in order')
            last = key
            if (key % 10 === 0) await turns(1)
          }
          assert.equal(old[cuts % old.length]!.sum(), TOTAL, 'an old snapshot shows what it showed')
          if (old.length > 5) old.shift()!.close()
          cuts++
        }
        for (const each of old) each.close()
      }
      const watched = Promise.all([watcher(), watcher()])
      await Promise.all(Array.from({ length: 16 }, (_, i) => writer(i + 1)))
      work.ongoing = false
      await watched
      const stats = db.stats()
      assert.ok(stats.checkpoints.count >= 2, 'checkpoints ran meanwhile')
      assert.equal(stats.checkpoints.failed, 0)
      assert.equal(stats.pins, 0)
      assert.ok(cuts > 3)
      await db.close()
      checkPages(new NodeFileSystem(), file)
      const again = await Database.open(file, { journal })
      const snapshot = again.snapshot()
      assert.equal(sumOf(FAMILIES.map(name => snapshot.family(again.columnFamily(name)))), TOTAL)
      await again.close()
    })

    test('close with commits in flight: what resolved is there, and what was refused is not', async () => {
      for (let round = 0; round < 6; round++) {
        const file = newFile()
        const db = await Database.open(file, {
          journal: { mode: journal, segmentBytes: 64 * 1024 },
          writeBufferBytes: 1 << 20,
        })
        const outcomes = Promise.allSettled(
          Array.from({ length: 100 }, async (_, i) => {
            if (i > 50) await turns(i % 7)
            await db.columnFamily(`f${i % 5}`).write(
              async txn => {
                txn.table(numbers).put(i, i)
                txn.table(words).put(`k${i}`, 'x'.repeat(3000))
                if (i % 3 === 0) await turns(i % 4)
              },
              { durability: i % 2 === 0 ? 'immediate' : 'none' },
            )
          }),
        )
        await turns(round * 2)
        await db.close()
        const settled = await outcomes
        const again = await Database.open(file, { journal })
        for (const [i, outcome] of settled.entries()) {
          const family = again.columnFamily(`f${i % 5}`)
          assert.equal(family.table(numbers).has(i), outcome.status === 'fulfilled', `round ${round}: ${i}`)
          assert.equal(family.table(words).has(`k${i}`), outcome.status === 'fulfilled')
          if (outcome.status === 'rejected') {
            assert.ok(outcome.reason instanceof DatabaseError)
            assert.equal(outcome.reason.code, 'MANIFOLD_CLOSED')
          }
        }
        await again.close()
        checkPages(new NodeFileSystem(), file)
      }
    })

    test('the event loop turns while a checkpoint merges', async () => {
      const db = await Database.open(newFile(), { journal })
      for (let i = 0; i < 40; i++) {
        await db
          .table(ballast)
          .putMany(Array.from({ length: 500 }, (_, n) => [(i * 7919 + n * 104_729) % 1_000_003, fill(200, n)] as const))
      }
      let turnsTaken = 0
      let longest = 0
      let last = performance.now()
      let merging = true
      const watch = (): void => {
        const now = performance.now()
        longest = Math.max(longest, now - last)
        last = now
        turnsTaken++
        if (merging) setImmediate(watch)
      }
      setImmediate(watch)
      const began = performance.now()
      await db.checkpoint()
      merging = false
      const took = performance.now() - began
      assert.ok(turnsTaken > 3 && longest < took, `${turnsTaken} turns, the longest ${longest} of ${took} ms`)
      await db.close()
    })
  })
}

test('a process whose database has nothing to do ends, and one with commits in flight finishes them', async () => {
  const entry = new URL('../../src/index.js', import.meta.url).href
  for (const journal of JOURNALS) {
    const file = newFile()
    const script = `
      import { Database, table, uint } from ${JSON.stringify(entry)}
      const t = table('t', { key: uint, value: uint })
      const db = await Database.open(${JSON.stringify(file)}, { journal: '${journal}' })
      await db.table(t).put(1, 1)
      await db.checkpoint()
      db.table(t).put(2, 2).then(() => console.log('resolved'))
    `
    const { status, stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { timeout: 30_000 })
    assert.equal(status, 0, journal)
    assert.equal(String(stdout), 'resolved\n')
    const db = await Database.open(file)
    const t = table('t', { key: uint, value: uint })
    assert.equal(db.table(t).get(1), 1)
    if (journal !== 'off') assert.equal(db.table(t).get(2), 2)
    await db.close()
  }
})

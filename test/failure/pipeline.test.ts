import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Database, DatabaseError, Durability } from '../../src/index.ts'
import { SeededRandom } from '../../src/platform/simulated/random.ts'
import { crash } from '../support/crash.ts'
import { Fault, isLog, nth } from '../support/faults.ts'
import { LOGS, newDisk, numbers, openOn, PATH, runs, turns, words } from '../support/open.ts'
import { checkPages } from '../support/pages.ts'

const DURABILITIES: readonly Durability[] = ['immediate', 'eventual', 'none']
const WRITES = 150
const FAMILIES = 5
const IN_FLIGHT = 120
const VALUE_LENGTH_MAX = 1000

/** An operation of the disk takes up to six turns. */
function slowDisk(seed: number): ReturnType<typeof newDisk> {
  const random = new SeededRandom(seed)
  const later = (turnsLeft: number, operation: () => void): void =>
    void setImmediate(() => (turnsLeft === 0 ? operation() : later(turnsLeft - 1, operation)))
  return newDisk({ schedule: operation => later(random.below(6), operation) })
}

for (const journal of LOGS) {
  describe(`journal '${journal}': an error of the log in the middle of a full pipeline`, () => {
    for (const kind of ['write', 'sync'] as const) {
      test(`of a ${kind}: all promises settle in the order of the log, and readers see what was resolved and no more`, async () => {
        let failed = 0
        for (let round = 1; round <= runs(25); round++) {
          const random = new SeededRandom(round)
          const disk = slowDisk(round)
          const db = await openOn(disk, journal, { onBackgroundError: () => {} })
          const hit = 1 + random.below(20)
          const broken = new Fault(
            disk,
            'EIO',
            nth(hit, false, operation => isLog(operation) && operation.kind === kind),
          )
          const order: number[] = []
          const resolved = new Set<number>()
          const writes: Promise<void>[] = []
          for (let i = 0; i < WRITES; i++) {
            const durability = DURABILITIES[random.below(3)]!
            const family = db.columnFamily(`f${i % FAMILIES}`)
            // Locks are free, so the log's order is that of the calls.
            const written = family.table(numbers).put(i, i, { durability })
            const settled = (): number => order.push(i)
            writes.push(
              written.then(
                () => (resolved.add(i), void settled()),
                (error: DatabaseError) => {
                  assert.match(error.code, /^MANIFOLD_(POISONED|IO)$/, `round ${round}: ${error.message}`)
                  settled()
                },
              ),
            )
            if (random.chance(0.3)) await turns(1)
          }
          await Promise.all(writes)
          failed += WRITES - resolved.size
          assert.deepEqual(order, [...order].sort(ascending), `round ${round}: settled in order`)
          assert.equal(resolved.size === 0 ? -1 : Math.max(...resolved), resolved.size - 1, `round ${round}: no hole`)
          const seen = Array.from({ length: FAMILIES }, (_, f) =>
            db.columnFamily(`f${f}`).table(numbers).keys().toArray(),
          )
          assert.deepEqual(seen.flat().sort(ascending), [...resolved].sort(ascending), `round ${round}`)
          broken.heal()
          await db.close()
          checkPages(disk, PATH)
        }
        assert.ok(failed > 100, `${failed} writes failed`)
      })
    }

    for (const kind of ['write', 'sync'] as const) {
      test(`of a ${kind}: commits of many families that are in flight together are rejected in the order of the log`, async () => {
        let rejected = 0
        for (let round = 1; round <= runs(40); round++) {
          const random = new SeededRandom(round)
          const disk = slowDisk(round)
          // Nobody waits for room in the log, so its order is that of the calls.
          const db = await openOn(disk, journal, { onBackgroundError: () => {}, journal: { mode: journal } })
          const pending = await pendingCommits(db, random)
          const broken = new Fault(
            disk,
            'EIO',
            nth(
              1 + random.below(kind === 'sync' ? 2 : 4),
              false,
              operation => isLog(operation) && operation.kind === kind,
            ),
          )
          const settled: number[] = []
          const outcomes: string[] = []
          const commits: Promise<void>[] = []
          for (const [i, commit] of pending.entries()) {
            // What is called after the failure does not come into the log.
            if (broken.hits > 0) break
            const settle = (outcome: string): void => void (settled.push(i), outcomes.push(outcome))
            commits.push(
              commit().then(
                () => settle('resolved'),
                (error: DatabaseError) => settle(error.code),
              ),
            )
            if (random.chance(0.08)) await turns(1)
          }
          const all = await inTime(Promise.all(commits))
          assert.ok(all !== undefined, `round ${round}: ${commits.length - settled.length} commits hang`)
          assert.deepEqual(settled, [...commits.keys()], `round ${round}: in the order of the log`)
          const visible = outcomes.filter(outcome => outcome === 'resolved').length
          const lost = outcomes.slice(visible)
          assert.ok(
            lost.every(outcome => outcome === 'MANIFOLD_POISONED'),
            `round ${round}: ${lost.join(' ')}`,
          )
          rejected += lost.length
          broken.heal()
          await db.close()
        }
        assert.ok(rejected > 100, `${rejected} commits were rejected`)
      })
    }

    test('ends everything else that waits: bodies, schema changes, checkpoints, syncs, and a close', async () => {
      for (let hit = 1; hit <= 30; hit++) {
        const disk = slowDisk(hit)
        const db = await openOn(disk, journal, { onBackgroundError: () => {}, writeBufferBytes: 1 << 20 })
        await db.columnFamily('old').table(words).put('k', '1')
        const broken = new Fault(
          disk,
          'EIO',
          nth(hit, false, operation => isLog(operation) && operation.kind !== 'read' && operation.kind !== 'create'),
        )
        const failure = new Error('of the body')
        const outcomes: Promise<unknown>[] = []
        const start = (promise: Promise<unknown>): void => {
          promise.catch(() => {})
          outcomes.push(promise)
        }
        for (let i = 0; i < 12; i++) {
          const family = db.columnFamily(`f${i % 3}`)
          start(family.table(words).put(`k${i}`, 'x'.repeat(30_000)))
          start(family.write(async txn => (await turns(2), txn.table(words).get(`k${i}`))))
          start(
            family.write(async txn => {
              txn.table(words).put('gone', '1')
              await turns(1)
              throw failure
            }),
          )
          start(family.table(words).insert('once', '1'))
          start(
            db.write([family, db.columnFamily('old')], txn => void txn.family(family).table(words).put('both', '1')),
          )
          if (i % 4 === 1) start(db.checkpoint())
          if (i % 4 === 2) start(db.sync())
          if (i === 5) start(db.renameColumnFamily('old', 'new'))
          if (i === 8) start(db.dropColumnFamily('f1'))
          await turns(1)
        }
        const closed = db.close()
        start(closed)
        const settled = await inTime(Promise.allSettled(outcomes))
        assert.ok(settled !== undefined, `hit ${hit}: something hangs`)
        for (const outcome of settled) {
          if (outcome.status === 'fulfilled' || outcome.reason === failure) continue
          assert.match((outcome.reason as DatabaseError).code, CODES, `hit ${hit}: ${String(outcome.reason)}`)
        }
        broken.heal()
        const left = await crash(db, disk, 'all', hit)
        const again = await openOn(left, journal)
        assert.equal(again.columnFamily('f0').table(words).get('gone'), undefined)
        await again.close()
        checkPages(left, PATH)
      }
    })
  })
}

const CODES = /^MANIFOLD_(POISONED|IO|CLOSED|KEY_EXISTS|NO_SUCH_FAMILY)$/

/** What the promise resolves with, or undefined where it hangs. */
function inTime<T>(promise: Promise<T>): Promise<T | undefined> {
  const late = new Promise<undefined>(resolve => void setTimeout(resolve, 20_000, undefined).unref())
  return Promise.race([promise, late])
}

/** What makes commits, each of which waits for nothing: entries of shared families, and transactions over families of their own. */
async function pendingCommits(db: Database, random: SeededRandom): Promise<(() => Promise<unknown>)[]> {
  const commits: (() => Promise<unknown>)[] = []
  for (let i = 0; i < IN_FLIGHT; i++) {
    const durability = DURABILITIES[random.below(3)]!
    const value = 'x'.repeat(1 + random.below(VALUE_LENGTH_MAX))
    if (random.chance(0.7)) {
      const target = db.columnFamily(`f${i % FAMILIES}`).table(words)
      commits.push(() => target.put(`k${i}`, value, { durability }))
      continue
    }
    const own = [db.columnFamily(`a${i}`), db.columnFamily(`b${i}`)]
    const txn = await db.beginWrite(own, { durability })
    for (const family of own) txn.family(family).table(words).put(`k${i}`, value)
    commits.push(() => txn.commit())
  }
  return commits
}

function ascending(a: number, b: number): number {
  return a - b
}

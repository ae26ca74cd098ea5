import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Entries, Snapshot } from '../../src/index.ts'
import { table, uint } from '../../src/index.ts'
import { growth } from './flatness.ts'
import { soak, TOLERANCES } from './soak.ts'

const NUMBERS = table('numbers', { key: uint, value: uint })
const OPERATIONS = 40_000
/** What snapshots pin must stand clear of the memory that every run has: at 40,000 operations that is half of it. */
const OPERATIONS_OF_SNAPSHOTS = 160_000

/** The kinds that grow. */
function kinds(samples: Parameters<typeof growth>[0]): string[] {
  return growth(samples, TOLERANCES).map(text => text.split(' ', 1)[0]!)
}

test('a run that keeps snapshots open is seen to grow, in memory and in the file', async () => {
  const kept: Snapshot[] = []
  let round = 0
  const { samples } = await soak({
    journal: 'async',
    seed: 1,
    operations: OPERATIONS_OF_SNAPSHOTS,
    seconds: Infinity,
    afterRound: db => {
      if (++round % 10 === 0) kept.push(db.snapshot())
    },
  })
  const grown = kinds(samples)
  for (const kind of ['shared', 'pinned', 'file']) assert.ok(grown.includes(kind), `${kind} of ${grown.join()}`)
})

test('a run that leaves iterators open is seen to grow', async () => {
  const kept: Entries<[number, number]>[] = []
  const { samples } = await soak({
    journal: 'sync',
    seed: 1,
    operations: OPERATIONS,
    seconds: Infinity,
    afterRound: db => {
      if (kept.length === 0)
        db.writeSync(txn =>
          txn.table(NUMBERS).putMany([
            [1, 1],
            [2, 2],
          ]),
        )
      const iterator = db.table(NUMBERS).range()
      iterator.next()
      kept.push(iterator)
    },
  })
  assert.ok(kinds(samples).includes('pinned') || kinds(samples).includes('file'), kinds(samples).join())
})

test('a run beside which objects pile up is seen to grow', async () => {
  const kept: string[][] = []
  const { samples } = await soak({
    journal: 'async',
    seed: 1,
    operations: OPERATIONS,
    seconds: Infinity,
    afterRound: () => void kept.push(Array.from({ length: 5000 }, (_, i) => `kept ${i} ${kept.length}`)),
  })
  assert.ok(kinds(samples).includes('heap'), kinds(samples).join())
})

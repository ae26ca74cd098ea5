import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SeededRandom } from '../../src/platform/simulated/random.ts'
import { growth } from './flatness.ts'

const TOLERANCES = { bytes: { part: 0.1, amount: 1000 } }

function series(count: number, value: (i: number) => number): { bytes: number }[] {
  return Array.from({ length: count }, (_, i) => ({ bytes: value(i) }))
}

test('what goes up and down is flat, and so is what grows while it warms up', () => {
  const random = new SeededRandom(1)
  assert.deepEqual(
    growth(
      series(200, () => 100_000 + random.below(50_000)),
      TOLERANCES,
    ),
    [],
  )
  assert.deepEqual(
    growth(
      series(100, i => Math.min(i * 10_000, 200_000) + (i % 7) * 100),
      TOLERANCES,
    ),
    [],
  )
  assert.deepEqual(
    growth(
      series(100, i => 200_000 - i * 1000),
      TOLERANCES,
    ),
    [],
  )
})

test('what goes up for ever is not flat, under however much that goes up and down', () => {
  const random = new SeededRandom(1)
  const leak = series(200, i => 100_000 + random.below(50_000) + i * 500)
  assert.match(growth(leak, TOLERANCES)[0]!, /^bytes grew from \d+ to \d+/)
  const stairs = series(100, i => 100_000 + Math.floor(i / 30) * 20_000)
  assert.equal(growth(stairs, TOLERANCES).length, 1)
})

test('a few samples tell nothing', () => {
  assert.throws(
    () =>
      growth(
        series(10, () => 1),
        TOLERANCES,
      ),
    /too few/,
  )
})

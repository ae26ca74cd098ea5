import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SeededRandom } from './random.ts'

test('the same seed gives the same numbers, another seed others', () => {
  const draw = (seed: number): number[] => {
    const random = new SeededRandom(seed)
    return Array.from({ length: 8 }, () => random.next())
  }
  assert.deepEqual(draw(1), draw(1))
  assert.notDeepEqual(draw(1), draw(2))
  assert.notDeepEqual(draw(0), [0, 0, 0, 0, 0, 0, 0, 0])
})

test('the numbers are spread evenly over their range', () => {
  const random = new SeededRandom(7)
  const counts = new Array<number>(10).fill(0)
  for (let i = 0; i < 10_000; i++) counts[random.below(10)]!++
  for (const count of counts) assert.ok(count > 850 && count < 1150, `${counts}`)
  let hits = 0
  for (let i = 0; i < 10_000; i++) if (random.chance(0.2)) hits++
  assert.ok(hits > 1800 && hits < 2200, `${hits}`)
  const bytes = new Uint8Array(100_000)
  random.fill(bytes)
  const mean = bytes.reduce((sum, byte) => sum + byte, 0) / bytes.length
  assert.ok(mean > 126 && mean < 129, `${mean}`)
})

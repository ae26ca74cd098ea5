import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SimulatedClock } from './clock.ts'

test('by hand: timers fire in the order of their times, deferred calls one round at a time', () => {
  const clock = new SimulatedClock('manual')
  const seen: string[] = []
  clock.after(5, () => seen.push(`five at ${clock.now()}`))
  clock.after(2, () => {
    seen.push(`two at ${clock.now()}`)
    clock.after(1, () => seen.push(`three at ${clock.now()}`))
  })
  clock.after(4, () => seen.push('never')).cancel()
  clock.defer(() => {
    seen.push('deferred')
    clock.defer(() => seen.push('deferred again'))
  })
  clock.advance(1)
  assert.deepEqual(seen, [])
  assert.equal(clock.runDeferred(), 1)
  clock.advance(9)
  assert.deepEqual(seen, ['deferred', 'two at 2', 'three at 3', 'five at 5'])
  assert.equal(clock.now(), 10)
  assert.equal(clock.runDeferred(), 1)
  assert.equal(clock.runDeferred(), 0)
})

test('by the event loop: time jumps to the next timer once nothing is deferred', async () => {
  const clock = new SimulatedClock()
  const seen: string[] = []
  clock.after(60_000, () => seen.push('timer'))
  for (let i = 0; i < 3; i++) {
    await new Promise<void>(resolve => clock.defer(resolve))
    seen.push('deferred')
  }
  await new Promise<void>(resolve => setTimeout(resolve, 20))
  assert.ok(seen.includes('timer'))
  assert.equal(clock.now(), 60_000)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SimulatedClock } from './clock.ts'
import { SeededRandom } from './random.ts'
import { SimulatedScheduler } from './scheduler.ts'

/** The order in which three writers of three steps each come to be. */
async function order(seed: number): Promise<string> {
  const scheduler = new SimulatedScheduler(new SeededRandom(seed))
  let text = ''
  await Promise.all(
    ['a', 'b', 'c'].map(async name => {
      for (let i = 0; i < 3; i++) {
        await scheduler.turn()
        text += name
      }
    }),
  )
  return text
}

test('one seed is one order, and others are others', async () => {
  assert.equal(await order(1), await order(1))
  const orders = new Set<string>()
  for (let seed = 0; seed < 30; seed++) orders.add(await order(seed))
  assert.ok(orders.size > 20, `${orders.size} orders of 30 seeds`)
})

test('deferred calls keep their order; time moves on when nothing else is left, or now and then', async () => {
  const scheduler = new SimulatedScheduler(new SeededRandom(1))
  const clock = new SimulatedClock(scheduler)
  const seen: string[] = []
  clock.after(60_000, () => seen.push('timer'))
  for (const name of ['1', '2', '3']) clock.defer(() => seen.push(name))
  await new Promise<void>(resolve => {
    scheduler.onStall = resolve
    scheduler.pump()
  })
  assert.deepEqual(
    seen.filter(name => name !== 'timer'),
    ['1', '2', '3'],
  )
  assert.ok(seen.includes('timer'))
  assert.ok(clock.now() >= 60_000)
})

test('who waits for what nobody will do is told', async () => {
  const scheduler = new SimulatedScheduler(new SeededRandom(1))
  const clock = new SimulatedClock(scheduler)
  // A timer that sets itself again and again leads to nothing either.
  const again = (): void => void clock.after(1000, again)
  again()
  await new Promise<void>(resolve => {
    scheduler.onStall = resolve
    scheduler.pump()
  })
})

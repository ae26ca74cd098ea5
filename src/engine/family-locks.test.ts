import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FamilyLocks } from './family-locks.ts'

test('locks are granted in the order in which they were asked for', async () => {
  const locks = new FamilyLocks()
  const order: number[] = []
  assert.ok(locks.tryAcquire(['a']))
  const waiting = [1, 2, 3].map(n =>
    locks.acquire(['a'], undefined).then(() => {
      order.push(n)
      locks.release(['a'])
    }),
  )
  assert.ok(!locks.tryAcquire(['a']))
  locks.release(['a'])
  await Promise.all(waiting)
  assert.deepEqual(order, [1, 2, 3])
  assert.ok(!locks.isHeld('a'))
})

test('several locks are all taken or none, and other families are not held up', async () => {
  const locks = new FamilyLocks()
  assert.ok(locks.tryAcquire(['b']))
  assert.ok(!locks.tryAcquire(['a', 'b']))
  assert.ok(!locks.isHeld('a'))
  const both = locks.acquire(['a', 'b'], undefined)
  assert.ok(locks.tryAcquire(['c']))
  locks.release(['b'])
  await both
  assert.ok(locks.isHeld('a') && locks.isHeld('b'))
})

test('a signal ends the wait and gives back what was taken', async () => {
  const locks = new FamilyLocks()
  locks.tryAcquire(['b'])
  const controller = new AbortController()
  const waiting = locks.acquire(['a', 'b'], controller.signal)
  const behind = locks.acquire(['b'], undefined)
  await Promise.resolve()
  controller.abort(new Error('enough'))
  await assert.rejects(
    waiting,
    (error: { code: string; cause: Error }) => error.code === 'MANIFOLD_ABORTED' && error.cause.message === 'enough',
  )
  assert.ok(!locks.isHeld('a'))
  locks.release(['b'])
  await behind
  await assert.rejects(locks.acquire(['x'], controller.signal), { code: 'MANIFOLD_ABORTED' })
})

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { nodeClock } from './clock.ts'
import { nodePlatform } from './node-platform.ts'
import { nodeRandom } from './random.ts'

test('time goes on, timers fire and can be cancelled, deferred calls come in a later turn', async () => {
  const start = nodeClock.now()
  const seen: string[] = []
  nodeClock.after(1, () => seen.push('cancelled')).cancel()
  nodeClock.defer(() => seen.push('deferred'))
  const timer = new Promise<void>(resolve => nodeClock.after(10, resolve))
  const alive = setTimeout(() => {}, 10_000)
  assert.deepEqual(seen, [])
  await timer
  clearTimeout(alive)
  assert.deepEqual(seen, ['deferred'])
  assert.ok(nodeClock.now() - start >= 9)
})

test('a pending timer does not keep the process alive, a deferred call does', () => {
  const clock = new URL(import.meta.url.replace('clock.test.', 'clock.'))
  const source = `
    import { nodeClock } from '${clock.href}'
    nodeClock.after(60_000, () => console.log('fired'))
    nodeClock.after(1e12, () => console.log('fired'))
    nodeClock.defer(() => console.log('deferred'))`
  const flags = ['--input-type=module', '-e', source]
  const { status, stdout } = spawnSync(process.execPath, flags, { encoding: 'utf8', timeout: 10_000 })
  assert.equal(status, 0)
  assert.equal(stdout, 'deferred\n')
})

test('the platform bundles them, with bytes that are not twice the same', () => {
  const platform = nodePlatform()
  assert.equal(platform.clock, nodeClock)
  assert.ok(platform.threads)
  const [one, two] = [new Uint8Array(16), new Uint8Array(16)]
  nodeRandom.fill(one)
  platform.random.fill(two)
  assert.notDeepEqual(one, two)
})

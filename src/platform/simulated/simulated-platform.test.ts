import assert from 'node:assert/strict'
import { test } from 'node:test'
import { simulatedPlatform } from './simulated-platform.ts'

test('asynchronous operations take a turn of the clock, and the same seed gives the same bytes', async () => {
  const platform = simulatedPlatform(5, { clock: 'manual' })
  const file = platform.fileSystem.openSync('f', { write: true, create: true, exclusive: true, dataSync: false })
  const written = file.write([new Uint8Array(3)], 0)
  assert.equal(file.size(), 0)
  assert.equal(platform.clock.runDeferred(), 1)
  assert.equal(await written, 3)

  const bytes = [new Uint8Array(16), new Uint8Array(16)] as const
  simulatedPlatform(5).random.fill(bytes[0])
  simulatedPlatform(5).random.fill(bytes[1])
  assert.deepEqual(bytes[0], bytes[1])
  assert.equal(platform.threads, undefined)
})

test('by default the event loop turns the clock', async () => {
  const { fileSystem, clock } = simulatedPlatform(1)
  const file = fileSystem.openSync('f', { write: true, create: true, exclusive: true, dataSync: true })
  assert.equal(await file.write([new Uint8Array(3)], 0), 3)
  // As in production, a pending timer alone would let the process end.
  const alive = setTimeout(() => {}, 10_000)
  await new Promise<void>(resolve => clock.after(1000, resolve))
  clearTimeout(alive)
  assert.equal(clock.now(), 1000)
})

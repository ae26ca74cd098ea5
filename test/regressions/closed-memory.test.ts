import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { SimulatedDisk } from '../../src/platform/simulated/disk.ts'
import { newDisk, openOn, turns, words } from '../support/open.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** In a function of its own, so that nothing of it stays on the stack. */
async function openAndClose(): Promise<WeakRef<SimulatedDisk>> {
  const disk = newDisk()
  const db = await openOn(disk, 'off')
  await db.table(words).put('key', 'value')
  await db.close()
  return new WeakRef(disk)
}

test('a closed database lets go of its page cache and its files at once, not with the timer that trims the pool', async () => {
  const disk = await openAndClose()
  for (let i = 0; i < 20 && disk.deref() !== undefined; i++) {
    await turns(2)
    collect()
  }
  assert.equal(disk.deref(), undefined)
})

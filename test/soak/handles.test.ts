import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Database } from '../../src/index.ts'
import { turns, withDatabase, words } from '../support/open.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

async function heapAfter(db: Database, prefix: string, names: number): Promise<number> {
  for (let i = 0; i < names; i++) {
    assert.equal(db.columnFamily(`${prefix}${i}`).table(words).get('k'), undefined)
    // A turn ends now and then: what a weak reference has given is kept until its end.
    if (i % 5000 === 0) await turns(1)
  }
  await turns()
  collect()
  return process.memoryUsage().heapUsed
}

test('names of families that nobody uses any more are forgotten, and a handle that somebody has stays the one of its name', async () => {
  await withDatabase('async', async db => {
    const held = Array.from({ length: 2000 }, (_, i) => db.columnFamily(`held ${i}`))
    const before = await heapAfter(db, 'a', 20_000)
    const after = await heapAfter(db, 'b', 60_000)
    assert.ok(after - before < 60_000 * 100, `${(after - before) / 60_000} bytes for each name`)
    for (const [i, family] of held.entries()) assert.equal(db.columnFamily(`held ${i}`), family)
  })
})

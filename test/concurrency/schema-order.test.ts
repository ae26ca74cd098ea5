import assert from 'node:assert/strict'
import { test } from 'node:test'
import { GatedDisk } from '../support/crash.ts'
import { openOn, turns, words } from '../support/open.ts'

test('a renaming that is appended before the first write to its family is seen shows only when it is durable itself', async () => {
  const gate = new GatedDisk()
  const db = await openOn(gate.disk, 'async')
  const [b, a] = [db.columnFamily('b'), db.columnFamily('a')]
  gate.shut()
  const first = b.table(words).put('k', '1')
  await turns()
  const renamed = db.renameColumnFamily('b', 'a')
  const seen: unknown[] = []
  const written = first.then(() => seen.push(db.columnFamilies(), b.table(words).get('k'), a.table(words).get('k')))
  await turns()
  gate.open()
  await written
  assert.deepEqual(seen, [['b'], '1', undefined], 'the write alone')
  await renamed
  assert.deepEqual(db.columnFamilies(), ['a'])
  assert.equal(a.table(words).get('k'), '1')
  await db.close()
})

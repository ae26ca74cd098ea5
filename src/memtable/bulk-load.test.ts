import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ChunkPool, MemoryUse } from '../shared/chunk-pool.ts'
import { EncodedKey } from '../shared/encoded-key.ts'
import { BulkLoad } from './bulk-load.ts'
import { ArenaMemtable } from './arena-memtable.ts'
import { IndexCursor } from './index-cursor.ts'
import { NONE } from './ordered-index.ts'
import { sortByWords, STAGED_WORDS } from './radix-sort.ts'

const RUNS = 40 * Number(process.env['MANIFOLD_TEST_RUNS'] ?? 1)

function newMemtable(): ArenaMemtable {
  const pool = new ChunkPool()
  pool.join(1 << 24)
  return new ArenaMemtable(pool, new MemoryUse())
}

function encoded(bytes: Uint8Array): EncodedKey {
  const key = new EncodedKey()
  key.assign(bytes, 0, bytes.length)
  return key
}

/** Key and address of what a reader below `limit` sees, in key order. */
function seen(memtable: ArenaMemtable, tableId: number, limit: number): string[] {
  const table = memtable.table(tableId)
  if (table === undefined) return []
  const cursor = new IndexCursor(table.index, limit)
  const found: string[] = []
  for (cursor.seek(encoded(new Uint8Array(0))); cursor.address !== NONE; cursor.next()) {
    const key = Buffer.from(cursor.bytes.slice(cursor.keyOffset, cursor.keyOffset + cursor.keyLength)).toString('hex')
    const deletion = table.tombstones.newest(Buffer.from(key, 'hex'), 0, key.length / 2, limit)
    const value = Buffer.from(cursor.bytes.slice(cursor.valueOffset, cursor.valueOffset + cursor.valueLength))
    found.push(`${key} ${cursor.kind} ${value.toString('hex')} ${deletion > cursor.address}`)
  }
  return found
}

/** The committed entries as records have them. */
function loaded(memtable: ArenaMemtable, commits: readonly number[], everyCommit: boolean): ArenaMemtable {
  const copy = newMemtable()
  const load = new BulkLoad(copy)
  let from = 0
  for (const to of commits) {
    for (const part of memtable.arena.extents(from, to)) load.append(part, 0, part.length)
    copy.append()
    load.insert(everyCommit)
    from = to
  }
  load.insert(true)
  return copy
}

const keys = fc.oneof(
  fc.uint8Array({ maxLength: 4, max: 3 }),
  fc.uint8Array({ maxLength: 14, max: 1 }),
  fc.uint8Array({ maxLength: 14, min: 254 }),
  fc.nat(900).map(n => new Uint8Array([0, 0, 0, 0, 0, 0, n >> 8, n & 255])),
  fc.nat(900).map(n => new Uint8Array([9, 1, 1, 1, 1, 1, 1, 1, 1, n >> 8, n & 255])),
)

const operation = fc.record({
  do: fc.constantFrom('put', 'put', 'put', 'put', 'delete', 'commit', 'deleteRange'),
  table: fc.constantFrom(3, 4),
  key: keys,
  size: fc.oneof(fc.nat(40), fc.nat(40), fc.nat(3000)),
})

test('a memtable that was loaded in bulk is the memtable whose entries it took', () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 300, size: 'max' }), fc.boolean(), (operations, everyCommit) => {
      const memtable = newMemtable()
      const commits: number[] = []
      operations.forEach((step, i) => {
        const table = memtable.tableForWriting(step.table)
        if (step.do === 'put') {
          memtable.put(table, step.table, encoded(step.key), new Uint8Array(step.size).fill(i), step.size)
        } else if (step.do === 'delete') memtable.delete(table, step.table, encoded(step.key))
        else if (step.do === 'deleteRange') memtable.deleteRange(table, step.table, step.key, undefined)
        else {
          memtable.append()
          commits.push(memtable.appended)
        }
      })
      memtable.append()
      commits.push(memtable.appended)
      const copy = loaded(memtable, commits, everyCommit)
      assert.equal(copy.arena.end, memtable.arena.end)
      for (const limit of [...commits.slice(-3), memtable.arena.end]) {
        for (const table of [3, 4]) assert.deepEqual(seen(copy, table, limit), seen(memtable, table, limit))
      }
    }),
    { numRuns: RUNS },
  )
})

test('of more entries than are sorted at once, the newest of each key is found', () => {
  const count = 400_000
  const memtable = newMemtable()
  const table = memtable.tableForWriting(3)
  const key = new EncodedKey()
  const value = new Uint8Array(4)
  const commits: number[] = []
  for (let i = 0; i < count; i++) {
    new DataView(value.buffer).setUint32(0, i)
    new DataView(key.bytes.buffer).setUint32(0, Math.imul(i % 150_000, 0x9e3779b1))
    key.length = 4
    key.prepare()
    memtable.put(table, 3, key, value, 4)
    if (i % 1000 === 999) {
      memtable.append()
      commits.push(memtable.appended)
    }
  }
  const copy = loaded(memtable, commits, false)
  assert.deepEqual(seen(copy, 3, copy.arena.end), seen(memtable, 3, memtable.arena.end))
})

test('records are sorted by two signed words, and equal ones stay in order', () => {
  const word = fc.oneof(fc.integer(), fc.constantFrom(-(2 ** 31), -1, 0, 1, 2 ** 31 - 1))
  fc.assert(
    fc.property(fc.array(fc.tuple(word, word), { maxLength: 300 }), fc.boolean(), (pairs, sameHigh) => {
      const records = pairs.map(([high, low], i) => [sameHigh ? 7 : high, low, i, -i])
      const sorted = sortByWords(new Int32Array(records.flat()), records.length)
      const expected = records.toSorted((a, b) => a[0]! - b[0]! || a[1]! - b[1]! || a[2]! - b[2]!)
      assert.deepEqual(
        [...sorted.subarray(0, records.length * STAGED_WORDS)],
        expected.flat().map(each => each | 0),
      )
    }),
    { numRuns: RUNS * 2 },
  )
})

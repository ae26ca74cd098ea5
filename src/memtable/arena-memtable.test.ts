import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { compareBytes } from '../base/bytes.ts'
import { ChunkPool, MemoryUse } from '../shared/chunk-pool.ts'
import { EncodedKey } from '../shared/encoded-key.ts'
import { KIND_PUT } from '../shared/entry-format.ts'
import { ArenaMemtable } from './arena-memtable.ts'
import { IndexCursor } from './index-cursor.ts'
import { NONE } from './ordered-index.ts'

const RUNS = 60 * Number(process.env['MANIFOLD_TEST_RUNS'] ?? 1)
const TABLE = 7

function encoded(bytes: Uint8Array): EncodedKey {
  const key = new EncodedKey()
  key.assign(bytes, 0, bytes.length)
  return key
}

function newMemtable(): { memtable: ArenaMemtable; pool: ChunkPool; use: MemoryUse } {
  const pool = new ChunkPool()
  pool.join(1 << 24)
  const use = new MemoryUse()
  return { memtable: new ArenaMemtable(pool, use), pool, use }
}

/** Keys that agree in long prefixes, differ only in length, or end in zeros: where an order over padded words goes wrong. */
const keys = fc.oneof(
  fc.uint8Array({ maxLength: 4, max: 3 }),
  fc.uint8Array({ maxLength: 14, max: 1 }),
  fc.uint8Array({ maxLength: 40 }),
  fc.nat(5000).map(n => new Uint8Array([0, 0, 0, 0, 0, 0, n >> 8, n & 255])),
  fc.nat(3000).map(n => new Uint8Array([1, 1, 1, 1, 1, 1, 1, 1, 1, n >> 8, n & 255])),
  // Slots that are not in use hold what the greatest keys begin with.
  fc.uint8Array({ maxLength: 14, min: 254 }),
  fc.nat(3000).map(n => new Uint8Array([255, 255, 255, 255, 255, 255, 255 - (n >> 8), 255 - (n & 255)])),
)

interface Version {
  key: Uint8Array
  value: Uint8Array | undefined
  address: number
}

/** The newest version of each key with an address below `limit`, in key order. */
function expected(versions: readonly Version[], limit: number): Version[] {
  const newest = new Map<string, Version>()
  for (const version of versions) {
    if (version.address < limit) newest.set(Buffer.from(version.key).toString('hex'), version)
  }
  return [...newest.values()].sort((a, b) => compareBytes(a.key, b.key))
}

function valueAt(cursor: IndexCursor): Uint8Array | undefined {
  const start = cursor.valueOffset
  return cursor.kind === KIND_PUT ? cursor.bytes.slice(start, start + cursor.valueLength) : undefined
}

function walk(
  memtable: ArenaMemtable,
  limit: number,
  forward: boolean,
): { key: Uint8Array; value: Uint8Array | undefined }[] {
  const table = memtable.table(TABLE)
  if (table === undefined) return []
  const cursor = new IndexCursor(table.index, limit)
  if (forward) cursor.seek(encoded(new Uint8Array(0)))
  else cursor.seekLast()
  const found = []
  while (cursor.address !== NONE) {
    found.push({
      key: cursor.bytes.slice(cursor.keyOffset, cursor.keyOffset + cursor.keyLength),
      value: valueAt(cursor),
    })
    if (forward) cursor.next()
    else cursor.previous()
  }
  return found
}

function check(memtable: ArenaMemtable, versions: readonly Version[], limit: number): void {
  const want = expected(versions, limit).map(({ key, value }) => ({ key, value }))
  assert.deepEqual(walk(memtable, limit, true), want)
  assert.deepEqual(walk(memtable, limit, false), want.toReversed())
}

const operation = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({ do: fc.constant('put' as const), key: keys, size: fc.oneof(fc.nat(40), fc.nat(3000)) }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('delete' as const), key: keys }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('commit' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('rollback' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('look' as const) }) },
)

test('a memtable equals a sorted list of versions at every limit, through commits and rollbacks', () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 400, size: 'max' }), operations => {
      const { memtable } = newMemtable()
      let versions: Version[] = []
      const limits: number[] = []
      let fill = 1
      for (const step of operations) {
        const at = memtable.arena.end
        if (step.do === 'put') {
          const value = new Uint8Array(step.size).fill(fill++)
          const table = memtable.tableForWriting(TABLE)
          memtable.put(table, TABLE, encoded(step.key), value, value.length)
          versions.push({ key: step.key, value, address: memtable.arena.normalise(at) })
        } else if (step.do === 'delete') {
          memtable.delete(memtable.tableForWriting(TABLE), TABLE, encoded(step.key))
          versions.push({ key: step.key, value: undefined, address: memtable.arena.normalise(at) })
        } else if (step.do === 'commit') {
          memtable.append()
          limits.push(memtable.appended)
        } else if (step.do === 'rollback') {
          memtable.rollback(memtable.appended)
          versions = versions.filter(({ address }) => address < memtable.appended)
        } else check(memtable, versions, memtable.arena.end)
      }
      for (const limit of [...limits.slice(-3), memtable.arena.end]) check(memtable, versions, limit)
      const table = memtable.table(TABLE)
      for (const { key } of versions.slice(-20)) {
        const address = table!.index.lookup(encoded(key), memtable.arena.end)
        assert.equal(address, versions.findLast(version => compareBytes(version.key, key) === 0)!.address)
      }
    }),
    { numRuns: RUNS },
  )
})

test('a rollback leaves neither entries nor memory behind, and the log sees no hole', () => {
  const { memtable, use } = newMemtable()
  const table = memtable.tableForWriting(TABLE)
  memtable.put(table, TABLE, encoded(new Uint8Array([1])), new Uint8Array(100).fill(1), 100)
  memtable.append()
  const bytes = use.bytes
  for (let i = 0; i < 5000; i++) {
    memtable.put(table, TABLE, encoded(new Uint8Array([i >> 8, i & 255, 9])), new Uint8Array(1000), 1000)
  }
  memtable.put(table, TABLE, encoded(new Uint8Array([5])), new Uint8Array(3_000_000), 3_000_000)
  memtable.rollback(memtable.appended)
  assert.equal(memtable.arena.end, memtable.appended)
  assert.equal(walk(memtable, memtable.arena.end, true).length, 1)
  assert.ok(use.bytes - bytes < 1_500_000, 'only index nodes may stay')
  memtable.put(table, TABLE, encoded(new Uint8Array([2])), new Uint8Array(8).fill(2), 8)
  const extents = memtable.arena.extents(0, memtable.arena.end)
  assert.equal(
    extents.reduce((sum, part) => sum + part.length, 0),
    120 + 24,
  )
})

test('extents of a transaction over many chunks are its entries, one after the other', () => {
  const { memtable } = newMemtable()
  const table = memtable.tableForWriting(TABLE)
  memtable.put(table, TABLE, encoded(new Uint8Array([1])), new Uint8Array(4), 4)
  memtable.append()
  const start = memtable.arena.end
  const sizes = [10, 5000, 70_000, 300_000, 20, 1_100_000, 900_000, 900_000, 4]
  sizes.forEach((size, i) =>
    memtable.put(table, TABLE, encoded(new Uint8Array([2, i])), new Uint8Array(size).fill(i + 1), size),
  )
  const copy = newMemtable().memtable
  for (const part of memtable.arena.extents(start, memtable.arena.end)) {
    for (let offset = 0; offset < part.length;) {
      const length = new DataView(part.buffer, part.byteOffset + offset).getUint32(8, true)
      copy.adopt(part, offset)
      offset += (16 + length + 7) & ~7
    }
  }
  assert.deepEqual(walk(copy, copy.arena.end, true), walk(memtable, memtable.arena.end, true).slice(1))
})

test('an open cursor keeps its place while others insert, and sees nothing of it', () => {
  const { memtable } = newMemtable()
  const table = memtable.tableForWriting(TABLE)
  for (let i = 0; i < 200; i++) memtable.put(table, TABLE, encoded(new Uint8Array([i, 0])), new Uint8Array(0), 0)
  memtable.append()
  const cursor = new IndexCursor(table.index, memtable.appended)
  const seen: number[] = []
  cursor.seek(encoded(new Uint8Array(0)))
  for (; cursor.address !== NONE; cursor.next()) {
    seen.push(cursor.bytes[cursor.keyOffset]!)
    for (let i = 0; i < 5; i++) {
      memtable.put(
        table,
        TABLE,
        encoded(new Uint8Array([(seen.length * 37) & 255, seen.length, i])),
        new Uint8Array(0),
        0,
      )
    }
  }
  assert.deepEqual(
    seen,
    Array.from({ length: 200 }, (_, i) => i),
  )
})

test('the tail of an open transaction moves to the next memtable and stays readable in the old one', () => {
  const { memtable, pool, use } = newMemtable()
  const table = memtable.tableForWriting(TABLE)
  memtable.put(table, TABLE, encoded(new Uint8Array([1])), new Uint8Array(4).fill(1), 4)
  memtable.append()
  for (let i = 0; i < 3000; i++) {
    memtable.put(table, TABLE, encoded(new Uint8Array([2, i >> 8, i & 255])), new Uint8Array(100).fill(i), 100)
  }
  memtable.deleteRange(table, TABLE, new Uint8Array([2, 0]), new Uint8Array([2, 1]))
  const next = new ArenaMemtable(pool, use)
  const moved: [number, number][] = []
  memtable.copyTail(memtable.appended, next, (from, to) => moved.push([from, to]))
  assert.equal(moved.length, 3001)
  assert.deepEqual(walk(next, next.arena.end, true), walk(memtable, memtable.arena.end, true).slice(1))
  assert.equal(next.table(TABLE)!.tombstones.size, 1)
  assert.equal(walk(memtable, memtable.appended, true).length, 1)
  next.rollback(0)
  assert.equal(walk(next, next.arena.end, true).length, 0)
  assert.equal(next.table(TABLE)!.tombstones.size, 0)
})

const bound = fc.uint8Array({ minLength: 1, maxLength: 2, max: 7 })

test('range tombstones equal a list of ranges, at every limit and after every rollback', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(bound, fc.option(bound), fc.boolean()), { maxLength: 30 }),
      fc.nat(40),
      (ranges, keep) => {
        const { memtable } = newMemtable()
        const { tombstones } = memtable.tableForWriting(TABLE)
        const list: { start: Uint8Array; end: Uint8Array | null; address: number }[] = []
        ranges.forEach(([start, end], i) => {
          if (end !== null && compareBytes(start, end) >= 0) return
          tombstones.add(start, end ?? undefined, i)
          list.push({ start, end, address: i })
        })
        const look = (limit: number): void => {
          for (let a = 0; a < 8; a++) {
            for (let b = -1; b < 8; b++) {
              const key = new Uint8Array(b < 0 ? [a] : [a, b])
              const covering = list.filter(
                ({ start, end, address }) =>
                  address < limit && compareBytes(start, key) <= 0 && (end === null || compareBytes(key, end) < 0),
              )
              assert.equal(tombstones.newest(key, 0, key.length, limit), covering.at(-1)?.address ?? -1)
            }
          }
        }
        look(100)
        look(keep)
        tombstones.cut(keep)
        while (list.length > 0 && list.at(-1)!.address >= keep) list.pop()
        look(100)
      },
    ),
    { numRuns: RUNS * 3 },
  )
})

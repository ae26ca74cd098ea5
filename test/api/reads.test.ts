import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Database, ReadTable } from '../../src/index.ts'
import { bytes, json, table, uint, utf8 } from '../../src/index.ts'
import { blobs, entriesOf, fill, JOURNALS, numbers, visits, withDatabase, words } from '../support/open.ts'
import { refuses } from '../support/refusal.ts'

/** Where entries may lie when they are read. */
const PLACES = {
  'the memtable': async () => {},
  'the tree': async (db: Database) => db.checkpoint(),
} as const

const FOUND: [string, string][] = [
  ['a', '1'],
  ['ab', '2'],
  ['b', '3'],
  ['ba', '4'],
  ['c', '5'],
]

async function filled(db: Database): Promise<void> {
  await db.table(words).putMany([...FOUND, ['bb', 'gone']])
  await db.table(words).delete('bb')
}

/** What every kind of table answers over the entries of FOUND. */
function checkReads(t: ReadTable<string, string>): void {
  assert.equal(t.get('ab'), '2')
  assert.equal(t.get('bb'), undefined)
  assert.equal(t.get(''), undefined)
  assert.equal(t.has('c'), true)
  assert.equal(t.has('bb'), false)
  assert.deepEqual(t.getMany(['c', 'nothing', 'a', 'c']), ['5', undefined, '1', '5'])
  assert.deepEqual(t.getMany(new Set<string>()), [])
  assert.deepEqual(t.range().toArray(), FOUND)
  assert.deepEqual(t.keys().toArray(), ['a', 'ab', 'b', 'ba', 'c'])
  assert.deepEqual(t.values().toArray(), ['1', '2', '3', '4', '5'])
  assert.deepEqual(t.first(), ['a', '1'])
  assert.deepEqual(t.last(), ['c', '5'])
  assert.equal(t.count(), 5)
}

function checkBounds(t: ReadTable<string, string>): void {
  const keys = (options: Parameters<typeof t.keys>[0]): string[] => t.keys(options).toArray()
  assert.deepEqual(keys({ gt: 'ab' }), ['b', 'ba', 'c'])
  assert.deepEqual(keys({ gte: 'ab' }), ['ab', 'b', 'ba', 'c'])
  assert.deepEqual(keys({ lt: 'b' }), ['a', 'ab'])
  assert.deepEqual(keys({ lte: 'b' }), ['a', 'ab', 'b'])
  assert.deepEqual(keys({ gt: 'a', lt: 'c' }), ['ab', 'b', 'ba'])
  assert.deepEqual(keys({ gte: 'aa', lte: 'bz' }), ['ab', 'b', 'ba'])
  assert.deepEqual(keys({ prefix: 'b' }), ['b', 'ba'])
  assert.deepEqual(keys({ prefix: 'b', gt: 'b' }), ['ba'])
  assert.deepEqual(keys({ prefix: '' }), ['a', 'ab', 'b', 'ba', 'c'])
  assert.deepEqual(keys({ gt: 'c' }), [])
  assert.deepEqual(keys({ gte: 'c', lt: 'a' }), [])
  assert.deepEqual(keys({ gt: 'b', lt: 'b' }), [])
  assert.deepEqual(keys({ gte: 'b', lte: 'b' }), ['b'])
  assert.deepEqual(keys({ gte: undefined as never, prefix: undefined as never }), ['a', 'ab', 'b', 'ba', 'c'])
  assert.deepEqual(keys({ lt: 'c', reverse: true }), ['ba', 'b', 'ab', 'a'], 'reverse leaves the bounds as they are')
  assert.deepEqual(keys({ gt: 'a', reverse: true }), ['c', 'ba', 'b', 'ab'])
  assert.deepEqual(keys({ prefix: 'b', reverse: true }), ['ba', 'b'])
  assert.deepEqual(keys({ limit: 2 }), ['a', 'ab'])
  assert.deepEqual(keys({ limit: 0 }), [])
  assert.deepEqual(keys({ limit: Infinity, offset: 3 }), ['ba', 'c'])
  assert.deepEqual(keys({ offset: 1, limit: 2, reverse: true }), ['ba', 'b'])
  assert.deepEqual(keys({ offset: 9 }), [])
  assert.deepEqual(t.first({ gt: 'ab' }), ['b', '3'])
  assert.deepEqual(t.last({ lt: 'b' }), ['ab', '2'])
  assert.equal(t.first({ gt: 'c' }), undefined)
  assert.equal(t.last({ lt: 'a' }), undefined)
  assert.equal(t.count({ prefix: 'b' }), 2)
  assert.equal(t.count({ gte: 'c', lt: 'a' }), 0)
}

function checkScan(t: ReadTable<string, string>): void {
  const seen: string[] = []
  t.scan({ gte: 'ab' }, (key, value) => void seen.push(`${key}=${value}`))
  assert.deepEqual(seen, ['ab=2', 'b=3', 'ba=4', 'c=5'])
  seen.length = 0
  t.scan({ reverse: true }, key => {
    seen.push(key)
    return key === 'b' ? false : undefined
  })
  assert.deepEqual(seen, ['c', 'ba', 'b'], 'false ends a scan')
  assert.throws(() => t.scan({}, () => assert.fail('thrown on')), /thrown on/)
}

for (const journal of JOURNALS) {
  for (const [place, settle] of Object.entries(PLACES)) {
    test(`journal '${journal}': every read of ${place} answers for tables, transactions and snapshots`, async () => {
      await withDatabase(journal, async db => {
        await filled(db)
        await settle(db)
        const snapshot = db.snapshot()
        for (const check of [checkReads, checkBounds, checkScan]) {
          check(db.table(words))
          check(snapshot.table(words))
          await db.write(txn => check(txn.table(words)))
        }
        snapshot.close()
        assert.equal(db.stats().pins, 0, 'every read has let go of what it pinned')
      })
    })
  }
}

test('a table that nobody has written to is empty, and reading creates nothing', async () => {
  await withDatabase('sync', async db => {
    const t = db.columnFamily('nobody').table(words)
    assert.equal(t.get('a'), undefined)
    assert.deepEqual(entriesOf(t), [])
    assert.equal(t.first(), undefined)
    assert.equal(t.count(), 0)
    t.scan({}, () => assert.fail('there is nothing to scan'))
    await db.columnFamily('nobody').write(txn => assert.equal(txn.table(words).has('a'), false))
    assert.deepEqual(db.columnFamilies(), [])
    assert.deepEqual(db.columnFamily('nobody').tables(), [])
  })
})

describe('byte arrays', () => {
  for (const [place, settle] of Object.entries(PLACES)) {
    test(`that reads of ${place} return are the caller's own`, async () => {
      await withDatabase('sync', async db => {
        const t = db.table(blobs)
        const sizes = [0, 3, 200, 5000, 50_000]
        for (const size of sizes) await t.put(size, fill(size, size))
        await settle(db)
        const reads = (): Uint8Array[] => [
          ...sizes.map(size => t.get(size)!),
          ...(t.getMany(sizes) as Uint8Array[]),
          ...t.values().toArray(),
          ...t
            .range()
            .map(([, value]) => value)
            .toArray(),
          t.first()![1],
          t.last()![1],
        ]
        for (const value of reads()) {
          assert.ok(!(value.buffer instanceof SharedArrayBuffer))
          value.fill(0xee)
        }
        for (const size of sizes) assert.deepEqual(t.get(size), fill(size, size), 'what callers do changes nothing')
        const values = reads()
        await t.clear()
        await db.checkpoint()
        await t.putMany(sizes.map(size => [size, fill(size, 99)]))
        for (const value of values) assert.deepEqual(value, fill(value.length, value.length))
      })
    })
  }

  test('that a scan passes are valid during the call', async () => {
    await withDatabase('sync', async db => {
      const t = db.table(blobs)
      await t.putMany([1, 2, 3, 4].map(n => [n, fill(n * 3000, n)] as const))
      let seen = 0
      t.scan({}, (key, value) => {
        assert.deepEqual(new Uint8Array(value), fill(key * 3000, key))
        seen++
      })
      assert.equal(seen, 4)
    })
  })
})

test('a prefix is a string, bytes, or the first elements of a tuple', async () => {
  await withDatabase('sync', async db => {
    const t = db.table(visits)
    await t.putMany([
      [['/a', 1], 'x'],
      [['/a', 2], 'y'],
      [['/ab', 1], 'z'],
      [['/b', 0], 'w'],
    ])
    assert.deepEqual(t.values({ prefix: ['/a'] }).toArray(), ['x', 'y'])
    assert.deepEqual(t.values({ gt: ['/a'] }).toArray(), ['z', 'w'])
    assert.deepEqual(t.values({ gte: ['/a'], lte: ['/ab'] }).toArray(), ['x', 'y', 'z'])
    assert.deepEqual(t.values({ gte: ['/a', 2], lt: ['/b'] }).toArray(), ['y', 'z'])
    assert.deepEqual(t.last({ prefix: ['/a'] }), [['/a', 2], 'y'])

    const raw = db.table(table('raw', { key: bytes, value: uint }))
    await raw.putMany([
      [Uint8Array.of(1), 1],
      [Uint8Array.of(1, 255), 2],
      [Uint8Array.of(2), 3],
      [Uint8Array.of(255), 4],
      [Uint8Array.of(255, 255), 5],
    ])
    assert.deepEqual(raw.values({ prefix: Uint8Array.of(1) }).toArray(), [1, 2])
    assert.deepEqual(raw.values({ prefix: Uint8Array.of(255) }).toArray(), [4, 5])
    assert.equal(raw.get(Buffer.from([1, 255])), 2)
    refuses(() => db.table(numbers).range({ prefix: 1 as never }), 'MANIFOLD_INVALID_ARGUMENT', /use gte and lt/)
  })
})

test('a key that is not of the type is refused by every read, and bounds are checked like keys', async () => {
  await withDatabase('sync', async db => {
    const t = db.table(numbers)
    await t.put(1, 1)
    const wrong = 'one' as never
    const calls: (() => unknown)[] = [
      () => t.get(wrong),
      () => t.has(wrong),
      () => t.getMany([1, wrong]),
      () => t.range({ gte: wrong }),
      () => t.keys({ lt: wrong }),
      () => t.first({ gt: wrong }),
      () => t.count({ lte: wrong }),
      () => t.scan({ gt: wrong }, () => {}),
      () => t.get(-1),
      () => t.get(2 ** 53),
      () => t.get(Number.NaN),
      () => t.get(1.5),
      () => t.get(undefined as never),
    ]
    for (const call of calls) refuses(call, 'MANIFOLD_INVALID_KEY', /expected .* but .* was given/)
    assert.deepEqual(t.range().toArray(), [[1, 1]])
  })
})

test('options that mean nothing are refused by name', async () => {
  await withDatabase('sync', async db => {
    const t = db.table(numbers)
    const refused: [() => unknown, RegExp][] = [
      [() => t.range({ from: 1 } as never), /no property "from".*Correct the name/],
      [() => t.range({ limit: -1 }), /limit must be an integer of at least 0/],
      [() => t.range({ limit: 1.5 }), /limit must be/],
      [() => t.range({ offset: Infinity }), /offset must be/],
      [() => t.range({ reverse: 1 as never }), /reverse must be true or false/],
      [() => t.range(5 as never), /must be an object/],
      [() => t.first({ reverse: true } as never), /no property "reverse"/],
      [() => t.count(null as never), /must be an object/],
    ]
    for (const [call, message] of refused) refuses(call, 'MANIFOLD_INVALID_ARGUMENT', message)
  })
})

test('names and keys that every object has are names and keys like others', async () => {
  await withDatabase('async', async db => {
    const odd = table('__proto__', { key: utf8, value: json() })
    const family = db.columnFamily('__proto__')
    const value = JSON.parse('{"__proto__":{"x":1},"constructor":2}') as never
    for (const key of ['__proto__', 'constructor', 'toString', 'hasOwnProperty'])
      await family.table(odd).put(key, value)
    assert.deepEqual(db.columnFamilies(), ['__proto__'])
    assert.deepEqual(family.tables(), ['__proto__'])
    const read = family.table(odd).get('__proto__') as object
    assert.deepEqual(Object.keys(read), ['__proto__', 'constructor'])
    assert.equal(Object.getPrototypeOf(read), Object.prototype)
    assert.equal(({} as { x?: number }).x, undefined)
    assert.deepEqual(family.table(odd).keys().toArray(), ['__proto__', 'constructor', 'hasOwnProperty', 'toString'])
    assert.equal(db.columnFamily('constructor').table(odd).get('a'), undefined)
    await db.renameColumnFamily('__proto__', 'constructor')
    assert.equal(db.columnFamily('constructor').table(odd).count(), 4)
    await db.columnFamily('constructor').dropTable('__proto__')
    assert.deepEqual(db.columnFamily('constructor').tables(), [])
  })
})

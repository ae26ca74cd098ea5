import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  blobs,
  documents,
  entriesOf,
  fill,
  JOURNALS,
  numbers,
  PATH,
  stateOf,
  visits,
  withDatabase,
  words,
} from '../support/open.ts'
import { refuses, rejects } from '../support/refusal.ts'

for (const journal of JOURNALS) {
  describe(`journal '${journal}': each write of a table is a transaction of its own`, () => {
    test('put sets, and a read does not see it before its promise has resolved', async () => {
      await withDatabase(journal, async db => {
        const t = db.table(words)
        const put = t.put('a', '1')
        assert.equal(t.get('a'), undefined)
        assert.equal(await put, undefined)
        assert.equal(t.get('a'), '1')
        const again = t.put('a', '2')
        assert.equal(t.get('a'), '1')
        await again
        assert.equal(t.get('a'), '2')
      })
    })

    test('puts of one table take effect in the order of their calls', async () => {
      await withDatabase(journal, async db => {
        const t = db.table(numbers)
        await Promise.all(Array.from({ length: 100 }, (_, i) => t.put(1, i)))
        assert.equal(t.get(1), 99)
      })
    })

    test('putMany is one transaction', async () => {
      await withDatabase(journal, async db => {
        const t = db.table(words)
        const { sequence } = db.stats()
        await t.putMany(
          new Map([
            ['a', '1'],
            ['b', '2'],
          ]),
        )
        assert.equal(db.stats().sequence, sequence + 1)
        await rejects(
          t.putMany([
            ['c', '3'],
            ['d', 4 as never],
          ]),
          'MANIFOLD_INVALID_VALUE',
          /expected a string/,
        )
        assert.deepEqual(entriesOf(t), [
          ['a', '1'],
          ['b', '2'],
        ])
        await t.putMany([])
        assert.equal(db.stats().sequence, sequence + 1, 'what writes nothing has no number')
      })
    })

    test('insert refuses a key that is there, and changes nothing', async () => {
      await withDatabase(journal, async db => {
        const t = db.table(words)
        await t.insert('a', '1')
        const error = await rejects(t.insert('a', '2'), 'MANIFOLD_KEY_EXISTS', /nothing was changed.*Use put\(\)/)
        assert.match(error.message, /'words'.*"a"/)
        assert.equal(t.get('a'), '1')
        await t.delete('a')
        await t.insert('a', '3')
        await db.checkpoint()
        await rejects(t.insert('a', '4'), 'MANIFOLD_KEY_EXISTS', /another key/)
        assert.equal(t.get('a'), '3')
        const both = await Promise.allSettled([t.insert('b', '1'), t.insert('b', '2')])
        assert.deepEqual(
          both.map(({ status }) => status),
          ['fulfilled', 'rejected'],
        )
        assert.equal(t.get('b'), '1')
      })
    })

    test('update is given the old value, returns the new one, and deletes for undefined', async () => {
      await withDatabase(journal, async db => {
        const t = db.table(numbers)
        assert.equal(await t.update(1, old => (old ?? 10) + 1), 11)
        assert.equal(await t.update(1, old => old! * 2), 22)
        await Promise.all(Array.from({ length: 20 }, () => t.update(1, old => old! + 1)))
        assert.equal(t.get(1), 42)
        assert.equal(await t.update(1, () => undefined), undefined)
        assert.equal(t.has(1), false)
        assert.equal(await t.update(7, () => undefined), undefined)
        assert.equal(t.count(), 0)
      })
    })

    test('an update whose function throws or returns a promise changes nothing', async () => {
      await withDatabase(journal, async db => {
        const t = db.table(numbers)
        await t.put(1, 1)
        const failure = new Error('of the caller')
        await assert.rejects(
          t.update(1, () => {
            throw failure
          }),
          error => error === failure,
        )
        await rejects(
          t.update(1, (async () => 2) as never),
          'MANIFOLD_INVALID_ARGUMENT',
          /returned a promise.*nothing was written/,
        )
        await rejects(
          t.update(1, (() => Promise.reject(failure)) as never),
          'MANIFOLD_INVALID_ARGUMENT',
          /Use write\(\)/,
        )
        await rejects(
          t.update(1, () => -1),
          'MANIFOLD_INVALID_VALUE',
          /was given/,
        )
        assert.equal(t.get(1), 1)
        await t.put(1, 2)
        assert.equal(t.get(1), 2, 'the lock is free again')
      })
    })

    test('delete does not look, and returns nothing', async () => {
      await withDatabase(journal, async db => {
        const t = db.table(words)
        await t.put('a', '1')
        assert.equal(await t.delete('a'), undefined)
        assert.equal(await t.delete('a'), undefined)
        assert.equal(await t.delete('nothing'), undefined)
        assert.equal(await db.columnFamily('nobody').table(words).delete('a'), undefined)
        assert.deepEqual(db.columnFamilies(), ['default'], 'a deletion creates nothing')
        assert.equal(t.has('a'), false)
      })
    })

    test('deleteRange needs a bound, and clear empties', async () => {
      await withDatabase(journal, async db => {
        const t = db.table(words)
        const all = ['a', 'b', 'ba', 'c', 'd'].map(key => [key, key] as const)
        await t.putMany(all)
        await rejects(t.deleteRange({}), 'MANIFOLD_INVALID_ARGUMENT', /needs a defined bound.*Call clear\(\)/)
        await rejects(t.deleteRange({ gte: undefined as never }), 'MANIFOLD_INVALID_ARGUMENT', /Call clear\(\)/)
        await rejects(t.deleteRange({ reverse: true } as never), 'MANIFOLD_INVALID_ARGUMENT', /no property "reverse"/)
        assert.equal(t.count(), 5)
        await t.deleteRange({ gte: 'c', lt: 'a' })
        assert.equal(t.count(), 5)
        await t.deleteRange({ prefix: 'b' })
        assert.deepEqual(t.keys().toArray(), ['a', 'c', 'd'])
        await db.checkpoint()
        await t.put('ca', 'new')
        await t.deleteRange({ gt: 'a', lte: 'ca' })
        assert.deepEqual(t.keys().toArray(), ['a', 'd'])
        await t.put('c', 'again')
        assert.deepEqual(t.keys().toArray(), ['a', 'c', 'd'])
        await t.clear()
        assert.equal(t.count(), 0)
        assert.deepEqual(db.tables(), ['words'], 'the table stays')
        await t.put('z', 'z')
        await db.checkpoint()
        assert.deepEqual(entriesOf(t), [['z', 'z']])
      })
    })
  })
}

test('keys and values are encoded before a method returns', async () => {
  await withDatabase('async', async db => {
    const held = await db.beginWrite()
    const value = fill(100, 1)
    const document = { name: 'Ada' }
    const key: [string, number] = ['/a', 1]
    const pending = [
      db.table(blobs).put(1, value),
      db.table(blobs).putMany([[2, value]]),
      db.table(blobs).insert(3, value),
      db.table(documents).put('a', document),
      db.table(visits).update(key, () => 'x'),
      db.table(visits).delete(key),
      db.table(visits).put(key, 'y'),
    ]
    value.fill(0)
    document.name = 'Grace'
    key[0] = '/changed'
    held.abort()
    await Promise.all(pending)
    for (const number of [1, 2, 3]) assert.deepEqual(db.table(blobs).get(number), fill(100, 1))
    assert.deepEqual(db.table(documents).get('a'), { name: 'Ada' })
    assert.deepEqual(db.table(visits).range().toArray(), [[['/a', 1], 'y']])
  })
  await withDatabase('async', async db => {
    const value = fill(100, 1)
    const pending = db.table(blobs).put(1, value)
    value.fill(0)
    await pending
    assert.deepEqual(db.table(blobs).get(1), fill(100, 1), 'also where the lock was free')
  })
})

test('a method that returns a promise never throws, it rejects', async () => {
  await withDatabase('sync', async db => {
    const t = db.table(numbers)
    await t.put(1, 1)
    const wrong = 'wrong' as never
    await rejects(t.put(wrong, 1), 'MANIFOLD_INVALID_KEY', /was given/)
    await rejects(t.put(1, wrong), 'MANIFOLD_INVALID_VALUE', /was given/)
    await rejects(t.put(1, 1, wrong), 'MANIFOLD_INVALID_ARGUMENT', /must be an object/)
    await rejects(
      t.put(1, 1, { durability: 'fast' as never }),
      'MANIFOLD_INVALID_ARGUMENT',
      /'immediate', 'eventual' or 'none'/,
    )
    await rejects(t.put(1, 1, { signal: {} as never }), 'MANIFOLD_INVALID_ARGUMENT', /AbortController/)
    await rejects(t.putMany([[wrong, 1]]), 'MANIFOLD_INVALID_KEY', /was given/)
    await rejects(t.insert(wrong, 1), 'MANIFOLD_INVALID_KEY', /was given/)
    await rejects(
      t.update(wrong, () => 1),
      'MANIFOLD_INVALID_KEY',
      /was given/,
    )
    await rejects(t.delete(wrong), 'MANIFOLD_INVALID_KEY', /was given/)
    await rejects(t.deleteRange({ gt: wrong }), 'MANIFOLD_INVALID_KEY', /was given/)
    await rejects(t.clear(wrong), 'MANIFOLD_INVALID_ARGUMENT', /must be an object/)
    await rejects(db.write(wrong), 'MANIFOLD_INVALID_ARGUMENT', /body must be a function/)
    await rejects(db.beginWrite([]), 'MANIFOLD_INVALID_ARGUMENT', /at least one column family/)
    await rejects(db.dropTable(5 as never), 'MANIFOLD_INVALID_ARGUMENT', /name or the definition/)
    await rejects(db.dropColumnFamily(''), 'MANIFOLD_INVALID_ARGUMENT', /1 to 255 bytes/)
    assert.deepEqual(t.range().toArray(), [[1, 1]])
  })
})

describe('limits', () => {
  test('a key of 2 KiB is the longest', async () => {
    await withDatabase('sync', async db => {
      const t = db.table(words)
      const longest = 'k'.repeat(2048)
      await t.put(longest, 'at the limit')
      const error = await rejects(t.put(`${longest}k`, 'x'), 'MANIFOLD_KEY_TOO_LARGE', /Use a shorter key/)
      assert.match(error.message, /2048 bytes/)
      await rejects(t.put('é'.repeat(1025), 'x'), 'MANIFOLD_KEY_TOO_LARGE', /when encoded/)
      refuses(() => t.get(`${longest}k`), 'MANIFOLD_KEY_TOO_LARGE', /Use a shorter key/)
      refuses(() => db.table(visits).get([longest, 1]), 'MANIFOLD_KEY_TOO_LARGE', /Use a shorter key/)
      await db.checkpoint()
      assert.deepEqual(entriesOf(t), [[longest, 'at the limit']])
      assert.equal(t.get(longest), 'at the limit')
      assert.deepEqual(t.last({ lte: longest }), [longest, 'at the limit'])
      assert.equal(t.count({ gt: longest }), 0)
      await t.deleteRange({ gte: longest, lte: longest })
      assert.equal(t.count(), 0)
    })
  })

  test('a value of 64 MiB is the longest', async () => {
    await withDatabase('sync', async db => {
      const t = db.table(blobs)
      const value = new Uint8Array(64 * 1024 * 1024 + 1)
      await t.put(1, fill(10, 1))
      await rejects(t.put(1, value), 'MANIFOLD_VALUE_TOO_LARGE', /67108864 bytes.*Split it/)
      await rejects(db.table(words).put('a', 'x'.repeat(value.length)), 'MANIFOLD_VALUE_TOO_LARGE', /Split it/)
      await db.write(txn => refuses(() => txn.table(blobs).put(1, value), 'MANIFOLD_VALUE_TOO_LARGE', /Split it/))
      assert.deepEqual(t.get(1), fill(10, 1))
      const longest = value.subarray(1)
      longest.set(fill(1000, 5), 1_000_000)
      await t.put(1, longest)
      assert.equal(Buffer.compare(t.get(1)!, longest), 0)
      await db.checkpoint()
      assert.equal(Buffer.compare(t.get(1)!, longest), 0)
    })
  })

  test('a name of 255 bytes is the longest', async () => {
    await withDatabase('sync', async db => {
      const name = 'é'.repeat(127) + 'x'
      await db
        .columnFamily(name)
        .table({ ...words, name })
        .put('a', '1')
      await db.checkpoint()
      assert.deepEqual(db.columnFamilies(), [name])
      assert.deepEqual(db.columnFamily(name).tables(), [name])
      for (const wrong of [`${name}x`, '', '\ud800', 'x'.repeat(100_000)]) {
        refuses(() => db.columnFamily(wrong), 'MANIFOLD_INVALID_ARGUMENT', /1 to 255 bytes of UTF-8.*Choose another/)
        refuses(() => db.table({ ...words, name: wrong }), 'MANIFOLD_INVALID_ARGUMENT', /name of a table/)
        await rejects(db.renameColumnFamily(name, wrong), 'MANIFOLD_INVALID_ARGUMENT', /Choose another/)
      }
    })
  })
})

test('a write to a table that waits for its lock does not hold up one to another family', async () => {
  await withDatabase('async', async db => {
    const held = await db.beginWrite()
    const waiting = db.table(words).put('a', '1')
    await db.columnFamily('other').table(words).put('a', '1')
    assert.equal(await stateOf(waiting), 'pending')
    held.abort()
    await waiting
    assert.equal(db.table(words).get('a'), '1')
  })
  assert.equal(PATH, '/data/app.manifold')
})

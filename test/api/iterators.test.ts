import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Database, Entries } from '../../src/index.ts'
import { entriesOf, JOURNALS, numbers, openOn, newDisk, turns, withDatabase, words } from '../support/open.ts'
import { refuses, rejects } from '../support/refusal.ts'

async function count(db: Database, to: number): Promise<void> {
  await db.table(numbers).putMany(Array.from({ length: to }, (_, i) => [i, i] as const))
}

for (const journal of JOURNALS) {
  describe(`journal '${journal}': an iterator`, () => {
    test('shows the cut of its call, whatever is written, deleted or merged while it is open', async () => {
      await withDatabase(journal, async db => {
        await count(db, 1000)
        await db.checkpoint()
        await db.table(numbers).putMany(Array.from({ length: 500 }, (_, i) => [2 * i, -0 + 2 * i] as const))
        const forward = db.table(numbers).range()
        const backward = db.table(numbers).keys({ reverse: true })
        const untouched = db.table(numbers).range({ gte: 500 })
        const seen: number[] = []
        const seenBackward: number[] = []
        for (let i = 0; i < 1000; i++) {
          seen.push(forward.next().value![0])
          seenBackward.push(backward.next().value!)
          if (i % 100 === 0) await db.table(numbers).deleteRange({ gte: i, lt: i + 300 })
          if (i % 150 === 0) await db.table(numbers).put(5000 + i, 0)
          if (i % 250 === 0) await db.checkpoint()
        }
        assert.deepEqual(
          seen,
          Array.from({ length: 1000 }, (_, i) => i),
        )
        assert.deepEqual(seenBackward, seen.toReversed())
        assert.deepEqual(forward.next(), { done: true, value: undefined })
        assert.deepEqual(backward.next(), { done: true, value: undefined })
        await db.dropTable('numbers')
        await db.checkpoint()
        assert.deepEqual(untouched.map(([key]) => key).toArray(), seen.slice(500))
        assert.equal(db.stats().pins, 0)
      })
    })

    test('is one-pass and disposable, and lets go when it is finished, returned, disposed of or left by a break', async () => {
      await withDatabase(journal, async db => {
        await count(db, 10)
        const t = db.table(numbers)
        const pins = (): number => db.stats().pins
        const whole = t.range()
        assert.equal(pins(), 1)
        assert.equal(whole[Symbol.iterator](), whole)
        assert.equal(whole.toArray().length, 10)
        assert.equal(pins(), 0)
        assert.deepEqual(whole.toArray(), [])
        const returned = t.keys()
        returned.next()
        assert.deepEqual(returned.return!(), { done: true, value: undefined })
        assert.deepEqual(returned.next(), { done: true, value: undefined })
        const disposed = t.values()
        disposed[Symbol.dispose]()
        disposed[Symbol.dispose]()
        for (const [key] of t.range()) if (key === 3) break
        assert.throws(() => {
          for (const [key] of t.range()) if (key === 3) throw new Error('left')
        }, /left/)
        const [first, second] = t.keys()
        assert.deepEqual([first, second], [0, 1])
        t.range({ limit: 3 }).toArray()
        assert.deepEqual(t.keys().take(2).toArray(), [0, 1])
        assert.deepEqual(t.keys().drop(8).toArray(), [8, 9])
        t.keys().find(key => key === 4)
        t.range({ limit: 0 })
        t.range({ gt: 5, lt: 3 })
        assert.equal(pins(), 0)
      })
    })

    test('in a transaction shows the cut of its call too, and the writes behind it are younger', async () => {
      await withDatabase(journal, async db => {
        await count(db, 100)
        await db.write(async txn => {
          const t = txn.table(numbers)
          t.put(50, 0)
          const iterator = t.range()
          const seen: [number, number][] = []
          for (let i = 0; i < 100; i++) {
            seen.push(iterator.next().value!)
            t.put(i, -1 + 1000)
            t.put(100 + i, i)
            if (i % 7 === 0) t.delete(i + 3)
            if (i === 30) t.deleteRange({ gte: 40, lt: 90 })
            if (i === 60) {
              await db.checkpoint()
              await turns()
            }
          }
          assert.deepEqual(
            seen,
            Array.from({ length: 100 }, (_, i) => [i, i === 50 ? 0 : i]),
          )
          assert.equal(iterator.next().done, true)
          const scanned: number[] = []
          t.scan({ gte: 190 }, key => {
            scanned.push(key)
            t.delete(key + 1)
          })
          assert.deepEqual(scanned, [190, 191, 192, 193, 194, 195, 196, 197, 198, 199])
        })
      })
    })

    test('in a transaction ends with a rollback', async () => {
      await withDatabase(journal, async db => {
        await count(db, 10)
        await db.write(txn => {
          const t = txn.table(numbers)
          const savepoint = txn.savepoint()
          t.put(3, 33)
          const iterator = t.range()
          iterator.next()
          txn.rollbackTo(savepoint)
          refuses(() => iterator.next(), 'MANIFOLD_CLOSED', /rolled back.*start a new one/)
          assert.equal(iterator.next().done, true)
          assert.equal(t.range().toArray().length, 10)
        })
        assert.equal(db.stats().pins, 0)
      })
    })

    test('outside is not disturbed by what a transaction writes, takes back and writes again', async () => {
      await withDatabase(journal, async db => {
        await db
          .table(words)
          .putMany(Array.from({ length: 200 }, (_, i) => [`k${String(i).padStart(3, '0')}`, 'old'] as const))
        const expected = entriesOf(db.table(words))
        for (let round = 0; round < 20; round++) {
          const iterator: Entries<[string, string]> = db.table(words).range({ reverse: round % 2 === 1 })
          const seen: [string, string][] = []
          const txn = await db.beginWrite()
          const t = txn.table(words)
          const savepoint = txn.savepoint()
          for (let step = 0; step < 40; step++) {
            for (let i = 0; i < 5; i++) {
              const { value } = iterator.next()
              if (value !== undefined) seen.push(value)
            }
            for (let i = 0; i < 30; i++) t.put(`k${String((step * 37 + i * 11) % 200).padStart(3, '0')}${i % 3}`, 'new')
            t.put(`k${String(step * 5).padStart(3, '0')}`, 'new')
            if (step % 5 === 4) txn.rollbackTo(savepoint)
          }
          txn.abort()
          assert.deepEqual(round % 2 === 1 ? seen.toReversed() : seen, expected)
        }
        assert.deepEqual(entriesOf(db.table(words)), expected)
      })
    })
  })

  describe(`journal '${journal}': a snapshot`, () => {
    test('is one cut across all families, with the sequence of its last commit', async () => {
      await withDatabase(journal, async db => {
        const families = ['a', 'b', 'c'].map(name => db.columnFamily(name))
        const write = (n: number): Promise<void> =>
          db.write(families, txn => {
            for (const family of families) txn.family(family).table(numbers).put(0, n)
          })
        const writing = (async () => {
          for (let n = 1; n <= 30; n++) await write(n)
        })()
        const snapshots = []
        for (let i = 0; i < 15; i++) {
          snapshots.push(db.snapshot())
          await turns(1)
        }
        await writing
        await db.checkpoint()
        for (const snapshot of snapshots) {
          const values = families.map(family => snapshot.family(family).table(numbers).get(0) ?? 0)
          assert.deepEqual(values, [snapshot.sequence, snapshot.sequence, snapshot.sequence])
          snapshot.close()
        }
        assert.equal(db.stats().pins, 0)
      })
    })

    test('keeps what is dropped, renamed and overwritten after it', async () => {
      await withDatabase(journal, async db => {
        const x = db.columnFamily('x')
        await x.table(words).put('a', 'old')
        await db.table(words).put('a', 'old')
        await db.checkpoint()
        const snapshot = db.snapshot()
        await db.dropColumnFamily('x')
        await db.table(words).put('a', 'new')
        await db.renameColumnFamily('default', 'other')
        await x.table(words).put('a', 'anew')
        for (let i = 0; i < 5; i++) {
          await db.checkpoint()
          await db.columnFamily('filler').table(words).put(`k${i}`, 'x'.repeat(30_000))
          assert.deepEqual(entriesOf(snapshot.family(x).table(words) as never), [['a', 'old']])
          assert.equal(snapshot.table(words).get('a'), 'old')
          assert.equal(snapshot.family(db.columnFamily('other')).table(words).get('a'), undefined)
        }
        snapshot.close()
        assert.equal(x.table(words).get('a'), 'anew')
        assert.equal(db.columnFamily('other').table(words).get('a'), 'new')
      })
    })

    test('after its end it and its iterators refuse, and closing is idempotent', async () => {
      await withDatabase(journal, async db => {
        await count(db, 10)
        const snapshot = db.snapshot()
        const t = snapshot.table(numbers)
        const iterator = t.range()
        iterator.next()
        assert.equal(db.stats().openSnapshots, 1)
        snapshot.close()
        snapshot.close()
        snapshot[Symbol.dispose]()
        assert.equal(db.stats().openSnapshots, 0)
        refuses(() => t.get(1), 'MANIFOLD_CLOSED', /snapshot is closed: take a new one/)
        refuses(() => iterator.next(), 'MANIFOLD_CLOSED', /take a new one/)
        assert.equal(iterator.next().done, true)
        assert.equal(db.stats().pins, 0)
        assert.equal(snapshot.sequence, 1)
      })
    })

    test('pins pages, which are used again when it is closed', async () => {
      const disk = newDisk()
      const db = await openOn(disk, journal)
      const fill = (n: number): Promise<void> =>
        db.table(words).putMany(Array.from({ length: 300 }, (_, i) => [`k${i}`, `${n}`.repeat(500)] as const))
      for (let n = 0; n < 5; n++) {
        await fill(n)
        await db.checkpoint()
      }
      const usual = db.stats().file.bytes
      const snapshots = []
      for (let n = 0; n < 5; n++) {
        snapshots.push(db.snapshot())
        await fill(n)
        await db.checkpoint()
      }
      const pinned = db.stats().file.bytes
      assert.ok(pinned > usual * 4, 'old pages are kept')
      for (const [n, snapshot] of snapshots.entries()) {
        assert.equal(snapshot.table(words).get('k7'), `${n === 0 ? 4 : n - 1}`.repeat(500))
        snapshot.close()
      }
      for (let n = 0; n < 4; n++) {
        await fill(n)
        await db.checkpoint()
      }
      // Two trees of this size lie in the file in turn.
      assert.ok(db.stats().file.bytes <= usual * 2, 'and given back')
      await db.close()
    })
  })
}

test('readers never wait for writers: a read inside an open transaction of another is answered at once', async () => {
  await withDatabase('async', async db => {
    await count(db, 10)
    const txn = await db.beginWrite()
    txn.table(numbers).clear()
    assert.equal(db.table(numbers).count(), 10)
    const aborter = new AbortController()
    const waiting = db.table(numbers).put(1, 1, { signal: aborter.signal })
    await turns()
    assert.equal(db.table(numbers).count(), 10)
    aborter.abort()
    await rejects(waiting, 'MANIFOLD_ABORTED', /nothing was written/i)
    assert.equal(db.table(numbers).count(), 10)
    await txn.commit()
    assert.equal(db.table(numbers).count(), 0)
  })
})

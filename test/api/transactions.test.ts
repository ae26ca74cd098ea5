import assert from 'node:assert/strict'
import os from 'node:os'
import { describe, test } from 'node:test'
import type { FamiliesTransaction, Savepoint, Transaction } from '../../src/index.ts'
import {
  blobs,
  entriesOf,
  JOURNALS,
  newDisk,
  numbers,
  openOn,
  stateOf,
  turns,
  withDatabase,
  words,
} from '../support/open.ts'
import { refuses, rejects } from '../support/refusal.ts'

const failure = new Error('of the caller')

for (const journal of JOURNALS) {
  describe(`journal '${journal}'`, () => {
    test('write resolves with the result of its body, sync or async', async () => {
      await withDatabase(journal, async db => {
        assert.equal(await db.write(() => 5), 5)
        assert.equal(await db.write(async () => 6), 6)
        assert.equal(
          await db.write(txn => {
            txn.table(words).put('a', '1')
            return 'done'
          }),
          'done',
        )
        assert.equal(
          await db.write(async txn => {
            await turns()
            txn.table(words).put('b', '2')
            return txn.table(words).count()
          }),
          2,
        )
        assert.equal(
          db.writeSync(txn => txn.table(words).get('b')),
          '2',
        )
        assert.equal(
          await db.write([db.columnFamily('x')], txn => txn.family(db.columnFamily('x')).table(words).count()),
          0,
        )
      })
    })

    test('a body never starts before write has returned', async () => {
      await withDatabase(journal, async db => {
        let returned = false
        const written = db.write(() => assert.ok(returned))
        returned = true
        await written
      })
    })

    test('a body reads its own writes, and nobody else does', async () => {
      await withDatabase(journal, async db => {
        await db.table(words).put('a', 'old')
        await db.write(async txn => {
          const t = txn.table(words)
          t.put('a', 'new')
          t.put('b', 'new')
          assert.deepEqual(entriesOf(t as never), [
            ['a', 'new'],
            ['b', 'new'],
          ])
          await turns()
          assert.deepEqual(entriesOf(db.table(words)), [['a', 'old']])
          t.delete('a')
          assert.equal(t.get('a'), undefined)
          t.clear()
          assert.equal(t.count(), 0)
          t.insert('a', 'inserted')
          refuses(() => t.insert('a', 'twice'), 'MANIFOLD_KEY_EXISTS', /Use put\(\)/)
          assert.equal(
            t.update('a', old => `${old} and updated`),
            'inserted and updated',
          )
          t.putMany([
            ['m', '1'],
            ['n', '2'],
          ])
          t.deleteRange({ gte: 'n' })
          refuses(() => t.deleteRange({}), 'MANIFOLD_INVALID_ARGUMENT', /Call clear\(\)/)
        })
        assert.deepEqual(entriesOf(db.table(words)), [
          ['a', 'inserted and updated'],
          ['m', '1'],
        ])
      })
    })

    test('a body that throws or rejects leaves no trace, and its error comes out as it is', async () => {
      await withDatabase(journal, async db => {
        await db.table(words).put('a', 'old')
        const bodies: ((txn: Transaction) => unknown)[] = [
          txn => {
            txn.table(words).put('a', 'new')
            txn.table(numbers).put(1, 1)
            throw failure
          },
          async txn => {
            txn.table(words).clear()
            await turns()
            throw failure
          },
          txn => {
            txn.table(words).put('a', 'new')
            return Promise.reject(failure)
          },
        ]
        for (const body of bodies) await assert.rejects(db.write(body), error => error === failure)
        assert.throws(
          () =>
            db.writeSync(txn => {
              txn.table(words).put('a', 'new')
              throw failure
            }),
          error => error === failure,
        )
        assert.deepEqual(entriesOf(db.table(words)), [['a', 'old']])
        assert.deepEqual(db.tables(), ['words'])
        await db
          .columnFamily('x')
          .write(txn => {
            txn.table(words).put('a', '1')
            throw failure
          })
          .catch(() => {})
        assert.deepEqual(db.columnFamilies(), ['default'])
      })
    })

    test('a body that throws what is no error, even undefined, is an abort', async () => {
      await withDatabase(journal, async db => {
        for (const thrown of [undefined, null, 0, 'text']) {
          const seen = await db
            .write(txn => {
              txn.table(words).put('a', '1')
              throw thrown
            })
            .then(
              () => assert.fail('resolved'),
              (error: unknown) => error,
            )
          assert.equal(seen, thrown)
        }
        assert.equal(db.table(words).count(), 0)
      })
    })

    test('several families change together', async () => {
      await withDatabase(journal, async db => {
        const [a, b, c] = ['a', 'b', 'c'].map(name => db.columnFamily(name)) as [never, never, never]
        await db.write([c, a, b, a], txn => {
          for (const family of [a, b, c]) txn.family(family).table(words).put('k', '1')
        })
        assert.deepEqual(db.columnFamilies(), ['a', 'b', 'c'])
        const seen: number[] = []
        const write = db.write([a, b, c], async txn => {
          for (const family of [a, b, c]) txn.family(family).table(words).put('k', '2')
          await turns()
        })
        const watch = async (): Promise<void> => {
          for (let i = 0; i < 20; i++) {
            const values = [a, b, c].map(family => (family as { table: typeof db.table }).table(words).get('k'))
            seen.push(new Set(values).size)
            await turns(1)
          }
        }
        await Promise.all([write, watch()])
        assert.ok(seen.every(different => different === 1))
        await assert.rejects(
          db.write([a, b], txn => {
            txn.family(a).table(words).put('k', '3')
            throw failure
          }),
          error => error === failure,
        )
        assert.equal(db.columnFamily('a').table(words).get('k'), '2')
      })
    })

    test('savepoints: a rollback takes back everything since, also tables, and can be repeated', async () => {
      await withDatabase(journal, async db => {
        await db.table(words).putMany([
          ['a', 'old'],
          ['b', 'old'],
        ])
        await db.write(txn => {
          const t = txn.table(words)
          t.put('a', '1')
          const first = txn.savepoint()
          t.put('a', '2')
          t.delete('b')
          txn.table(numbers).put(1, 1)
          const second = txn.savepoint()
          t.clear()
          txn.rollbackTo(second)
          assert.equal(t.get('a'), '2')
          txn.rollbackTo(first)
          assert.deepEqual(t.range().toArray(), [
            ['a', '1'],
            ['b', 'old'],
          ])
          refuses(() => txn.rollbackTo(second), 'MANIFOLD_INVALID_ARGUMENT', /take a new savepoint/)
          t.put('c', '3')
          txn.rollbackTo(first)
          assert.equal(t.has('c'), false)
          assert.equal(txn.table(numbers).count(), 0)
          t.put('d', '4')
        })
        assert.deepEqual(entriesOf(db.table(words)), [
          ['a', '1'],
          ['b', 'old'],
          ['d', '4'],
        ])
        assert.deepEqual(db.tables(), ['words'])
      })
    })

    test('a savepoint spans all families of its transaction, and is of no other', async () => {
      await withDatabase(journal, async db => {
        const [a, b] = [db.columnFamily('a'), db.columnFamily('b')]
        let kept: Savepoint | undefined
        await db.write([a, b], txn => {
          txn.family(a).table(words).put('k', '1')
          const savepoint = (kept = txn.savepoint())
          txn.family(a).table(words).put('k', '2')
          txn.family(b).table(words).put('k', '2')
          txn.rollbackTo(savepoint)
          assert.equal(txn.family(a).table(words).get('k'), '1')
          assert.equal(txn.family(b).table(words).get('k'), undefined)
        })
        assert.deepEqual(db.columnFamilies(), ['a'])
        await db.write([a, b], txn => {
          refuses(() => txn.rollbackTo(kept!), 'MANIFOLD_INVALID_ARGUMENT', /not one of this transaction/)
          refuses(() => txn.rollbackTo({} as never), 'MANIFOLD_INVALID_ARGUMENT', /savepoint/)
        })
      })
    })

    test('a transaction that is rolled back to its beginning has written nothing', async () => {
      await withDatabase(journal, async db => {
        const txn = await db.beginWrite()
        const start = txn.savepoint()
        txn.table(words).put('a', '1')
        txn.rollbackTo(start)
        assert.equal((await txn.commit()).sequence, 0)
        assert.deepEqual(db.columnFamilies(), [])
      })
    })

    test('beginWrite: commit resolves with the sequence, abort leaves no trace', async () => {
      await withDatabase(journal, async db => {
        const txn = await db.beginWrite()
        txn.table(words).put('a', '1')
        const commit = await txn.commit()
        assert.equal(commit.sequence, 1)
        assert.equal(await commit.durable, undefined)
        assert.equal(db.table(words).get('a'), '1')
        const other = await db.beginWrite()
        other.table(words).put('a', '2')
        other.abort()
        other.abort()
        assert.equal(db.table(words).get('a'), '1')
        const families = await db.beginWrite([db.columnFamily('x'), db.columnFamily('y')])
        families.family(db.columnFamily('y')).table(words).put('a', '1')
        assert.equal((await families.commit()).sequence, 2)
        assert.deepEqual(db.columnFamilies(), ['default', 'y'])
      })
    })

    test('disposal aborts what was not committed, and does nothing after a commit', async () => {
      await withDatabase(journal, async db => {
        const first = await db.beginWrite()
        first.table(words).put('a', '1')
        first[Symbol.dispose]()
        assert.equal(db.table(words).has('a'), false)
        const second = await db.beginWrite()
        second.table(words).put('a', '2')
        await second[Symbol.asyncDispose]()
        assert.equal(db.table(words).has('a'), false)
        const third = await db.beginWrite()
        third.table(words).put('a', '3')
        const committed = third.commit()
        third[Symbol.dispose]()
        await third[Symbol.asyncDispose]()
        await committed
        assert.equal(db.table(words).get('a'), '3')
      })
    })

    test('after its end a transaction, its tables and its iterators refuse with MANIFOLD_CLOSED', async () => {
      await withDatabase(journal, async db => {
        await db.table(words).putMany([
          ['a', '1'],
          ['b', '2'],
        ])
        for (const end of ['commit', 'abort'] as const) {
          const txn = await db.beginWrite()
          const t = txn.table(words)
          const savepoint = txn.savepoint()
          const iterator = t.range()
          iterator.next()
          if (end === 'commit') await txn.commit()
          else txn.abort()
          const calls: (() => unknown)[] = [
            () => t.get('a'),
            () => t.range(),
            () => t.scan({}, () => {}),
            () => t.put('a', 'x'),
            () => t.putMany([['a', 'x']]),
            () => t.insert('a', 'x'),
            () => t.update('a', () => 'x'),
            () => t.delete('a'),
            () => t.deleteRange({ gt: 'a' }),
            () => t.clear(),
            () => txn.table(words),
            () => txn.family(db.columnFamily('default')),
            () => txn.savepoint(),
            () => txn.rollbackTo(savepoint),
            () => iterator.next(),
          ]
          for (const call of calls) refuses(call, 'MANIFOLD_CLOSED', /transaction has ended: begin a new one/)
          await rejects(txn.commit(), 'MANIFOLD_CLOSED', /begin a new one/)
          txn.abort()
          assert.equal(db.table(words).get('a'), '1')
          assert.equal(db.stats().pins, 0)
        }
        let leaked: Transaction | undefined
        await db.write(txn => void (leaked = txn))
        refuses(() => leaked!.table(words), 'MANIFOLD_CLOSED', /begin a new one/)
      })
    })

    test("a body's transaction has neither commit nor abort, one over several families has no table", async () => {
      await withDatabase(journal, async db => {
        await db.write(txn => {
          assert.ok(!('commit' in txn) && !('abort' in txn))
          assert.ok('table' in txn && 'family' in txn && 'savepoint' in txn && 'rollbackTo' in txn)
        })
        await db.write([db.columnFamily('x')], (txn: FamiliesTransaction) => {
          assert.ok(!('table' in txn) && !('commit' in txn))
          const error = refuses(
            () => txn.family(db.columnFamily('y')),
            'MANIFOLD_INVALID_ARGUMENT',
            /list every family/,
          )
          assert.match(error.message, /'x'.*not with 'y'/)
        })
        const own = await db.columnFamily('z').beginWrite()
        own.family(db.columnFamily('z')).table(words).put('a', '1')
        refuses(() => own.family(db.columnFamily('default')), 'MANIFOLD_INVALID_ARGUMENT', /list every family/)
        await own.commit()
        assert.equal(db.columnFamily('z').table(words).get('a'), '1')
      })
    })

    test('a writeSync body that returns a promise is an abort', async () => {
      await withDatabase(journal, async db => {
        await db.table(words).put('a', 'old')
        refuses(
          () => db.writeSync((async (txn: Transaction) => txn.table(words).put('a', 'new')) as never),
          'MANIFOLD_INVALID_ARGUMENT',
          /returned a promise.*nothing was written.*Use write\(\)/,
        )
        refuses(
          () => db.writeSync((() => Promise.reject(failure)) as never),
          'MANIFOLD_INVALID_ARGUMENT',
          /must be synchronous/,
        )
        assert.equal(db.table(words).get('a'), 'old')
        db.writeSync(txn => txn.table(words).put('a', 'new'))
        assert.equal(db.table(words).get('a'), 'new')
        db.writeSync([db.columnFamily('x')], txn => txn.family(db.columnFamily('x')).table(words).put('a', '1'))
        assert.equal(db.columnFamily('x').table(words).get('a'), '1')
      })
    })

    test('writeSync is visible when it returns, and behind what was committed before', async () => {
      await withDatabase(journal, async db => {
        const before = Promise.all(Array.from({ length: 10 }, (_, i) => db.table(numbers).put(i, i)))
        assert.equal(db.table(numbers).count(), 0)
        for (const durability of ['immediate', 'eventual', 'none'] as const) {
          db.writeSync(txn => txn.table(words).put(durability, txn.table(numbers).count().toString()), { durability })
          assert.equal(db.table(words).get(durability), '10')
        }
        assert.equal(db.table(numbers).count(), 10)
        await before
      })
    })

    test('what a refused write leaves behind in a body is what the body chooses to keep', async () => {
      await withDatabase(journal, async db => {
        await db.write(txn => {
          const t = txn.table(words)
          t.put('a', '1')
          refuses(() => t.put('b', 5 as never), 'MANIFOLD_INVALID_VALUE', /expected a string/)
          refuses(() => t.put('k'.repeat(2049), ''), 'MANIFOLD_KEY_TOO_LARGE', /shorter key/)
          refuses(
            () =>
              t.putMany([
                ['c', '3'],
                ['d', 4 as never],
              ]),
            'MANIFOLD_INVALID_VALUE',
            /expected a string/,
          )
        })
        assert.deepEqual(db.table(words).keys().toArray(), ['a', 'c'])
      })
    })
  })
}

test('a column family of another database is refused wherever one is given', async () => {
  await withDatabase('sync', async db => {
    const other = await openOn(newDisk(), 'sync')
    const [own, foreign] = [db.columnFamily('x'), other.columnFamily('x')]
    await foreign.table(words).put('a', 'of the other')
    await own.table(words).put('a', 'of this')
    const advice = /column family of this database.*Take it from columnFamily\(\)/
    await own.write(txn => void refuses(() => txn.family(foreign), 'MANIFOLD_INVALID_ARGUMENT', advice))
    await db.write([own], txn => void refuses(() => txn.family(foreign), 'MANIFOLD_INVALID_ARGUMENT', advice))
    await rejects(
      db.write([own, foreign], () => {}),
      'MANIFOLD_INVALID_ARGUMENT',
      advice,
    )
    const snapshot = db.snapshot()
    refuses(() => snapshot.family(foreign), 'MANIFOLD_INVALID_ARGUMENT', advice)
    refuses(() => snapshot.family({ name: 'x' } as never), 'MANIFOLD_INVALID_ARGUMENT', advice)
    assert.equal(snapshot.family(own).table(words).get('a'), 'of this')
    snapshot.close()
    await other.close()
  })
})

test('a transaction over 1 GiB is refused as a whole, and the next one works', async t => {
  if (os.freemem() < 4 * 2 ** 30) return t.skip('there is too little free memory for a transaction at its limit')
  await withDatabase('off', async db => {
    await db.table(words).put('a', '1')
    const value = new Uint8Array(64 * 2 ** 20)
    const txn = await db.beginWrite()
    const table = txn.table(blobs)
    const fillUp = (): void => {
      for (let i = 0; i < 17; i++) table.put(i, value)
    }
    refuses(fillUp, 'MANIFOLD_TRANSACTION_TOO_LARGE', /1073741824 bytes.*Split it into several/)
    refuses(() => table.put(99, value.subarray(0, 10)), 'MANIFOLD_TRANSACTION_TOO_LARGE', /Split it/)
    await rejects(txn.commit(), 'MANIFOLD_TRANSACTION_TOO_LARGE', /Split it/)
    assert.deepEqual(db.tables(), ['words'])
    await db.table(blobs).put(1, value.subarray(0, 10))
    assert.equal(db.table(blobs).count(), 1)
    assert.ok(db.stats().memory.bytes < 2 ** 28, 'the memory is given back')
  })
})

test('a transaction may stay open over many checkpoints', async () => {
  await withDatabase('async', async db => {
    await db.table(words).putMany(Array.from({ length: 50 }, (_, i) => [`k${i}`, 'old'] as const))
    const txn = await db.beginWrite()
    const t = txn.table(words)
    for (let i = 0; i < 10; i++) {
      t.put(`k${i}`, 'new')
      await db.columnFamily('other').table(words).put(`k${i}`, 'x')
      await db.checkpoint()
      assert.equal(t.get(`k${i}`), 'new')
      assert.equal(t.get(`k${i + 1}`), 'old')
      assert.equal(db.table(words).get(`k${i}`), 'old')
    }
    assert.equal(t.count({ prefix: 'k' }), 50)
    await txn.commit()
    assert.equal(
      db
        .table(words)
        .values()
        .filter(value => value === 'new')
        .toArray().length,
      10,
    )
    assert.equal(await stateOf(db.sync()), 'resolved')
  })
})

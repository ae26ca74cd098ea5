import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Database, FamiliesTransaction } from '../../src/index.ts'
import { JOURNALS, newDisk, openOn, stateOf, turns, withDatabase, words } from '../support/open.ts'
import { refuses, rejects } from '../support/refusal.ts'

for (const journal of JOURNALS) {
  describe(`journal '${journal}': locks`, () => {
    test('are granted in the order in which they were asked for', async () => {
      await withDatabase(journal, async db => {
        const held = await db.beginWrite()
        const order: string[] = []
        const say = (name: string) => () => void order.push(name)
        const t = db.table(words)
        const all = [
          db.write(say('write')),
          t.update('a', () => (order.push('update'), undefined)),
          db.beginWrite().then(txn => (order.push('beginWrite'), txn.abort())),
          db.write([db.columnFamily('a'), db.columnFamily('default')], say('several')),
          db.write(async () => {
            await turns()
            order.push('async')
          }),
          db.write(say('last')),
        ]
        assert.deepEqual(order, [])
        held.abort()
        await Promise.all(all)
        assert.deepEqual(order, ['write', 'update', 'beginWrite', 'several', 'async', 'last'])
      })
    })

    test('of different families are held at the same time', async () => {
      await withDatabase(journal, async db => {
        const [a, b] = [await db.columnFamily('a').beginWrite(), await db.columnFamily('b').beginWrite()]
        a.table(words).put('k', 'a')
        b.table(words).put('k', 'b')
        db.columnFamily('c').writeSync(txn => txn.table(words).put('k', 'c'))
        await Promise.all([b.commit(), a.commit()])
        for (const name of ['a', 'b', 'c']) assert.equal(db.columnFamily(name).table(words).get('k'), name)
      })
    })

    test('of several families are taken in one order, so that nobody waits for ever', async () => {
      await withDatabase(journal, async db => {
        const names = ['a', 'b', 'c', 'd', 'e']
        const families = names.map(name => db.columnFamily(name))
        let held = 0
        const written = Array.from({ length: 60 }, async (_, i) => {
          const chosen = families.filter((_family, at) => (i >> at) % 2 === 1 || at === i % 5)
          if (i % 2 === 0) chosen.reverse()
          await db.write(chosen, async (txn: FamiliesTransaction) => {
            held++
            for (const family of chosen)
              txn
                .family(family)
                .table(words)
                .update('n', old => String(Number(old ?? 0) + 1))
            if (i % 3 === 0) await turns(1)
          })
        })
        await Promise.all(written)
        assert.equal(held, 60)
        const counts = families.map(family => Number(family.table(words).get('n')))
        const expected = names.map((_, at) =>
          Array.from({ length: 60 }, (_n, i) => (i >> at) % 2 === 1 || at === i % 5),
        )
        assert.deepEqual(
          counts,
          expected.map(list => list.filter(Boolean).length),
        )
      })
    })

    test("are freed at the append: the family's next transaction does not wait for the sync", async () => {
      await withDatabase(journal, async db => {
        const first = db.table(words).put('a', '1')
        let began = false
        const second = db.write(txn => {
          began = true
          assert.equal(txn.table(words).get('a'), '1')
          assert.equal(db.table(words).get('a'), undefined, 'not visible yet, but there for the next writer')
        })
        await Promise.resolve()
        await Promise.resolve()
        assert.ok(began)
        await Promise.all([first, second])
      })
    })

    test('a signal ends the wait for one, and leaves the line in order', async () => {
      await withDatabase(journal, async db => {
        const held = await db.beginWrite()
        held.table(words).put('a', '1')
        const aborter = new AbortController()
        const { signal } = aborter
        const reason = new Error('no more')
        const before = db.table(words).put('b', '1')
        const waiting = [
          db.table(words).put('c', 'never', { signal }),
          db.table(words).putMany([['c', 'never']], { signal }),
          db.table(words).insert('c', 'never', { signal }),
          db.table(words).update('c', () => 'never', { signal }),
          db.table(words).delete('b', { signal }),
          db.table(words).deleteRange({ gte: 'a' }, { signal }),
          db.table(words).clear({ signal }),
          db.write(() => assert.fail('the body ran'), { signal }),
          db.beginWrite({ signal }),
          db.write([db.columnFamily('x'), db.columnFamily('default')], () => assert.fail('the body ran'), { signal }),
        ]
        const after = db.table(words).put('d', '1')
        await turns()
        aborter.abort(reason)
        for (const promise of waiting) {
          const error = await rejects(promise, 'MANIFOLD_ABORTED', /nothing was written/i)
          assert.equal(error.cause, reason)
        }
        await db.columnFamily('x').table(words).put('free', 'again')
        assert.equal(await stateOf(after), 'pending')
        await held.commit()
        await Promise.all([before, after])
        assert.deepEqual(db.table(words).keys().toArray(), ['a', 'b', 'd'])
      })
    })

    test('a signal that was aborted before refuses at once; one that is aborted later never ends a commit', async () => {
      await withDatabase(journal, async db => {
        const t = db.table(words)
        const gone = AbortSignal.abort()
        await rejects(t.put('a', '1', { signal: gone }), 'MANIFOLD_ABORTED', /nothing was written/i)
        await rejects(
          db.write(() => {}, { signal: gone }),
          'MANIFOLD_ABORTED',
          /nothing was written/i,
        )
        const aborter = new AbortController()
        const written = db.write(
          async txn => {
            txn.table(words).put('a', '1')
            await turns(1)
            aborter.abort()
          },
          { signal: aborter.signal },
        )
        await written
        assert.equal(t.get('a'), '1')
        const late = new AbortController()
        const put = t.put('b', '2', { signal: late.signal })
        late.abort()
        await put
        assert.equal(t.get('b'), '2')
      })
    })

    test('signals are not listened to any longer than needed', async () => {
      await withDatabase(journal, async db => {
        let listeners = 0
        const signal = {
          aborted: false,
          reason: undefined,
          addEventListener: () => void listeners++,
          removeEventListener: () => void listeners--,
        }
        const held = await db.beginWrite({ signal })
        const waiting = db.table(words).put('a', '1', { signal })
        await turns()
        assert.equal(listeners, 1)
        held.abort()
        await waiting
        assert.equal(listeners, 0)
      })
    })
  })

  describe(`journal '${journal}': inside a body`, () => {
    test('a write outside txn to a family that it holds is refused', async () => {
      await withDatabase(journal, async db => {
        const x = db.columnFamily('x')
        const t = db.table(words)
        const nested = (): Promise<unknown>[] => [
          t.put('a', '1'),
          t.putMany([['a', '1']]),
          t.insert('a', '1'),
          t.update('a', () => '1'),
          t.delete('a'),
          t.deleteRange({ gte: 'a' }),
          t.clear(),
          db.write(() => assert.fail('the body ran')),
          db.beginWrite(),
          db.write([x, db.columnFamily('default')], () => assert.fail('the body ran')),
          db.dropTable('words'),
          db.dropColumnFamily('default'),
          db.renameColumnFamily('default', 'y'),
          db.renameColumnFamily('y', 'default'),
        ]
        const check = async (): Promise<void> => {
          for (const promise of nested()) await rejects(promise, 'MANIFOLD_NESTED_WRITE', /use txn\.table\(\.\.\.\)/)
          refuses(() => db.writeSync(() => {}), 'MANIFOLD_NESTED_WRITE', /use txn\.table/)
        }
        await db.write(async txn => {
          txn.table(words).put('own', '1')
          await check()
          await turns()
          await check()
          await Promise.all([turns(), check()])
        })
        const pending: Promise<unknown>[] = []
        await db.write(() => {
          for (const promise of nested()) pending.push(rejects(promise, 'MANIFOLD_NESTED_WRITE', /txn/))
        })
        db.writeSync(() => {
          for (const promise of nested()) pending.push(rejects(promise, 'MANIFOLD_NESTED_WRITE', /txn/))
        })
        await Promise.all(pending)
        assert.deepEqual(t.keys().toArray(), ['own'])
      })
    })

    test('a write to a family that it does not hold is a transaction like any other', async () => {
      await withDatabase(journal, async db => {
        const x = db.columnFamily('x')
        const failure = new Error('of the caller')
        await assert.rejects(
          db.write(async txn => {
            txn.table(words).put('a', '1')
            await x.table(words).put('a', 'x')
            x.writeSync(inner => inner.table(words).put('b', 'x'))
            await x.write(async () => {
              await rejects(db.table(words).put('c', 'x'), 'MANIFOLD_NESTED_WRITE', /txn/)
              await turns()
              await rejects(db.table(words).put('c', 'x'), 'MANIFOLD_NESTED_WRITE', /txn/)
            })
            throw failure
          }),
          error => error === failure,
        )
        assert.deepEqual(x.table(words).keys().toArray(), ['a', 'b'])
        assert.equal(db.table(words).count(), 0)
      })
    })

    test('another database, reads, and what happens beside the body are not nested', async () => {
      const other = await openOn(newDisk(), journal)
      await withDatabase(journal, async db => {
        const body = db.write(async txn => {
          await other.table(words).put('a', '1')
          txn.table(words).put('a', '1')
          assert.equal(db.table(words).get('a'), undefined)
          db.snapshot().close()
          await db.checkpoint()
          await turns()
        })
        await turns(1)
        const beside = db.table(words).put('b', '2')
        assert.equal(await stateOf(beside, 1), 'pending')
        await body
        await beside
        assert.equal(db.table(words).count(), 2)
      })
      await other.close()
    })

    test('after its body has ended, what it left running writes again', async () => {
      await withDatabase(journal, async db => {
        let later: Promise<void> | undefined
        await db.write(async () => {
          later = turns(10).then(() => db.table(words).put('later', '1'))
          await turns(1)
        })
        await later
        assert.equal(db.table(words).get('later'), '1')
      })
    })
  })

  test(`journal '${journal}': writeSync throws MANIFOLD_BUSY where waiting would block the holder`, async () => {
    await withDatabase(journal, async db => {
      const held = await db.beginWrite([db.columnFamily('default'), db.columnFamily('x')])
      held.family(db.columnFamily('x')).table(words).put('a', '1')
      for (const act of [
        (): unknown => db.writeSync(() => assert.fail('the body ran')),
        (): unknown => db.columnFamily('x').writeSync(() => assert.fail('the body ran')),
        (): unknown => db.writeSync([db.columnFamily('y'), db.columnFamily('x')], () => assert.fail('the body ran')),
      ]) {
        refuses(act, 'MANIFOLD_BUSY', /Use write\(\) and await it/)
      }
      db.columnFamily('y').writeSync(txn => txn.table(words).put('free', '1'))
      await held.commit()
      db.columnFamily('x').writeSync(txn => txn.table(words).put('b', '2'))
      assert.deepEqual(db.columnFamily('x').table(words).keys().toArray(), ['a', 'b'])
    })
  })
}

/** Whether the promise settles within half a minute of real time: a busy machine may take long over it. */
function settles(promise: Promise<unknown>): Promise<boolean> {
  return Promise.race([
    promise.then(
      () => true,
      () => true,
    ),
    new Promise<boolean>(resolve => void setTimeout(resolve, 30_000, false).unref()),
  ])
}

describe('the memory budget', () => {
  const SMALL = { writeBufferBytes: 1 << 20 }

  async function overshot(db: Database): Promise<{ abort(): void; commit(): Promise<unknown> }> {
    const txn = await db.columnFamily('large').beginWrite()
    for (let i = 0; i < 30; i++) txn.table(words).put(`k${i}`, 'x'.repeat(100_000))
    return txn
  }

  for (const journal of JOURNALS) {
    test(`journal '${journal}': one transaction may overshoot it, and others go on meanwhile`, async () => {
      await withDatabase(
        journal,
        async db => {
          const large = await overshot(db)
          assert.ok(db.stats().memory.bytes > db.stats().memory.limitBytes)
          for (let i = 0; i < 5; i++) {
            const put = db.table(words).put(`n${i}`, '1')
            assert.ok(await settles(put), 'a write waits for memory that only another writer can free')
            db.writeSync(txn => txn.table(words).put(`s${i}`, '1'))
          }
          await large.commit()
          for (let i = 0; i < 5; i++) await db.table(words).put(`m${i}`, '1')
          await db.checkpoint()
          assert.equal(db.table(words).count(), 15)
          assert.equal(db.columnFamily('large').table(words).count(), 30)
          assert.ok(db.stats().memory.bytes < db.stats().memory.limitBytes)
        },
        SMALL,
      )
    })

    test(`journal '${journal}': a body may write to another family when its own entries fill it`, async () => {
      await withDatabase(
        journal,
        async db => {
          const written = db.columnFamily('large').write(async txn => {
            for (let i = 0; i < 30; i++) txn.table(words).put(`k${i}`, 'x'.repeat(100_000))
            await db.table(words).put('a', '1')
            db.writeSync(inner => inner.table(words).put('b', '1'))
          })
          assert.ok(await settles(written))
          assert.deepEqual(db.table(words).keys().toArray(), ['a', 'b'])
        },
        SMALL,
      )
    })

    test(`journal '${journal}': writers that find it spent go on in order when there is memory again`, async () => {
      await withDatabase(
        journal,
        async db => {
          const done: number[] = []
          const all = Array.from({ length: 120 }, (_, i) =>
            i % 3 === 0
              ? db.table(words).put(`k${i % 10}`, 'x'.repeat(50_000) + i)
              : db.table(words).update(`k${i % 10}`, () => {
                  done.push(i)
                  return 'x'.repeat(50_000) + i
                }),
          )
          assert.ok(await settles(Promise.all(all)))
          assert.deepEqual(
            done,
            done.toSorted((a, b) => a - b),
          )
          for (let i = 110; i < 120; i++)
            assert.ok(
              db
                .table(words)
                .get(`k${i % 10}`)!
                .endsWith(String(i)),
            )
          assert.ok(db.stats().checkpoints.count > 0)
        },
        SMALL,
      )
    })
  }
})

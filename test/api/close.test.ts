import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Database } from '../../src/index.ts'
import { GatedDisk } from '../support/crash.ts'
import { entriesOf, JOURNALS, newDisk, numbers, openOn, PATH, turns, withDatabase, words } from '../support/open.ts'
import { checkPages } from '../support/pages.ts'
import { refuses, rejects } from '../support/refusal.ts'

for (const journal of JOURNALS) {
  describe(`journal '${journal}': close`, () => {
    test('finishes commits that have begun, and leaves one file that opens without replay', async () => {
      const disk = newDisk()
      const db = await openOn(disk, journal)
      const commits = Array.from({ length: 50 }, (_, i) =>
        db
          .columnFamily(`f${i % 4}`)
          .table(numbers)
          .put(i, i),
      )
      await db.close()
      await Promise.all(commits)
      assert.deepEqual(disk.listSync('/data'), ['app.manifold'])
      assert.equal(checkPages(disk, PATH), 50)
      const progress: unknown[] = []
      const again = await openOn(disk, journal, { onRecovery: each => void progress.push(each) })
      assert.deepEqual(progress, [])
      assert.equal(
        [0, 1, 2, 3].reduce((sum, i) => sum + again.columnFamily(`f${i}`).table(numbers).count(), 0),
        50,
      )
      await again.close()
    })

    test('finishes a commit that waits for room in the log', async () => {
      for (const schema of [false, true]) {
        const gate = new GatedDisk()
        const db = await openOn(gate.disk, journal)
        // So much that the segments at hand are full.
        await db.columnFamily('x').table(words).put('a', 'x'.repeat(40_000))
        gate.shut()
        const before = db.table(words).put('before', 'x'.repeat(300_000))
        const begun = schema ? db.renameColumnFamily('x', 'y') : db.table(words).put('late', 'x'.repeat(300_000))
        const settled = Promise.allSettled([before, begun])
        await turns()
        const closed = db.close()
        await turns()
        gate.open()
        await closed
        const outcomes = await settled
        const again = await openOn(gate.disk, journal)
        assert.equal(again.table(words).has('before'), outcomes[0].status === 'fulfilled')
        const done = schema ? again.columnFamilies().includes('y') : again.table(words).has('late')
        assert.equal(
          done,
          outcomes[1].status === 'fulfilled',
          'what was said to have happened has happened, and nothing else',
        )
        for (const outcome of outcomes) {
          if (outcome.status === 'rejected') assert.equal((outcome.reason as { code: string }).code, 'MANIFOLD_CLOSED')
        }
        await again.close()
        checkPages(gate.disk, PATH)
      }
    })

    test('aborts open transactions and refuses those who wait for a lock', async () => {
      const disk = newDisk()
      const db = await openOn(disk, journal)
      await db.table(words).put('a', '1')
      const txn = await db.beginWrite()
      txn.table(words).put('b', '2')
      let resume = (): void => {}
      const paused = new Promise<void>(resolve => (resume = resolve))
      const body = db.columnFamily('x').write(async inner => {
        inner.table(words).put('c', '3')
        await paused
        refuses(() => inner.table(words).put('d', '4'), 'MANIFOLD_CLOSED', /begin a new one/)
        return 'swallowed'
      })
      await turns()
      const waiting = [
        db.table(words).put('e', '5'),
        db.write(() => assert.fail('the body ran')),
        db.beginWrite(),
        db.dropTable(words),
        db.dropColumnFamily('default'),
      ]
      const refused = Promise.all(waiting.map(each => rejects(each, 'MANIFOLD_CLOSED', /open it again/)))
      await db.close()
      resume()
      await rejects(body, 'MANIFOLD_CLOSED', /was aborted/)
      await refused
      refuses(() => txn.table(words), 'MANIFOLD_CLOSED', /begin a new one/)
      await rejects(txn.commit(), 'MANIFOLD_CLOSED', /begin a new one/)
      txn.abort()
      const again = await openOn(disk, journal)
      assert.deepEqual(again.columnFamilies(), ['default'])
      assert.deepEqual(entriesOf(again.table(words)), [['a', '1']])
      await again.close()
    })

    test('ends snapshots and iterators, and everything refuses from then on', async () => {
      const disk = newDisk()
      const db = await openOn(disk, journal)
      const t = db.table(words)
      await t.putMany([
        ['a', '1'],
        ['b', '2'],
      ])
      const family = db.columnFamily('x')
      const snapshot = db.snapshot()
      const frozen = snapshot.table(words)
      const iterators = [t.range(), frozen.keys()]
      for (const iterator of iterators) iterator.next()
      const closing = db.close()
      const check = async (): Promise<void> => {
        const reads: (() => unknown)[] = [
          () => t.get('a'),
          () => t.has('a'),
          () => t.getMany(['a']),
          () => t.range(),
          () => t.keys(),
          () => t.values(),
          () => t.first(),
          () => t.last(),
          () => t.count(),
          () => t.scan({}, () => {}),
          () => family.table(words),
          () => family.tables(),
          () => family.stats(),
          () => db.table(words),
          () => db.tables(),
          () => db.columnFamilies(),
          () => db.snapshot(),
          () => db.stats(),
          () => db.writeSync(() => {}),
          () => family.writeSync(() => {}),
        ]
        for (const read of reads) refuses(read, 'MANIFOLD_CLOSED', /open it again/)
        const writes: (() => Promise<unknown>)[] = [
          () => t.put('a', '1'),
          () => t.putMany([]),
          () => t.insert('a', '1'),
          () => t.update('a', () => '1'),
          () => t.delete('a'),
          () => t.deleteRange({ gte: 'a' }),
          () => t.clear(),
          () => db.write(() => {}),
          () => db.beginWrite(),
          () => db.write([family], () => {}),
          () => db.dropTable('words'),
          () => db.dropColumnFamily('x'),
          () => db.renameColumnFamily('x', 'y'),
          () => db.sync(),
          () => db.checkpoint(),
        ]
        for (const write of writes) await rejects(write(), 'MANIFOLD_CLOSED', /open it again/)
      }
      await check()
      await closing
      await check()
      for (const read of [() => frozen.get('a'), () => iterators[0]!.next(), () => iterators[1]!.next()]) {
        refuses(read, 'MANIFOLD_CLOSED', /./)
      }
      for (const iterator of iterators) assert.equal(iterator.next().done, true)
      snapshot.close()
      assert.equal(db.columnFamily('x'), family)
    })

    test('is idempotent, and the database can be opened at once in the same process', async () => {
      const disk = newDisk()
      let db: Database = await openOn(disk, journal)
      for (let i = 0; i < 5; i++) {
        await db.table(numbers).put(i, i)
        const closing = db.close()
        assert.equal(db.close() instanceof Promise, true)
        await Promise.all([closing, db.close(), db[Symbol.asyncDispose]()])
        await db.close()
        db = await openOn(disk, journal)
        assert.equal(db.table(numbers).count(), i + 1)
      }
      await db.close()
    })

    test('with nothing written since the last checkpoint, or nothing at all, leaves a clean file too', async () => {
      const disk = newDisk()
      let db = await openOn(disk, journal)
      await db.close()
      db = await openOn(disk, journal)
      await db.table(words).put('a', '1')
      await db.checkpoint()
      await db.close()
      db = await openOn(disk, journal)
      assert.equal(db.table(words).get('a'), '1')
      await db.close()
      assert.deepEqual(disk.listSync('/data'), ['app.manifold'])
      const reader = await openOn(disk, journal, { readOnly: true })
      assert.equal(reader.table(words).get('a'), '1')
      await reader.close()
    })

    test('inside a body aborts its transaction', async () => {
      const disk = newDisk()
      for (const sync of [false, true]) {
        const db = await openOn(disk, journal)
        let closed: Promise<void> | undefined
        const body = (txn: { table: typeof db.table }): void => {
          void txn.table(words).put('a', '1')
          closed = db.close()
        }
        if (sync) refuses(() => db.writeSync(body as never), 'MANIFOLD_CLOSED', /was aborted/)
        else await rejects(db.write(body as never), 'MANIFOLD_CLOSED', /was aborted/)
        await closed
      }
      const db = await openOn(disk, journal)
      await rejects(
        db.write(async txn => {
          txn.table(words).put('a', '1')
          await db.close()
        }),
        'MANIFOLD_CLOSED',
        /was aborted/,
      )
      const again = await openOn(disk, journal)
      assert.deepEqual(again.columnFamilies(), [])
      await again.close()
    })

    test('waits for checkpoints that were asked for before it, however many', async () => {
      for (let calls = 1; calls < 5; calls++) {
        const disk = newDisk()
        const db = await openOn(disk, journal)
        const outcomes: Promise<unknown>[] = []
        for (let i = 0; i < 200; i++) outcomes.push(db.table(words).put(`k${i}`, 'x'.repeat(200)))
        for (let i = 0; i < calls; i++) {
          outcomes.push(db.checkpoint(), db.sync(), db.table(words).put(`z${i}`, 'x'))
        }
        await db.close()
        await Promise.all(outcomes)
        assert.equal(checkPages(disk, PATH), 200 + calls)
        const again = await openOn(disk, journal)
        assert.equal(again.table(words).count(), 200 + calls)
        await again.close()
      }
    })

    test('refuses writers that wait for memory', async () => {
      const disk = newDisk({ schedule: operation => void setTimeout(operation, 2) })
      const db = await openOn(disk, journal, { writeBufferBytes: 1 << 20 })
      const outcomes = Promise.allSettled(
        Array.from({ length: 60 }, (_, i) => db.table(words).put(`k${i}`, 'x'.repeat(60_000))),
      )
      await turns(1)
      await db.close()
      const settled = await outcomes
      const again = await openOn(disk, journal)
      for (const [i, outcome] of settled.entries()) {
        assert.equal(again.table(words).has(`k${i}`), outcome.status === 'fulfilled', `k${i}`)
        if (outcome.status === 'rejected') assert.equal((outcome.reason as { code: string }).code, 'MANIFOLD_CLOSED')
      }
      assert.ok(
        settled.some(({ status }) => status === 'rejected'),
        'some were waiting',
      )
      await again.close()
    })
  })
}

test('concurrent checkpoints each cover what was committed before their call', async () => {
  for (const journal of JOURNALS) {
    await withDatabase(journal, async (db, disk) => {
      for (let round = 0; round < 10; round++) {
        await db.table(numbers).put(round, round)
        const first = db.checkpoint()
        await db.table(numbers).put(1000 + round, round)
        const second = db.checkpoint()
        const third = db.checkpoint()
        await Promise.all([first, second, third])
      }
      assert.ok(disk.contents(PATH).length > 0)
      assert.equal(db.columnFamily('default').stats().fileEntries, 20)
    })
  }
})

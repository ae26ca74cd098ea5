import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Database, Durability } from '../../src/index.ts'
import { crash, GatedDisk, reopenAfterCrash } from '../support/crash.ts'
import { entriesOf, LOGS, newDisk, numbers, openOn, stateOf, turns, withDatabase, words } from '../support/open.ts'
import { rejects } from '../support/refusal.ts'

const NEVER_MICROS = 3_600_000_000
const WEAK: readonly Durability[] = ['eventual', 'none']

for (const journal of LOGS) {
  const slow = { journal: { mode: journal, segmentBytes: 64 * 1024, maxDelayMicros: NEVER_MICROS } }

  describe(`journal '${journal}'`, () => {
    test("'immediate', the default, survives a power cut once its promise has resolved", async () => {
      const disk = newDisk()
      const db = await openOn(disk, journal, slow)
      await db.table(words).put('a', '1')
      await db.write([db.columnFamily('x'), db.columnFamily('y')], txn => {
        for (const name of ['x', 'y']) txn.family(db.columnFamily(name)).table(words).put('b', '2')
      })
      db.writeSync(txn => txn.table(words).put('c', '3'))
      const after = await reopenAfterCrash(db, disk, 'none', journal)
      assert.deepEqual(entriesOf(after.db.table(words)), [
        ['a', '1'],
        ['c', '3'],
      ])
      for (const name of ['x', 'y']) assert.equal(after.db.columnFamily(name).table(words).get('b'), '2')
      await after.db.close()
    })

    for (const durability of WEAK) {
      test(`'${durability}' is visible once it has resolved, survives the process, and may be lost to a power cut`, async () => {
        for (const mode of ['all', 'none'] as const) {
          const disk = newDisk()
          const db = await openOn(disk, journal, slow)
          await db.table(words).put('a', '1')
          await db.table(words).put('a', '2', { durability })
          await db.table(words).put('b', '2', { durability })
          assert.equal(db.table(words).get('b'), '2')
          const after = await reopenAfterCrash(db, disk, mode, journal)
          assert.equal(after.db.table(words).get('a'), mode === 'all' ? '2' : '1')
          await after.db.close()
        }
      })

      test(`'${durability}' survives a power cut once durable has resolved`, async () => {
        const disk = newDisk()
        const db = await openOn(disk, journal, slow)
        const txn = await db.beginWrite({ durability })
        txn.table(words).put('a', '1')
        const commit = await txn.commit()
        await commit.durable
        const after = await reopenAfterCrash(db, disk, 'none', journal)
        assert.equal(after.db.table(words).get('a'), '1')
        await after.db.close()
      })

      test(`'${durability}' survives a power cut after a sync, a checkpoint, a later immediate commit, or close`, async () => {
        const ways: Record<string, (db: Database) => Promise<unknown>> = {
          sync: db => db.sync(),
          checkpoint: db => db.checkpoint(),
          'immediate commit of another family': db => db.columnFamily('x').table(words).put('x', 'x'),
          'immediate commit that writes nothing': db => db.write(txn => txn.table(words).get('a')),
          close: db => db.close(),
        }
        for (const [name, act] of Object.entries(ways)) {
          const disk = newDisk()
          const db = await openOn(disk, journal, slow)
          await db.table(words).put('a', '1', { durability })
          await act(db)
          const after = await reopenAfterCrash(db, disk, 'none', journal)
          assert.equal(after.db.table(words).get('a'), '1', name)
          await after.db.close()
        }
      })
    }

    test("'eventual' is synced in the background within the longest delay, 'none' is not", async () => {
      for (const durability of WEAK) {
        const disk = newDisk()
        const db = await openOn(disk, journal, { journal: { mode: journal, maxDelayMicros: 1000 } })
        await db.table(words).put('a', '1', { durability })
        await new Promise(resolve => void setTimeout(resolve, 100))
        const after = await reopenAfterCrash(db, disk, 'none', journal)
        assert.equal(after.db.table(words).has('a'), durability === 'eventual')
        await after.db.close()
      }
    })

    test('the default of the database is that of its transactions', async () => {
      const disk = newDisk()
      const db = await openOn(disk, journal, { ...slow, durability: 'none' })
      await db.table(words).put('a', '1', { durability: 'immediate' })
      const { syncs } = db.stats().log
      await db.table(words).put('b', '2')
      await db.write(txn => txn.table(words).put('c', '3'))
      db.writeSync(txn => txn.table(words).put('d', '4'))
      assert.equal(db.stats().log.syncs, syncs)
      const after = await reopenAfterCrash(db, disk, 'none', journal)
      assert.deepEqual(entriesOf(after.db.table(words)), [['a', '1']])
      await after.db.close()
    })

    test('commits become visible in log order, and a weaker one with the immediate one before it', async () => {
      await withDatabase(journal, async db => {
        const order: string[] = []
        const done = [
          db
            .table(words)
            .put('a', '1', { durability: 'immediate' })
            .then(() => order.push('a')),
          db
            .columnFamily('x')
            .table(words)
            .put('b', '1', { durability: 'none' })
            .then(() => order.push('b')),
          db
            .table(words)
            .put('c', '1', { durability: 'eventual' })
            .then(() => order.push('c')),
          db
            .columnFamily('y')
            .table(words)
            .put('d', '1')
            .then(() => order.push('d')),
        ]
        assert.deepEqual(db.columnFamilies(), [])
        await Promise.all(done)
        assert.deepEqual(order, ['a', 'b', 'c', 'd'])
      })
    })

    test('sync: all that was committed before the call is on the disk', async () => {
      const disk = newDisk()
      const db = await openOn(disk, journal, { ...slow, durability: 'none' })
      for (let i = 0; i < 20; i++)
        void db
          .columnFamily(`f${i % 3}`)
          .table(numbers)
          .put(i, i)
      await db.sync()
      assert.equal(db.stats().sequence, 20, 'and visible')
      const after = await reopenAfterCrash(db, disk, 'none', journal)
      assert.equal(
        [0, 1, 2].reduce((sum, i) => sum + after.db.columnFamily(`f${i}`).table(numbers).count(), 0),
        20,
      )
      await after.db.close()
    })
  })
}

describe("journal 'async', with the log's answer held back", () => {
  /** A database with a family `default` of which one immediate commit is on its way to the disk. */
  async function withCommitUnderWay(
    body: (db: Database, gate: GatedDisk, commit: Promise<void>) => Promise<void>,
  ): Promise<void> {
    const gate = new GatedDisk()
    const db = await openOn(gate.disk, 'async')
    await db.table(words).put('before', '1')
    gate.shut()
    const commit = db.table(words).put('a', '1')
    await turns()
    try {
      await body(db, gate, commit)
    } finally {
      gate.open()
      await db.close()
    }
  }

  test('no reader sees an immediate commit whose sync could still fail', async () => {
    await withCommitUnderWay(async (db, gate, commit) => {
      assert.equal(await stateOf(commit), 'pending')
      assert.equal(db.table(words).get('a'), undefined)
      assert.deepEqual(entriesOf(db.table(words)), [['before', '1']])
      const snapshot = db.snapshot()
      gate.open()
      await commit
      assert.equal(db.table(words).get('a'), '1')
      assert.equal(snapshot.table(words).get('a'), undefined)
      snapshot.close()
    })
  })

  test('the next transaction of the family sees it, and settles with it, whatever it does', async () => {
    const failure = new Error('of the caller')
    const acts: Record<string, (db: Database) => Promise<unknown>> = {
      'reads alone': db => db.write(txn => txn.table(words).get('a')),
      'reads alone, durability none': db => db.write(txn => txn.table(words).get('a'), { durability: 'none' }),
      throws: db =>
        db
          .write(txn => {
            txn.table(words).get('a')
            throw failure
          })
          .catch((error: unknown) => assert.equal(error, failure)),
      'fails an insert': db =>
        db
          .table(words)
          .insert('a', '2')
          .catch((error: { code?: string }) => assert.equal(error.code, 'MANIFOLD_KEY_EXISTS')),
      'updates to undefined': db => db.table(words).update('zzz', () => undefined),
      'writes with durability none': db => db.table(words).put('b', '2', { durability: 'none' }),
      'is disposed of': async db => {
        const txn = await db.beginWrite()
        txn.table(words).get('a')
        await txn[Symbol.asyncDispose]()
      },
      'commits nothing': async db => {
        const txn = await db.beginWrite()
        assert.equal(txn.table(words).get('a'), '1')
        await txn.commit()
      },
    }
    for (const [name, act] of Object.entries(acts)) {
      await withCommitUnderWay(async (db, gate, commit) => {
        const second = act(db)
        assert.equal(await stateOf(second), 'pending', name)
        gate.open()
        await commit
        await second
      })
    }
  })

  test('a transaction of another family that wrote nothing does not wait for it', async () => {
    await withCommitUnderWay(async db => {
      assert.equal(await db.columnFamily('x').write(txn => txn.table(words).count()), 0)
    })
  })

  test('a synchronous write overtakes it, and what its body says by throwing has become durable', async () => {
    for (const end of ['commits', 'throws', 'reads alone'] as const) {
      const gate = new GatedDisk()
      const db = await openOn(gate.disk, 'async')
      gate.shut()
      const commit = db.table(words).put('a', '1')
      await turns()
      if (end === 'commits') db.writeSync(txn => txn.table(words).put('b', txn.table(words).get('a')!))
      else if (end === 'throws') {
        assert.throws(() => db.writeSync(txn => txn.table(words).insert('a', '2')), { code: 'MANIFOLD_KEY_EXISTS' })
      } else
        assert.equal(
          db.writeSync(txn => txn.table(words).get('a'), { durability: 'none' }),
          '1',
        )
      assert.equal(db.table(words).get('a'), '1', end)
      await commit
      gate.disk.cutPower()
      gate.open()
      const left = await crash(db, gate.disk, 'none')
      const again = await openOn(left, 'async')
      assert.equal(again.table(words).get('a'), '1', end)
      assert.equal(again.table(words).get('b'), end === 'commits' ? '1' : undefined)
      await again.close()
    }
  })

  test('where the sync fails, so does every transaction that could have read it', async () => {
    const gate = new GatedDisk()
    const db = await openOn(gate.disk, 'async')
    await db.table(words).put('before', '1')
    gate.shut()
    const all = [
      db.table(words).put('a', '1'),
      db.write(txn => txn.table(words).get('a')),
      db.table(words).insert('a', '2'),
      db.table(words).put('b', '2', { durability: 'none' }),
      db.sync(),
    ]
    const order: number[] = []
    all.forEach((promise, i) => void promise.catch(() => order.push(i)))
    await turns()
    gate.disk.onOperation = ({ kind, path }) =>
      kind === 'write' && path.includes('-wal')
        ? Object.assign(new Error('EIO: i/o error'), { code: 'EIO' })
        : undefined
    gate.open()
    for (const promise of all) await rejects(promise, 'MANIFOLD_POISONED', /open it again/)
    assert.deepEqual(entriesOf(db.table(words)), [['before', '1']], 'readers see what they saw')
    gate.disk.onOperation = undefined
    await db.close()
    const again = await openOn(gate.disk, 'async')
    assert.equal(again.table(words).get('before'), '1')
    await again.close()
  })
})

describe("journal 'off'", () => {
  test("the default is 'none', and only a checkpoint, a sync and close make anything durable", async () => {
    const ways: Record<string, ((db: Database) => Promise<unknown>) | undefined> = {
      nothing: undefined,
      checkpoint: db => db.checkpoint(),
      sync: db => db.sync(),
      close: db => db.close(),
    }
    for (const [name, act] of Object.entries(ways)) {
      for (const mode of ['all', 'none'] as const) {
        const disk = newDisk()
        const db = await openOn(disk, 'off')
        await db.table(words).put('a', '1')
        await db.table(words).put('b', '1', { durability: 'eventual' })
        assert.equal(db.table(words).get('b'), '1')
        await act?.(db)
        const after = await reopenAfterCrash(db, disk, mode, 'off')
        assert.equal(after.db.table(words).count(), act === undefined ? 0 : 2, `${name}, ${mode}`)
        await after.db.close()
      }
    }
  })

  test("'immediate' means a checkpoint", async () => {
    const acts: ((db: Database) => unknown)[] = [
      db => db.table(words).put('a', '1', { durability: 'immediate' }),
      db => db.writeSync(txn => txn.table(words).put('a', '1'), { durability: 'immediate' }),
      async db => {
        const txn = await db.beginWrite()
        txn.table(words).put('a', '1')
        await (
          await txn.commit()
        ).durable
      },
      async db => {
        await db.table(words).put('a', '1')
        await db.write(txn => txn.table(words).get('a'), { durability: 'immediate' })
      },
    ]
    for (const act of acts) {
      const disk = newDisk()
      const db = await openOn(disk, 'off')
      await act(db)
      const after = await reopenAfterCrash(db, disk, 'none', 'off')
      assert.equal(after.db.table(words).get('a'), '1')
      await after.db.close()
    }
  })

  test('durable runs no checkpoint where one has been, also after close', async () => {
    const disk = newDisk()
    const db = await openOn(disk, 'off')
    const txn = await db.beginWrite()
    txn.table(words).put('a', '1')
    const commit = await txn.commit()
    await db.checkpoint()
    const { count } = db.stats().checkpoints
    await commit.durable
    await commit.durable
    assert.equal(db.stats().checkpoints.count, count)
    await db.close()
    await commit.durable
  })

  test('a synchronous immediate write refuses, and changes nothing, while a checkpoint waits for its thread', async () => {
    const disk = newDisk({ schedule: operation => void setTimeout(operation, 5) })
    const db = await openOn(disk, 'off')
    await db.table(words).put('a', '1')
    const checkpoint = db.checkpoint()
    await turns(1)
    assert.throws(() => db.writeSync(txn => txn.table(words).put('a', '2'), { durability: 'immediate' }), {
      code: 'MANIFOLD_BUSY',
      message: /nothing was changed.*await checkpoint\(\)/,
    })
    assert.equal(db.table(words).get('a'), '1')
    db.writeSync(txn => txn.table(words).put('a', '3'))
    assert.equal(db.table(words).get('a'), '3')
    await checkpoint
    db.writeSync(txn => txn.table(words).put('a', '4'), { durability: 'immediate' })
    await db.close()
  })

  test('a database can be opened with another journal each time', async () => {
    const disk = newDisk()
    const journals = ['async', 'off', 'sync', 'off', 'off', 'async', 'sync'] as const
    for (const [i, journal] of journals.entries()) {
      const db = await openOn(disk, journal)
      assert.equal(db.table(numbers).count(), i)
      await db.table(numbers).put(i, i)
      await db.close()
      assert.deepEqual(disk.listSync('/data'), ['app.manifold'], 'a closed database is one file')
    }
  })

  test('a log that is left is taken into the data file before the database does without one', async () => {
    const disk = newDisk()
    const db = await openOn(disk, 'async')
    await db.table(words).put('a', '1')
    const after = await reopenAfterCrash(db, disk, 'none', 'off')
    assert.equal(after.db.table(words).get('a'), '1')
    const cut = await reopenAfterCrash(after.db, after.disk, 'none', 'sync')
    assert.equal(cut.db.table(words).get('a'), '1')
    await cut.db.close()
  })
})

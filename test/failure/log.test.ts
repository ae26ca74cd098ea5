import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Database, DatabaseError } from '../../src/index.ts'
import type { SimulatedDisk } from '../../src/platform/simulated/disk.ts'
import { crash } from '../support/crash.ts'
import { Fault, isLog } from '../support/faults.ts'
import { LOGS, newDisk, numbers, openOn, PATH, turns, words } from '../support/open.ts'
import { checkPages } from '../support/pages.ts'
import { refuses, rejects } from '../support/refusal.ts'

const NEVER_MICROS = 3_600_000_000
const ADVICE = /Close the database.*open it again/

for (const journal of LOGS) {
  const slow = { journal: { mode: journal, maxDelayMicros: NEVER_MICROS } }

  describe(`journal '${journal}': an error of the log after a commit was numbered`, () => {
    for (const kind of ['write', 'sync'] as const) {
      test(`of a ${kind} rejects everybody who waits, in order, and nothing is tried again`, async () => {
        const disk = newDisk()
        const heard: DatabaseError[] = []
        const db = await openOn(disk, journal, { ...slow, onBackgroundError: error => void heard.push(error) })
        await db.table(words).put('acknowledged', '1')
        const weak = await db.beginWrite({ durability: 'none' })
        weak.table(words).put('weak', '1')
        const commit = await weak.commit()
        const snapshot = db.snapshot()
        const broken = new Fault(disk, 'EIO', operation => isLog(operation) && operation.kind === kind)
        const order: string[] = []
        const wait = (name: string, promise: Promise<unknown>): Promise<DatabaseError> =>
          rejects(promise, 'MANIFOLD_POISONED', ADVICE).then(error => {
            order.push(name)
            return error
          })
        const first = wait('a', db.table(words).put('a', '1'))
        const waiting = [
          first,
          wait('b', db.columnFamily('x').table(words).put('b', '1')),
          wait('c', db.table(words).put('c', '1', { durability: 'eventual' })),
          wait(
            'read',
            db.write(txn => txn.table(words).get('a')),
          ),
          wait('sync', db.sync()),
          wait('durable', commit.durable),
        ]
        const errors = await Promise.all(waiting)
        assert.deepEqual(order.slice(0, 3), ['a', 'b', 'c'])
        assert.match(errors[0]!.message, /EIO/)
        assert.equal((errors[0]!.cause as DatabaseError | undefined)?.code, 'MANIFOLD_IO')
        broken.heal()

        const { operations } = disk
        await checkPoisoned(db)
        assert.equal(disk.operations, operations, 'nothing is written, synced or tried again')
        assert.deepEqual(snapshot.table(words).range().toArray(), [
          ['acknowledged', '1'],
          ['weak', '1'],
        ])
        assert.equal(db.table(words).get('weak'), '1', 'what was visible stays so')
        assert.equal(db.table(words).get('a'), undefined)
        snapshot.close()
        await turns()
        assert.deepEqual(
          heard.map(({ code }) => code),
          ['MANIFOLD_POISONED'],
          'told once in the background',
        )
        await db.close()
        const again = await openOn(disk, journal)
        assert.equal(again.table(words).get('acknowledged'), '1')
        await again.table(words).put('after', '1')
        await again.close()
        checkPages(disk, PATH)
      })
    }

    test('of a sync: what is shown when the database is opened again survives a power cut, although the disk calls it clean', async () => {
      const disk = newDisk()
      const db = await openOn(disk, journal, { ...slow, durability: 'none' })
      for (let i = 0; i < 5; i++) await db.table(numbers).put(i, i)
      const broken = new Fault(disk, 'EIO', operation => isLog(operation) && operation.kind === 'sync')
      await rejects(db.sync(), 'MANIFOLD_POISONED', ADVICE)
      broken.heal()
      await db.close()
      const again = await openOn(disk, journal, slow)
      const shown = again.table(numbers).count()
      assert.equal(shown, 5)
      const left = await crash(again, disk, 'none')
      const last = await openOn(left, journal)
      assert.equal(last.table(numbers).count(), shown)
      await last.close()
    })

    test('comes out of a synchronous write too', async () => {
      for (const durability of ['immediate', 'none'] as const) {
        const disk = newDisk()
        const db = await openOn(disk, journal, slow)
        await db.table(words).put('acknowledged', '1')
        const broken = new Fault(disk, 'EIO', isLog)
        refuses(() => db.writeSync(txn => txn.table(words).put('a', '1'), { durability }), 'MANIFOLD_POISONED', ADVICE)
        broken.heal()
        assert.equal(db.table(words).get('a'), undefined)
        await checkPoisoned(db)
        await db.close()
        const again = await openOn(disk, journal)
        assert.equal(again.table(words).get('acknowledged'), '1')
        await again.close()
      }
    })

    test('leaves everything that was acknowledged, in whatever it breaks off', async () => {
      for (let hit = 1; hit <= 40; hit++) {
        const disk = newDisk()
        const db = await openOn(disk, journal, slow)
        const acknowledged: number[] = []
        let seen = 0
        const broken = new Fault(
          disk,
          'EIO',
          operation => isLog(operation) && operation.kind !== 'read' && ++seen === hit,
        )
        const settled = Array.from({ length: 60 }, async (_, i) => {
          if (i % 10 === 0) await new Promise(resolve => void setImmediate(resolve))
          await db
            .columnFamily(`f${i % 3}`)
            .table(numbers)
            .put(i, i, { durability: i % 4 === 0 ? 'none' : 'immediate' })
          if (i % 4 !== 0) acknowledged.push(i)
        })
        const outcomes = await Promise.allSettled(settled)
        broken.heal()
        const left = await crash(db, disk, 'none', hit)
        const again = await openOn(left, journal)
        for (const i of acknowledged)
          assert.equal(
            again
              .columnFamily(`f${i % 3}`)
              .table(numbers)
              .get(i),
            i,
            `hit ${hit}: ${i} was acknowledged`,
          )
        for (const outcome of outcomes) {
          if (outcome.status === 'rejected')
            assert.match((outcome.reason as DatabaseError).code, /^MANIFOLD_(POISONED|IO)$/)
        }
        await again.close()
        checkPages(left, PATH)
      }
    })

    test('while a checkpoint is under way ends the checkpoint, or not, and loses nothing', async () => {
      for (let hit = 1; hit <= 12; hit++) {
        const disk = newDisk()
        const db = await openOn(disk, journal, slow)
        for (let i = 0; i < 50; i++) await db.table(numbers).put(i, i, { durability: 'none' })
        let seen = 0
        const broken = new Fault(
          disk,
          'EIO',
          operation => isLog(operation) && operation.kind !== 'read' && ++seen === hit,
        )
        const checkpoint = db.checkpoint()
        const outcomes = await Promise.allSettled([
          checkpoint,
          ...Array.from({ length: 20 }, (_, i) => db.table(numbers).put(100 + i, i)),
          db.sync(),
        ])
        broken.heal()
        await db.close()
        const again = await openOn(disk, journal)
        for (let i = 0; i < 20; i++) {
          if (outcomes[1 + i]!.status === 'fulfilled') assert.equal(again.table(numbers).get(100 + i), i)
        }
        if (outcomes[0].status === 'fulfilled')
          for (let i = 0; i < 50; i++) assert.equal(again.table(numbers).get(i), i)
        await again.close()
        checkPages(disk, PATH)
      }
    })
  })

  test(`journal '${journal}': what is shown after a process was killed survives a power cut`, async () => {
    const disk = newDisk()
    const killed = await openOn(disk, journal, { ...slow, durability: 'none' })
    for (let i = 0; i < 5; i++) await killed.table(numbers).put(i, i)
    // The next process finds what the first one wrote, and no lock.
    const next = Object.create(disk, { lockSync: { value: () => ({ releaseSync: () => {} }) } }) as SimulatedDisk
    for (const method of [
      'openSync',
      'existsSync',
      'listSync',
      'renameSync',
      'removeSync',
      'syncDirectorySync',
    ] as const) {
      Object.defineProperty(next, method, { value: (disk[method] as (...parameters: unknown[]) => unknown).bind(disk) })
    }
    const db = await openOn(next, journal, slow)
    assert.equal(db.table(numbers).count(), 5)
    const left = await crash(db, disk, 'none')
    const last = await openOn(left, journal)
    assert.equal(last.table(numbers).count(), 5)
    await last.close()
    await killed.close().catch(() => {})
  })

  test(`journal '${journal}': failures that nobody listens to do not reach the process`, async () => {
    const unheard: unknown[] = []
    const listener = (error: unknown): void => void unheard.push(error)
    const others = process.listeners('unhandledRejection')
    process.removeAllListeners('unhandledRejection')
    process.on('unhandledRejection', listener)
    try {
      const disk = newDisk()
      const db = await openOn(disk, journal, { ...slow, writeBufferBytes: 1 << 20 })
      const noData = new Fault(disk, 'EIO', ({ path, kind }) => path === PATH && kind === 'write')
      await Promise.allSettled(Array.from({ length: 30 }, (_, i) => db.table(words).put(`k${i}`, 'x'.repeat(50_000))))
      assert.ok(noData.hits > 0, 'checkpoints have failed in the background')
      noData.heal()
      const txn = await db.beginWrite({ durability: 'none' })
      txn.table(words).put('a', '1')
      const commit = await txn.commit()
      const broken = new Fault(disk, 'EIO', isLog)
      void commit.durable
      void commit.durable
      const iterator = db.table(words).range()
      iterator.next()
      await rejects(db.sync(), 'MANIFOLD_POISONED', ADVICE)
      broken.heal()
      const late = await rejects(db.beginWrite(), 'MANIFOLD_POISONED', ADVICE)
      assert.ok(late)
      await db.close()
      await turns(10)
      assert.deepEqual(unheard, [])
    } finally {
      process.off('unhandledRejection', listener)
      for (const other of others) process.on('unhandledRejection', other)
    }
  })

  test(`journal '${journal}': a listener that throws disturbs nobody`, async () => {
    const disk = newDisk()
    const thrown: unknown[] = []
    const catcher = (error: unknown): void => void thrown.push(error)
    const others = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    process.on('uncaughtException', catcher)
    try {
      const failure = new Error('of the listener')
      const db = await openOn(disk, journal, {
        ...slow,
        onBackgroundError: () => {
          throw failure
        },
      })
      await db.table(words).put('a', '1')
      const broken = new Fault(disk, 'EIO', isLog)
      const waiting = [db.table(words).put('b', '1'), db.sync(), db.write(() => {})]
      for (const each of waiting) await rejects(each, 'MANIFOLD_POISONED', ADVICE)
      broken.heal()
      await db.close()
      await turns()
      assert.deepEqual(thrown, [failure], "the listener's own error is told like any other that nobody catches")
    } finally {
      process.off('uncaughtException', catcher)
      for (const listener of others) process.on('uncaughtException', listener)
    }
  })
}

async function checkPoisoned(db: Database): Promise<void> {
  await rejects(db.table(words).put('late', '1'), 'MANIFOLD_POISONED', ADVICE)
  await rejects(
    db.write(() => assert.fail('the body ran')),
    'MANIFOLD_POISONED',
    ADVICE,
  )
  await rejects(db.beginWrite(), 'MANIFOLD_POISONED', ADVICE)
  await rejects(db.dropColumnFamily('x'), 'MANIFOLD_POISONED', ADVICE)
  await rejects(db.checkpoint(), 'MANIFOLD_POISONED', ADVICE)
  await rejects(db.sync(), 'MANIFOLD_POISONED', ADVICE)
  refuses(() => db.writeSync(() => {}), 'MANIFOLD_POISONED', ADVICE)
  assert.equal(db.table(words).get('acknowledged'), '1')
  const snapshot = db.snapshot()
  assert.equal(snapshot.table(words).get('acknowledged'), '1')
  snapshot.close()
  assert.ok(db.table(words).count() > 0)
}

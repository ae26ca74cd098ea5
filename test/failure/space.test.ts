import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { DatabaseError } from '../../src/index.ts'
import { crash } from '../support/crash.ts'
import { Fault, isLog, nth, whenFull } from '../support/faults.ts'
import { LOGS, newDisk, numbers, openOn, PATH, turns, words } from '../support/open.ts'
import { checkPages } from '../support/pages.ts'
import { refuses, rejects } from '../support/refusal.ts'

for (const journal of LOGS) {
  describe(`journal '${journal}': a full disk`, () => {
    test('fails the commits that need log, one by one, and the database goes on by itself when there is space', async () => {
      const disk = newDisk()
      const heard: DatabaseError[] = []
      const db = await openOn(disk, journal, { onBackgroundError: error => void heard.push(error) })
      await db.table(words).put('before', '1')
      const full = new Fault(disk, 'ENOSPC', whenFull(disk))
      const kept: string[] = ['before']
      let refused = 0
      for (let i = 0; i < 40; i++) {
        try {
          await db.table(words).put(`k${i}`, 'x'.repeat(10_000))
          kept.push(`k${i}`)
        } catch (error) {
          refused++
          assert.equal((error as DatabaseError).code, 'MANIFOLD_NO_SPACE')
          assert.match((error as DatabaseError).message, /Free space on the disk and try again\.$/)
        }
      }
      assert.ok(refused > 10 && kept.length > 2)
      await db
        .table(words)
        .put('small', '1')
        .then(
          () => kept.push('small'),
          () => {},
        )
      refuses(
        () => db.writeSync(txn => txn.table(words).put('sync', 'x'.repeat(100_000))),
        'MANIFOLD_NO_SPACE',
        /Free space/,
      )
      await rejects(
        db.columnFamily('y').write(txn => txn.table(words).put('new', 'x'.repeat(100_000))),
        'MANIFOLD_NO_SPACE',
        /Free space/,
      )
      assert.deepEqual(db.table(words).keys().toArray(), kept.sort())
      assert.deepEqual(db.columnFamilies(), ['default'])
      full.heal()
      await db.table(words).put('after', 'x'.repeat(100_000))
      db.writeSync(txn => txn.table(words).put('after2', 'x'.repeat(100_000)))
      kept.push('after', 'after2')
      const left = await crash(db, disk, 'none')
      const again = await openOn(left, journal)
      assert.deepEqual(again.table(words).keys().toArray(), kept.sort())
      await again.close()
      checkPages(left, PATH)
      assert.deepEqual(heard, [], 'nothing has happened in the background')
    })

    test('fails a transaction as a whole, and none of several families sees any of it', async () => {
      const disk = newDisk()
      const db = await openOn(disk, journal)
      const [a, b] = [db.columnFamily('a'), db.columnFamily('b')]
      await db.write([a, b], txn => {
        txn.family(a).table(words).put('k', '1')
        txn.family(b).table(words).put('k', '1')
      })
      const full = new Fault(disk, 'ENOSPC', whenFull(disk))
      const txn = await db.beginWrite([a, b])
      txn.family(a).table(words).put('k', 'x'.repeat(200_000))
      txn.family(b).table(numbers).put(1, 1)
      await rejects(txn.commit(), 'MANIFOLD_NO_SPACE', /Free space/)
      await rejects(txn.commit(), 'MANIFOLD_CLOSED', /begin a new one/)
      assert.equal(a.table(words).get('k'), '1')
      assert.deepEqual(b.tables(), ['words'])
      await a.table(words).put('k', '2')
      full.heal()
      await b.table(numbers).put(1, 2)
      assert.equal(a.table(words).get('k'), '2')
      await db.close()
      checkPages(disk, PATH)
    })

    test('lets a checkpoint free log, after which there is room again', async () => {
      const disk = newDisk()
      const db = await openOn(disk, journal)
      for (let i = 0; i < 60; i++) await db.table(words).put('k', 'x'.repeat(10_000))
      await db.checkpoint()
      for (let i = 0; i < 30; i++) await db.table(words).put('k', 'x'.repeat(10_000))
      const noLog = whenFull(disk)
      const full = new Fault(disk, 'ENOSPC', operation => isLog(operation) && noLog(operation))
      const refused: DatabaseError[] = []
      for (let i = 0; i < 200 && refused.length === 0; i++) {
        await db
          .table(words)
          .put('k', 'x'.repeat(10_000))
          .catch((error: DatabaseError) => {
            assert.equal(error.code, 'MANIFOLD_NO_SPACE')
            refused.push(error)
          })
      }
      assert.equal(refused.length, 1)
      await db.checkpoint()
      await db.table(words).put('k', 'y')
      assert.equal(db.table(words).get('k'), 'y')
      full.heal()
      await db.close()
    })

    test('at any operation of a load, in whatever file, loses nothing that was acknowledged', async () => {
      let failures = 0
      for (let hit = 1; hit < 60; hit += 4) {
        const disk = newDisk()
        const db = await openOn(disk, journal, { writeBufferBytes: 1 << 20 })
        const full = new Fault(disk, 'ENOSPC', nth(hit, false, whenFull(disk)))
        const kept = new Map<number, number>()
        for (let i = 0; i < 60; i++) {
          const family = db.columnFamily(`f${i % 2}`)
          await family
            .write(txn => {
              txn.table(numbers).put(i, i)
              txn.table(words).put(`k${i % 7}`, 'x'.repeat(20_000))
            })
            .then(
              () => kept.set(i, i),
              (error: DatabaseError) => assert.equal(error.code, 'MANIFOLD_NO_SPACE', `${hit}: ${error.message}`),
            )
          if (i % 20 === 10)
            await db.checkpoint().catch((error: DatabaseError) => assert.equal(error.code, 'MANIFOLD_NO_SPACE'))
        }
        failures += full.hits
        full.heal()
        await db.table(words).put('after', '1')
        const left = hit % 2 === 0 ? await crash(db, disk, 'none') : (await db.close(), disk)
        const again = await openOn(left, journal)
        assert.equal(again.table(words).get('after'), '1')
        for (let i = 0; i < 60; i++)
          assert.equal(
            again
              .columnFamily(`f${i % 2}`)
              .table(numbers)
              .get(i),
            kept.get(i),
          )
        await again.close()
        checkPages(left, PATH)
      }
      assert.ok(failures > 20)
    })
  })

  describe(`journal '${journal}': no file handles`, () => {
    test('fail the commits that need a new segment, and the database goes on when there are some', async () => {
      const disk = newDisk()
      const db = await openOn(disk, journal)
      const none = new Fault(disk, 'EMFILE', ({ kind }) => kind === 'open')
      let refused = 0
      let kept = 0
      for (let i = 0; i < 40; i++) {
        await db
          .table(words)
          .put(`k${i}`, 'x'.repeat(10_000))
          .then(
            () => kept++,
            (error: DatabaseError) => {
              assert.equal(error.code, 'MANIFOLD_NO_HANDLES')
              assert.match(error.message, /ulimit -n/)
              refused++
            },
          )
      }
      assert.ok(refused > 0 && kept > 0)
      assert.equal(db.table(words).count(), kept)
      none.heal()
      await db.table(words).put('after', '1')
      await db.checkpoint()
      await db.close()
      checkPages(disk, PATH)
    })

    test('do not keep a checkpoint or close from their work', async () => {
      const disk = newDisk()
      const db = await openOn(disk, journal)
      await db.table(words).put('a', '1')
      await turns()
      const none = new Fault(disk, 'EMFILE', ({ kind }) => kind === 'open')
      await db.checkpoint()
      await db.table(words).put('b', '1')
      await db.close()
      none.heal()
      const again = await openOn(disk, journal)
      assert.equal(again.table(words).count(), 2)
      await again.close()
    })
  })

  test(`journal '${journal}': a transaction may take more log than there are segments`, async () => {
    const disk = newDisk()
    const db = await openOn(disk, journal)
    const large = db.table(words).put('large', 'x'.repeat(1_000_000))
    const checkpoint = db.checkpoint()
    const behind = db.table(words).put('behind', '1')
    const other = db.columnFamily('x').table(words).put('other', 'x'.repeat(300_000))
    const again = db.checkpoint()
    await Promise.all([large, checkpoint, behind, other, again])
    const left = await crash(db, disk, 'none')
    const reopened = await openOn(left, journal)
    assert.equal(reopened.table(words).get('large')?.length, 1_000_000)
    assert.equal(reopened.columnFamily('x').table(words).get('other')?.length, 300_000)
    await reopened.close()
    checkPages(left, PATH)
  })
}

test("a full disk under journal 'off' fails checkpoints, and writes go on in memory up to the budget", async () => {
  const disk = newDisk()
  const db = await openOn(disk, 'off', { writeBufferBytes: 1 << 20 })
  const full = new Fault(disk, 'ENOSPC', whenFull(disk))
  await db.table(words).put('a', '1')
  await rejects(db.checkpoint(), 'MANIFOLD_NO_SPACE', /Free space/)
  await rejects(db.table(words).put('b', '1', { durability: 'immediate' }), 'MANIFOLD_NO_SPACE', /Free space/)
  full.heal()
  await db.table(words).put('c', '1', { durability: 'immediate' })
  await db.close()
  assert.ok(checkPages(disk, PATH) >= 2)
})

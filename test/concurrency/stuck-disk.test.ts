import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Database } from '../../src/index.ts'
import { GatedDisk } from '../support/crash.ts'
import { openOn, PATH, stateOf, turns, words } from '../support/open.ts'
import { checkPages } from '../support/pages.ts'
import { rejects } from '../support/refusal.ts'

const BUFFER_BYTES = 1 << 20
const VALUE_BYTES = 20_000
const WRITERS = 400
const FAMILIES = 7

interface Stuck {
  readonly db: Database
  readonly gate: GatedDisk
  readonly writers: readonly Promise<void>[]
  /** The numbers of the writers whose promises have resolved, in that order. */
  readonly done: readonly number[]
}

/** A database whose disk answers no more, in the middle of more durable writes than there is memory for. */
async function stuck(): Promise<Stuck> {
  const gate = new GatedDisk()
  const db = await openOn(gate.disk, 'async', {
    writeBufferBytes: BUFFER_BYTES,
    journal: { mode: 'async', segmentBytes: 16 << 20 },
  })
  await db.table(words).put('before', '1')
  gate.shut()
  const done: number[] = []
  const writers = Array.from({ length: WRITERS }, (_, i) =>
    db
      .columnFamily(`f${i % FAMILIES}`)
      .table(words)
      .put(`k${i}`, String(i % 10).repeat(VALUE_BYTES))
      .then(() => void done.push(i)),
  )
  for (const writer of writers) writer.catch(() => {})
  await turns(20)
  return { db, gate, writers, done }
}

/** Writers are let in sixteen at a time, and each may take a large chunk beyond its entry. */
const OVERSHOOT_BYTES = 16 * (VALUE_BYTES + 64 * 1024) + (1 << 20)

describe('while the disk is stuck', () => {
  test('writers wait, memory stays within its budget, readers go on; then all is done in the order of the calls', async () => {
    const { db, gate, writers, done } = await stuck()
    assert.deepEqual(done, [])
    const { memory } = db.stats()
    assert.ok(memory.bytes <= BUFFER_BYTES + OVERSHOOT_BYTES, `${memory.bytes} bytes`)
    assert.ok(memory.waits > WRITERS / 2)
    assert.equal(db.table(words).get('before'), '1')
    assert.equal(db.columnFamily('f0').table(words).count(), 0)
    gate.open()
    await Promise.all(writers)
    for (let family = 0; family < FAMILIES; family++) {
      const ofFamily: number[] = done.filter(i => i % FAMILIES === family)
      assert.deepEqual(
        ofFamily,
        [...ofFamily].sort((a, b) => a - b),
      )
    }
    assert.equal(done.length, WRITERS)
    await db.close()
    assert.equal(checkPages(gate.disk, PATH), WRITERS + 1)
  })

  test('short commits are bounded by the room in the log, in bytes and in number', async () => {
    const gate = new GatedDisk()
    const segmentBytes = 1 << 20
    const db = await openOn(gate.disk, 'async', { journal: { mode: 'async', segmentBytes } })
    const table = db.table(words)
    await table.put('before', '1')
    gate.shut()
    const before = db.stats().memory.bytes
    let settled = 0
    const writers = Array.from({ length: 40_000 }, (_, i) => table.put(`k${i}`, 'v').then(() => void settled++))
    await turns(200)
    const { memory, log } = db.stats()
    // Two segments are prepared at most; an entry is no longer in its arena than its record is in the log.
    assert.ok(log.waiting > 1000 && log.waiting <= (2 * segmentBytes) / 80, `${log.waiting} commits`)
    assert.ok(memory.bytes - before <= 3 * segmentBytes, `${memory.bytes - before} bytes`)
    assert.equal(settled, 0)
    gate.open()
    await Promise.all(writers)
    assert.equal(table.count(), 40_001)
    assert.equal(db.stats().log.waiting, 0)
    await db.close()
  })

  test('a signal ends the wait for memory, and nobody else is disturbed', async () => {
    const { db, gate, writers, done } = await stuck()
    const aborter = new AbortController()
    let listeners = 0
    const { signal } = aborter
    const counting = {
      get aborted() {
        return signal.aborted
      },
      get reason() {
        return signal.reason as unknown
      },
      addEventListener: (type: 'abort', listener: () => void) => (listeners++, signal.addEventListener(type, listener)),
      removeEventListener: (type: 'abort', listener: () => void) => (
        listeners--,
        signal.removeEventListener(type, listener)
      ),
    }
    const waiting = [
      db.columnFamily('free').table(words).put('k', '1', { signal: counting }),
      db.table(words).update('k', () => '1', { signal: counting }),
      db.write(() => assert.fail('the body ran'), { signal: counting }),
      db.beginWrite([db.columnFamily('f1'), db.columnFamily('free')], { signal: counting }),
    ]
    const behind = db.columnFamily('free').table(words).put('behind', '1')
    assert.equal(await stateOf(waiting[0]!), 'pending')
    assert.equal(listeners, waiting.length)
    aborter.abort(new Error('no more'))
    for (const each of waiting) await rejects(each, 'MANIFOLD_ABORTED', /nothing was written/)
    assert.equal(listeners, 0)
    assert.equal(await stateOf(behind), 'pending')
    gate.open()
    await Promise.all([...writers, behind])
    assert.equal(done.length, WRITERS)
    assert.deepEqual(db.columnFamily('free').table(words).keys().toArray(), ['behind'])
    await db.close()
  })

  test('close refuses those who wait for memory at once, and ends when the disk goes on', async () => {
    const { db, gate, writers } = await stuck()
    const closed = db.close()
    const late = writers.at(-1)!
    await rejects(late, 'MANIFOLD_CLOSED', /open it again/)
    assert.equal(await stateOf(closed), 'pending')
    gate.open()
    await closed
    const outcomes = await Promise.allSettled(writers)
    const again = await openOn(gate.disk, 'async')
    for (const [i, { status }] of outcomes.entries())
      assert.equal(
        again
          .columnFamily(`f${i % FAMILIES}`)
          .table(words)
          .has(`k${i}`),
        status === 'fulfilled',
        `writer ${i}`,
      )
    await again.close()
  })
})

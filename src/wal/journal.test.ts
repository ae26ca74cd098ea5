import assert from 'node:assert/strict'
import test from 'node:test'
import { DatabaseError } from '../base/errors.ts'
import {
  append,
  DATA_PATH,
  endOf,
  freshLog,
  journalAt,
  KINDS,
  payloadOf,
  quiet,
  recover,
  SEGMENT_BYTES,
} from './fixture.test.ts'
import { RECORD_HEADER_BYTES } from './record-format.ts'
import { SEGMENT_HEADER_BYTES } from './segment-format.ts'
import type { Log, MemoryDisk } from './fixture.test.ts'
import type { Journal } from './journal.ts'
import type { WrittenLog } from './written-log.ts'

function hasCode(code: string): (error: unknown) => boolean {
  return error => error instanceof DatabaseError && error.code === code
}

/** Copies of the log's segments of one disk, without what is unsynced. */
function durableCopy(disk: MemoryDisk): MemoryDisk {
  const copy = disk.clone()
  copy.cut(() => false)
  return copy
}

async function expectRecovered(disk: MemoryDisk, bytes: readonly number[]): Promise<void> {
  const { payloads } = await recover(disk)
  assert.deepEqual(
    payloads,
    bytes.map((length, i) => payloadOf(i + 1, length)),
  )
}

/** What is left to read. */
function rest(log: WrittenLog): Uint8Array[] {
  const payloads: Uint8Array[] = []
  for (let record = log.next(); record !== undefined; record = log.next()) payloads.push(record.payload.slice())
  log.close()
  return payloads
}

function read(journal: Journal, sequence: number): Uint8Array[] {
  return rest(journal.readFrom(sequence))
}

/** One segment is `SEGMENT_BYTES`; with no 1 MiB first one, since `segmentBytes` is less. */
for (const kind of KINDS) {
  test(`${kind}: what waitForSync has settled for survives a power cut`, async () => {
    const log = await freshLog(kind)
    const sizes = [0, 4, 100, 40_000, 8, 17_000, 130_000, 64]
    for (const bytes of sizes) {
      await log.journal.waitForSync(await append(log, bytes))
      assert.equal(log.journal.synced, log.journal.appended)
      assert.equal(log.journal.lastSynced, log.journal.lastAppended)
    }
    await expectRecovered(durableCopy(log.disk), sizes)
  })

  test(`${kind}: one group carries what one turn appends, with one write that syncs`, async () => {
    const log = await freshLog(kind)
    await quiet()
    const { writes, syncs } = log.disk
    const ends = [await append(log, 100), await append(log, 200), await append(log, 300)]
    assert.equal(log.journal.written, 0)
    await Promise.all(ends.map(end => log.journal.waitForSync(end)))
    assert.deepEqual([log.disk.writes - writes, log.disk.syncs - syncs], [1, 0])
    assert.equal(log.journal.statistics.groups, 1)
    await expectRecovered(durableCopy(log.disk), [100, 200, 300])
  })

  test(`${kind}: a weaker record is written at once and synced when its delay is over`, async () => {
    const log = await freshLog(kind)
    await append(log, 100, 'write')
    const end = await append(log, 100, 'delayed-sync')
    await quiet()
    assert.deepEqual([log.journal.written, log.journal.synced], [end, 0])
    assert.ok(log.events.progressed > 0)
    await expectRecovered(log.disk.clone(), [100, 100])
    await expectRecovered(durableCopy(log.disk), [])
    log.clock.fire()
    await quiet()
    assert.equal(log.journal.synced, end)
    assert.equal(log.clock.timers.size, 0)
    await expectRecovered(durableCopy(log.disk), [100, 100])
  })

  test(`${kind}: a sync behind weaker records covers them, over segments`, async () => {
    const log = await freshLog(kind)
    const sizes = [30_000, 30_000, 30_000, 30_000, 30_000]
    for (const bytes of sizes) await append(log, bytes, 'write')
    await quiet()
    assert.equal(log.journal.synced, 0)
    const waiting = log.journal.waitForSync(await append(log, 8, 'sync'))
    await waiting
    await expectRecovered(durableCopy(log.disk), [...sizes, 8])
  })

  test(`${kind}: waiting for a weaker record syncs it`, async () => {
    const log = await freshLog(kind)
    await log.journal.waitForSync(await append(log, 100, 'write'))
    await expectRecovered(durableCopy(log.disk), [100])
  })

  test(`${kind}: syncNow and writeNow block`, async () => {
    const log = await freshLog(kind)
    const first = await append(log, 100, 'write')
    log.journal.writeNow()
    assert.deepEqual([log.journal.written, log.journal.synced], [first, 0])
    const second = await append(log, 50_000, 'sync')
    log.journal.syncNow()
    assert.deepEqual([log.journal.written, log.journal.synced], [second, second])
    await expectRecovered(durableCopy(log.disk), [100, 50_000])
    await quiet()
  })

  test(`${kind}: short writes are continued`, async () => {
    const log = await freshLog(kind)
    log.disk.writeBytesMax = 1000
    const sizes = [100, 20_000, 5000, 70_000]
    for (const bytes of sizes) await append(log, bytes)
    await log.journal.waitForSync(log.journal.appended)
    await expectRecovered(durableCopy(log.disk), sizes)
  })

  for (const failing of ['write', 'sync'] as const) {
    test(`${kind}: a failed ${failing} ends the log and tells everybody in order`, async () => {
      const log = await freshLog(kind)
      const { journal, disk } = log
      await journal.waitForSync(await append(log, 100))
      await append(log, 100, 'write')
      await quiet()
      disk.before = (operation, path) => {
        if (operation === failing && path.includes('-wal'))
          throw Object.assign(new Error('EIO: injected'), { code: 'EIO' })
      }
      const told: number[] = []
      const waits = [1, 2, 3].map(async n => {
        const position = await append(log, 100)
        await assert.rejects(journal.waitForSync(position), hasCode('MANIFOLD_POISONED'))
        told.push(n)
      })
      await Promise.all(waits)
      assert.deepEqual(told, [1, 2, 3])
      assert.equal(log.events.failed, 1)
      disk.before = () => {}
      const { writes, syncs } = disk
      assert.throws(() => journal.syncNow(), hasCode('MANIFOLD_POISONED'))
      assert.throws(() => journal.append(journal.lastAppended + 1, [], 0, 'sync'), hasCode('MANIFOLD_POISONED'))
      await assert.rejects(journal.reserve(8) ?? Promise.resolve(), hasCode('MANIFOLD_POISONED'))
      await assert.rejects(journal.waitForSync(journal.appended), hasCode('MANIFOLD_POISONED'))
      assert.equal(journal.synced, RECORD_HEADER_BYTES + 100)
      await journal.close(true)
      assert.deepEqual([disk.writes, disk.syncs], [writes, syncs])
      assert.ok([...disk.names.keys()].length > 0, 'the log of a failed database stays')
    })
  }

  test(`${kind}: no space fails the reservation alone, and the log goes on when there is some`, async () => {
    const log = await freshLog(kind)
    const { journal, disk } = log
    await journal.waitForSync(await append(log, 30_000))
    await quiet()
    const files = disk.names.size
    disk.space = 10_000
    await assert.rejects(append(log, 500_000), hasCode('MANIFOLD_NO_SPACE'))
    assert.throws(() => journal.reserveSync(500_000), hasCode('MANIFOLD_NO_SPACE'))
    assert.equal(disk.names.size, files, 'nothing is left of the segment')
    await journal.waitForSync(await append(log, 1000))
    disk.space = Infinity
    await journal.waitForSync(await append(log, 500_000))
    journal.reserveSync(300_000)
    journal.append(journal.lastAppended + 1, [payloadOf(journal.lastAppended + 1, 300_000)], 300_000, 'sync')
    journal.syncNow()
    await expectRecovered(durableCopy(disk), [30_000, 1000, 500_000, 300_000])
  })

  test(`${kind}: reservations are served in order, and what is given back serves the next`, async () => {
    const log = await freshLog(kind)
    const { journal, disk } = log
    disk.space = 0
    assert.equal(journal.reserve(60_000), undefined)
    const order: string[] = []
    const large = journal.reserve(60_004)!.then(
      () => order.push('large'),
      () => order.push('large refused'),
    )
    const small = journal.reserve(8)!.then(() => order.push('small'))
    await quiet()
    assert.deepEqual(order, ['large refused', 'small'])
    const next = journal.reserve(50_000)!.then(() => order.push('next'))
    journal.release(60_000)
    await Promise.all([large, small, next])
    assert.deepEqual(order, ['large refused', 'small', 'next'])
    assert.equal(journal.statistics.stalls, 3)
  })

  test(`${kind}: truncating frees segments and uses them again, without zeros written anew`, async () => {
    const log = await freshLog(kind)
    const { journal, disk } = log
    for (let round = 0; round < 40; round++) {
      await journal.waitForSync(await append(log, 20_000))
      journal.truncate(endOf(journal))
      await quiet(5)
    }
    assert.ok(disk.names.size <= 5, `${disk.names.size} segment files`)
    const written = disk.bytesWritten
    for (let round = 0; round < 3; round++) {
      await journal.waitForSync(await append(log, 20_000))
      journal.truncate(endOf(journal))
      await quiet(5)
    }
    assert.ok(disk.bytesWritten - written < 70_000, `${disk.bytesWritten - written} bytes written for 60,000`)
    const start = endOf(journal)
    const end = await append(log, 50_000)
    await journal.waitForSync(end)
    const recovered = await recover(durableCopy(disk), start)
    assert.deepEqual(recovered.payloads, [payloadOf(44, 50_000)])
    assert.equal(recovered.place.position, end)
  })

  test(`${kind}: readFrom gives what is written, from a sequence on`, async () => {
    const log = await freshLog(kind)
    const { journal } = log
    const sizes = [100, 40_000, 0, 130_000, 64]
    for (const bytes of sizes) await journal.waitForSync(await append(log, bytes))
    const whole = journal.readFrom(1)
    await append(log, 8)
    const payloads = sizes.map((bytes, i) => payloadOf(i + 1, bytes))
    for (let sequence = 1; sequence <= 6; sequence++)
      assert.deepEqual(read(journal, sequence), payloads.slice(sequence - 1))
    await journal.waitForSync(journal.appended)
    assert.deepEqual(read(journal, 6), [payloadOf(6, 8)])
    assert.deepEqual(rest(whole), payloads, 'as far as was written when the reading began')
  })

  test(`${kind}: readFrom begins where the log begins, also after a recovery`, async () => {
    const log = await freshLog(kind)
    for (const bytes of [100, 200]) await log.journal.waitForSync(await append(log, bytes))
    log.journal.truncate(endOf(log.journal))
    assert.throws(() => log.journal.readFrom(2), /what is read is not freed/)
    const { start } = log.journal
    for (const bytes of [300, 400]) await log.journal.waitForSync(await append(log, bytes))
    assert.deepEqual(read(log.journal, 3), [payloadOf(3, 300), payloadOf(4, 400)])
    const cut = durableCopy(log.disk)
    const next = journalAt(cut, (await recover(cut, start)).place, kind)
    await next.journal.waitForSync(await append(next, 500))
    assert.deepEqual(read(next.journal, 4), [payloadOf(4, 400), payloadOf(5, 500)])
  })

  test(`${kind}: readFrom refuses a damaged record, with its place, and gives those before it`, async () => {
    const log = await freshLog(kind)
    const ends: number[] = []
    for (const bytes of [100, 200, 300]) ends.push(await append(log, bytes))
    await log.journal.waitForSync(ends[2]!)
    const path = `${DATA_PATH}-wal0`
    log.disk.bytes(path)[SEGMENT_HEADER_BYTES + ends[1]! + RECORD_HEADER_BYTES + 7]! ^= 1
    const written = log.journal.readFrom(1)
    assert.deepEqual([written.next()!.sequence, written.next()!.sequence], [1, 2])
    const offset = SEGMENT_HEADER_BYTES + ends[1]!
    assert.throws(() => written.next(), { code: 'MANIFOLD_CORRUPTION', file: path, offset })
    written.close()
  })

  test(`${kind}: freed segments are kept as far as the load needs them, the rest go`, async () => {
    const log = await freshLog(kind)
    const { journal, disk } = log
    const files = async (records: number): Promise<number> => {
      for (let i = 0; i < records; i++) await journal.waitForSync(await append(log, 60_000))
      journal.truncate(endOf(journal))
      await quiet()
      return disk.names.size
    }
    const burst = await files(20)
    const written = disk.bytesWritten
    assert.ok((await files(20)) <= burst + 1)
    assert.ok(disk.bytesWritten - written < 1_300_000, 'a second burst writes no zeros')
    await files(1)
    assert.ok((await files(1)) <= 5, 'a small load keeps few')
  })

  test(`${kind}: a clean close leaves no log, another leaves one that is whole`, async () => {
    const clean = await freshLog(kind)
    await append(clean, 100, 'write')
    await clean.journal.close(true)
    assert.deepEqual([...durableCopy(clean.disk).names.keys()], [])

    const other = await freshLog(kind)
    await append(other, 100, 'write')
    await other.journal.close(false)
    await expectRecovered(durableCopy(other.disk), [100])
    await assert.rejects(Promise.resolve(other.journal.reserve(8)), hasCode('MANIFOLD_CLOSED'))
  })
}

/** Runs asynchronous I/O by hand. */
function holdBack(disk: MemoryDisk): (() => void)[] {
  const held: (() => void)[] = []
  disk.later = run => void held.push(run)
  return held
}

async function startedLog(): Promise<Log> {
  const log = await freshLog('async')
  await log.journal.waitForSync(await append(log, 40_000))
  await quiet()
  return log
}

test('async: what is appended during a write goes into the next group', async () => {
  const log = await startedLog()
  const { journal, disk } = log
  const held = holdBack(disk)
  const first = await append(log, 100)
  await quiet()
  const second = await append(log, 100)
  const third = await append(log, 100)
  await quiet()
  assert.equal(held.length, 1)
  held.shift()!()
  await quiet()
  assert.deepEqual([journal.written, journal.synced], [first, first])
  held.shift()!()
  await quiet()
  assert.ok(second < third)
  assert.deepEqual([journal.written, journal.synced], [third, third])
  assert.equal(journal.statistics.groups, 3)
})

test('async: syncNow overtakes a write under way, and its late end changes nothing', async () => {
  const log = await startedLog()
  const { journal, disk } = log
  const held = holdBack(disk)
  await append(log, 26_000)
  await quiet()
  const end = await append(log, 100)
  assert.equal(journal.quiesce(), undefined)
  journal.syncNow()
  assert.deepEqual([journal.written, journal.synced, journal.lastSynced], [end, end, 3])
  await expectRecovered(durableCopy(disk), [40_000, 26_000, 100])
  const quiesced = journal.quiesce()
  assert.notEqual(quiesced, undefined)
  // The segment under the flight must not be given a new place before it ends.
  const header = disk.bytes(`${DATA_PATH}-wal0`).slice(0, 4096)
  journal.truncate(endOf(journal))
  journal.reserveSync(200_000)
  journal.release(200_000)
  assert.deepEqual(disk.bytes(`${DATA_PATH}-wal0`).slice(0, 4096), header)
  disk.later = run => void setImmediate(run)
  held.shift()!()
  await quiesced
  await quiet()
  assert.deepEqual([journal.written, journal.synced], [end, end])
  assert.equal(journal.quiesce(), undefined)
  journal.reserveSync(500_000)
  assert.notDeepEqual(disk.bytes(`${DATA_PATH}-wal0`).slice(0, 4096), header)
  await journal.close(false)
})

test('async: writeNow syncs where a record under way needs it', async () => {
  const log = await startedLog()
  const { journal, disk } = log
  const held = holdBack(disk)
  await append(log, 100, 'sync')
  await quiet()
  const end = await append(log, 100, 'write')
  journal.writeNow()
  assert.deepEqual([journal.written, journal.synced], [end, end])
  held.shift()!()
  await quiet()
  assert.equal(journal.synced, end)
})

test('async: the sync of syncNow goes through the descriptor that the flight does not use', async () => {
  const log = await startedLog()
  const { journal, disk } = log
  const held = holdBack(disk)
  await append(log, 100, 'write')
  await quiet()
  const waiting = journal.waitForSync(journal.written)
  await quiet()
  assert.equal(held.length, 1, 'a sync is under way')
  const calls = disk.log.length
  journal.syncNow()
  assert.equal(journal.synced, journal.appended)
  await waiting
  held.shift()!()
  await quiet()
  const path = `${DATA_PATH}-wal0`
  assert.deepEqual(disk.log.slice(calls), [`sync+ ${path}`, `sync ${path}`])
  assert.equal(journal.failure, undefined)
})

test('async: what nobody waits to see synced is written by the next turn itself', async () => {
  const log = await startedLog()
  const { journal, disk } = log
  const held = holdBack(disk)
  const end = await append(log, 100, 'write')
  await quiet()
  assert.deepEqual([journal.written, held.length], [end, 0])
  assert.ok(journal.synced < end)
  await journal.close(false)
})

test('async: nothing is reported from inside append, however long the group is', async () => {
  const log = await startedLog()
  const { journal, disk, events } = log
  journal.reserveSync(2_100_000)
  journal.release(2_100_000)
  const held = holdBack(disk)
  const before = events.progressed
  await append(log, 1_000_000, 'write')
  assert.equal(events.progressed, before)
  await quiet()
  assert.equal(events.progressed, before + 1)
  await append(log, 1_000_000)
  assert.equal(events.progressed, before + 1)
  assert.ok(held.length > 0, 'the group that must be synced has set out')
  disk.later = run => void setImmediate(run)
  for (const run of held) run()
  await journal.close(false)
})

test('async: a record written while a sync is under way is not in it, and keeps its delay', async () => {
  const log = await startedLog()
  const { journal, disk, clock } = log
  const held = holdBack(disk)
  const first = await append(log, 100, 'write')
  await quiet()
  const waiting = journal.waitForSync(first)
  await quiet()
  const second = await append(log, 4000, 'delayed-sync')
  journal.writeNow()
  assert.equal(journal.written, second)
  held.shift()!()
  await waiting
  assert.equal(journal.synced, first)
  await expectRecovered(durableCopy(disk), [40_000, 100])
  clock.fire()
  await quiet()
  held.shift()!()
  await quiet()
  assert.equal(journal.synced, second)
  await expectRecovered(durableCopy(disk), [40_000, 100, 4000])
})

test('async: a flight that fails after it was overtaken still ends the log', async () => {
  const log = await startedLog()
  const { journal, disk } = log
  const held = holdBack(disk)
  await append(log, 100)
  await quiet()
  journal.syncNow()
  disk.before = () => {
    throw Object.assign(new Error('EIO: injected'), { code: 'EIO' })
  }
  held.shift()!()
  await quiet()
  assert.notEqual(journal.failure, undefined)
  assert.equal(log.events.failed, 1)
})

test('a blocking reservation overtakes a preparation under way', async () => {
  const log = await freshLog('sync')
  const { journal, disk } = log
  const held = holdBack(disk)
  const waits = journal.reserve(SEGMENT_BYTES)!
  await quiet()
  assert.ok(held.length > 0, 'zeros are being written')
  journal.reserveSync(100_000)
  journal.append(1, [payloadOf(1, 100_000)], 100_000, 'sync')
  journal.syncNow()
  disk.later = run => void setImmediate(run)
  for (const run of held) run()
  await waits
  journal.append(2, [payloadOf(2, SEGMENT_BYTES)], SEGMENT_BYTES, 'sync')
  await journal.waitForSync(journal.appended)
  await quiet()
  await expectRecovered(durableCopy(disk), [100_000, SEGMENT_BYTES])
  assert.ok([...disk.names.keys()].every(name => name.startsWith(`${DATA_PATH}-wal`)))
})

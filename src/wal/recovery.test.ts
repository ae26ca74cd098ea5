import { WRITE_UNIT_BYTES } from '../base/aligned-memory.ts'
import assert from 'node:assert/strict'
import test from 'node:test'
import { DatabaseError } from '../base/errors.ts'
import { createLog } from './create-log.ts'
import {
  append,
  DATA_PATH,
  endOf,
  freshLog,
  freshOptions,
  journalAt,
  MemoryDisk,
  newGenerator,
  payloadOf,
  quiet,
  recover,
  recoveryOptions,
  SEGMENT_BYTES,
  START,
  UUID,
} from './fixture.test.ts'
import { RECORD_HEADER_BYTES, RecordHeaderEncoder } from './record-format.ts'
import { LogRecovery } from './recovery.ts'
import { encodeSegmentHeader, SEGMENT_HEADER_BYTES } from './segment-format.ts'
import type { Log, Recovered } from './fixture.test.ts'
import type { Epoch } from './segment-format.ts'

function hasCode(code: string): (error: unknown) => boolean {
  return error => error instanceof DatabaseError && error.code === code
}

function isCorruptionOf(path: string, offset?: number): (error: unknown) => boolean {
  return error => {
    assert.ok(error instanceof DatabaseError, String(error))
    assert.equal(error.code, 'MANIFOLD_CORRUPTION')
    assert.equal(error.file, path)
    if (offset !== undefined) assert.equal(error.offset, offset)
    assert.notEqual(error.expected, undefined)
    assert.notEqual(error.found, undefined)
    return true
  }
}

function walPath(slot: number): string {
  return `${DATA_PATH}-wal${slot}`
}

/** A log with synced records of these sizes, each in a group of its own. */
async function logOf(sizes: readonly number[]): Promise<Log> {
  const log = await freshLog('sync')
  for (const bytes of sizes) await log.journal.waitForSync(await append(log, bytes))
  await quiet()
  return log
}

function expected(sizes: readonly number[]): Uint8Array[] {
  return sizes.map((bytes, i) => payloadOf(i + 1, bytes))
}

/** Where the record number `index` of `sizes` begins: each is in a group of its own, and a synced group begins a unit. */
function positionOf(sizes: readonly number[], index: number): number {
  return Math.ceil((index === 0 ? 0 : endOfRecord(sizes, index - 1)) / WRITE_UNIT_BYTES) * WRITE_UNIT_BYTES
}

function endOfRecord(sizes: readonly number[], index: number): number {
  return positionOf(sizes, index) + RECORD_HEADER_BYTES + sizes[index]!
}

test('a log is recovered over many segments, from any record on', async () => {
  const sizes = [100, 60_000, 0, 200_000, 8, 64_000, 12]
  const { disk } = await logOf(sizes)
  const all: { position: number; end: number; checksum: number; sequence: number }[] = []
  await new LogRecovery(recoveryOptions(disk.clone())).replay(({ position, end, checksum, sequence }) => {
    all.push({ position, end, checksum, sequence })
  })
  assert.deepEqual(
    all.map(({ position }) => position),
    sizes.map((_, i) => positionOf(sizes, i)),
  )
  for (const { end, checksum, sequence } of all) {
    const { payloads, sequences, place } = await recover(disk.clone(), {
      position: end,
      previousChecksum: checksum,
      sequence,
    })
    assert.deepEqual(payloads, expected(sizes).slice(sequence))
    assert.deepEqual(sequences, sizes.map((_, i) => i + 1).slice(sequence))
    assert.deepEqual([place.position, place.sequence], [endOfRecord(sizes, sizes.length - 1), sizes.length])
  }
})

test('the last group torn at any byte is cut off, and the log goes on behind the cut', async () => {
  const { disk } = await logOf([100, 40, 60])
  const from = SEGMENT_HEADER_BYTES + positionOf([100, 40, 60], 2)
  for (let torn = 0; torn < RECORD_HEADER_BYTES + 60; torn++) {
    const cut = disk.clone()
    const whole = cut.bytes(walPath(0))
    // A byte of the payload that is zero anyway is not torn.
    if (whole.subarray(from + torn, from + RECORD_HEADER_BYTES + 60).every(byte => byte === 0)) continue
    whole.fill(0, from + torn, from + RECORD_HEADER_BYTES + 60)
    const { payloads, place } = await recover(cut)
    assert.deepEqual(payloads, expected([100, 40]), `torn at ${torn}`)
    const log = journalAt(cut, place, 'sync')
    await log.journal.waitForSync(await append(log, 72))
    assert.deepEqual((await recover(cut)).payloads, expected([100, 40, 72]))
  }
})

test('a flipped bit in front of something durable refuses, with its place', async () => {
  const sizes = [100, 40, 60]
  const { disk } = await logOf(sizes)
  const last = positionOf(sizes, 2)
  for (let at = 0; at < last; at++) {
    // Between two groups are zeros of which nothing is read.
    if (at >= endOfRecord(sizes, at < positionOf(sizes, 1) ? 0 : 1)) continue
    const damaged = disk.clone()
    damaged.bytes(walPath(0))[SEGMENT_HEADER_BYTES + at]! ^= 1 << (at % 8)
    const record = at < positionOf(sizes, 1) ? 0 : positionOf(sizes, 1)
    const before = damaged.bytes(walPath(0)).slice()
    await assert.rejects(recover(damaged), isCorruptionOf(walPath(0), SEGMENT_HEADER_BYTES + record), `byte ${at}`)
    assert.deepEqual(damaged.bytes(walPath(0)), before)
  }
})

test('zeros in the place of a durable record refuse, although the next record begins a unit', async () => {
  const log = await freshLog('sync')
  // The first two are one group, in one unit.
  await append(log, 100)
  await log.journal.waitForSync(await append(log, 40))
  await log.journal.waitForSync(await append(log, 60))
  await quiet()
  const segment = log.disk.bytes(walPath(0))
  segment.fill(0, SEGMENT_HEADER_BYTES + 156, SEGMENT_HEADER_BYTES + 252)
  await assert.rejects(recover(log.disk), isCorruptionOf(walPath(0), SEGMENT_HEADER_BYTES + WRITE_UNIT_BYTES))
})

test('a record that begins a segment and is cut off refuses, whatever stands in the rest of the segment before', async () => {
  const log = await freshLog('sync')
  // Ends within the last unit of its segment, of which a reused segment has old bytes.
  await append(log, SEGMENT_BYTES - RECORD_HEADER_BYTES - 100, 'write')
  await quiet()
  log.disk.bytes(walPath(0)).fill(0xee, SEGMENT_HEADER_BYTES + SEGMENT_BYTES - 100)
  await log.journal.waitForSync(await append(log, 3000))
  await quiet()
  const last = log.disk.names.get(walPath(1))!
  last.cached = last.cached.slice(0, SEGMENT_HEADER_BYTES + 1000)
  await assert.rejects(recover(log.disk), isCorruptionOf(walPath(1)))
})

test('a later record alone proves nothing: the kernel may have written it and not the one before', async () => {
  const log = await freshLog('sync')
  for (const bytes of [100, 100, 100, 100]) await append(log, bytes, 'write')
  await quiet()
  const disk = log.disk.clone()
  disk.bytes(walPath(0)).fill(0, SEGMENT_HEADER_BYTES + 156, SEGMENT_HEADER_BYTES + 312)
  assert.deepEqual((await recover(disk)).payloads, expected([100]))
})

test('a record from behind a hole does not come back when the hole is filled again', async () => {
  const log = await freshLog('sync')
  for (const bytes of [100, 100, 100]) await append(log, bytes, 'write')
  await quiet()
  const disk = log.disk.clone()
  disk.bytes(walPath(0)).fill(0, SEGMENT_HEADER_BYTES + 156, SEGMENT_HEADER_BYTES + 312)
  const { place } = await recover(disk)
  const next = journalAt(disk, place, 'sync')
  await next.journal.waitForSync(await append(next, 100))
  const again = await recover(disk)
  assert.deepEqual(again.payloads, expected([100, 100]))
  assert.deepEqual((await recover(disk)).payloads, expected([100, 100]))
})

test('recovery makes what it accepted durable, also what only the page cache held', async () => {
  const log = await freshLog('sync')
  const sizes = [100, 70_000, 100]
  for (const bytes of sizes) await append(log, bytes, 'write')
  await quiet()
  // As after a failed sync: the page cache shows the bytes, and no sync would write them again.
  for (const inode of log.disk.names.values()) inode.dirty.clear()
  assert.deepEqual((await recover(log.disk)).payloads, expected(sizes))
  log.disk.cut(() => false)
  assert.deepEqual((await recover(log.disk)).payloads, expected(sizes))
})

test('recovery cut at any call recovers to the same state', async () => {
  const sizes = [100, 70_000, 4, 90_000]
  const log = await freshLog('sync')
  await log.journal.waitForSync(await append(log, sizes[0]!))
  for (const bytes of sizes.slice(1)) await append(log, bytes, 'write')
  await quiet()
  log.journal.writeNow()
  // The last record is torn; what is left of it must not come back.
  const torn = log.disk.clone()
  torn.bytes(walPath(1)).fill(0, SEGMENT_HEADER_BYTES + 30_000, SEGMENT_HEADER_BYTES + 40_000)
  const next = newGenerator(5)
  for (let calls = 1, isCut = true; isCut; calls++) {
    for (let round = 0; round < 4; round++) {
      const disk = torn.clone()
      let count = 0
      isCut = false
      disk.before = () => {
        if (++count >= calls) {
          isCut = true
          throw new Error('cut')
        }
      }
      let accepted: Recovered | undefined
      try {
        accepted = await recover(disk)
      } catch (error) {
        if (!isCut) throw error
      }
      await quiet(3)
      // Nothing was promised of unsynced bytes before recovery ended; a process that is killed keeps them.
      const keep = round === 0 ? () => true : () => next() < 0.5
      disk.cut(keep)
      const { payloads } = await recover(disk)
      const count2 = payloads.length
      assert.deepEqual(payloads, expected(sizes).slice(0, count2))
      if (round === 0) assert.equal(count2, 3)
      if (accepted !== undefined) assert.deepEqual(payloads, accepted.payloads)
      assert.deepEqual((await recover(disk)).payloads, payloads)
    }
  }
})

test('a missing segment refuses: the first, one in the middle, all', async () => {
  const sizes = [60_000, 60_000, 60_000, 60_000]
  const { disk } = await logOf(sizes)
  for (const slot of [0, 1, 2]) {
    const damaged = disk.clone()
    damaged.names.delete(walPath(slot))
    const [file, offset] = slot === 0 ? [walPath(1), 0] : [walPath(slot - 1), SEGMENT_HEADER_BYTES + SEGMENT_BYTES]
    await assert.rejects(recover(damaged), isCorruptionOf(file, offset), `segment ${slot}`)
    await assert.rejects(recover(damaged), ({ message }: Error) => {
      assert.ok(slot === 0 || message.includes(`behind ${walPath(slot - 1)} `), message)
      assert.ok(
        message.includes(`in front of ${walPath(slot + 1)}, with log position ${slot * SEGMENT_BYTES}.`),
        message,
      )
      return /Put it back beside the others/.test(message)
    })
  }
  const empty = disk.clone()
  empty.names.clear()
  await assert.rejects(recover(empty), hasCode('MANIFOLD_LOG_MISSING'))
})

test('a position behind the end of the log refuses', async () => {
  const { disk } = await logOf([100])
  await assert.rejects(
    recover(disk, { position: 10_000_000, previousChecksum: 1, sequence: 9 }),
    hasCode('MANIFOLD_CORRUPTION'),
  )
})

test('a damaged segment header refuses wherever records are behind it', async () => {
  const sizes = [60_000, 60_000, 60_000, 60_000]
  const log = await logOf(sizes)
  const used = Math.ceil(log.journal.appended / SEGMENT_BYTES)
  for (let slot = 0; slot < used; slot++) {
    for (const at of [0, 9, 16, 33, 41, 50, 57, 65, 100, 4095]) {
      const damaged = log.disk.clone()
      damaged.bytes(walPath(slot))[at]! ^= 4
      await assert.rejects(recover(damaged), isCorruptionOf(walPath(slot), 0), `segment ${slot}, byte ${at}`)
    }
  }
})

test('a damaged header refuses also where only its own records tell that it was in use', async () => {
  // The second record fills the first segment to its end, or reaches into the next one.
  for (const sizes of [
    [60_000, 5064, 3000],
    [60_000, 7000, 100],
    [60_000, 8000],
  ]) {
    const { disk } = await logOf(sizes)
    assert.deepEqual([...disk.names.keys()], [walPath(0), walPath(1)])
    disk.bytes(walPath(1))[41]! ^= 4
    await assert.rejects(recover(disk), isCorruptionOf(walPath(1), 0))
  }
})

test('a preparation that failed and could not be removed is superseded by its repetition', async () => {
  const log = await logOf([60_000])
  let failures = 0
  log.disk.before = operation => {
    if (operation === 'remove' || (operation === 'syncDirectory' && failures++ === 0)) {
      throw Object.assign(new Error('EIO: injected'), { code: 'EIO' })
    }
  }
  await assert.rejects(append(log, 100_000), hasCode('MANIFOLD_IO'))
  await log.journal.waitForSync(await append(log, 100_000))
  assert.deepEqual((await recover(log.disk.clone())).payloads, expected([60_000, 100_000]))
})

interface Fields {
  payloadBytes: number
  position: number
  sequence: number
  durableThrough: number
  previousChecksum: number
  epoch: Epoch
}

/** A log of two records, of which the second has these fields. */
function handMade(change: Partial<Fields>): MemoryDisk {
  const epoch = { low: 5, high: 6 }
  const disk = new MemoryDisk()
  const file = disk.openSync(walPath(0), { write: true, create: true, exclusive: true, dataSync: false })
  file.writeSync([encodeSegmentHeader({ serial: 1, start: 0, capacity: 65536, epoch, epochStart: 0 }, UUID)], 0)
  const encoder = new RecordHeaderEncoder(epoch)
  const first = encoder.encode(0, 0, 0, 1, 0, 0)
  file.writeSync([encoder.block.slice(), new Uint8Array(65536 - RECORD_HEADER_BYTES)], SEGMENT_HEADER_BYTES)
  const of = {
    payloadBytes: 0,
    position: 56,
    sequence: 2,
    durableThrough: 56,
    previousChecksum: first,
    epoch,
    ...change,
  }
  const second = new RecordHeaderEncoder(of.epoch)
  second.encode(of.payloadBytes, 0, of.position, of.sequence, of.durableThrough, of.previousChecksum)
  file.writeSync([second.block], SEGMENT_HEADER_BYTES + RECORD_HEADER_BYTES)
  return disk
}

test('a sound record is accepted only in its place, epoch, chain and sequence', async () => {
  assert.deepEqual((await recover(handMade({}))).sequences, [1, 2])
  const changes: Partial<Fields>[] = [
    { position: 60 },
    { sequence: 3 },
    { durableThrough: 60 },
    { previousChecksum: 1 },
    { epoch: { low: 5, high: 7 } },
    { epoch: { low: 4, high: 6 } },
  ]
  for (const change of changes) {
    assert.deepEqual((await recover(handMade(change))).sequences, [1], JSON.stringify(change))
  }
  await assert.rejects(recover(handMade({ payloadBytes: 65536 })), isCorruptionOf(walPath(0)))
})

test('a segment prepared ahead may be damaged or cut short', async () => {
  const log = await logOf([60_000])
  const ahead = [...log.disk.names.keys()].filter(name => name !== walPath(0))
  assert.equal(ahead.length, 1)
  for (const damage of [(bytes: Uint8Array) => (bytes[40]! ^= 1), (bytes: Uint8Array) => bytes.fill(0)]) {
    const disk = log.disk.clone()
    damage(disk.bytes(ahead[0]!))
    assert.deepEqual((await recover(disk)).payloads, expected([60_000]))
    assert.equal(disk.names.size, 2)
  }
  const short = log.disk.clone()
  short.names.get(ahead[0]!)!.resize(5000)
  assert.deepEqual((await recover(short)).payloads, expected([60_000]))
})

test('a segment that holds records, or has another behind it, refuses where its file has lost its end', async () => {
  const log = await logOf([100, 100])
  const between = SEGMENT_HEADER_BYTES + RECORD_HEADER_BYTES + 100
  for (const bytes of [between, between + RECORD_HEADER_BYTES - 4, between + 5000]) {
    const disk = log.disk.clone()
    disk.names.get(walPath(0))!.resize(bytes)
    await assert.rejects(recover(disk), isCorruptionOf(walPath(0)), `cut to ${bytes}`)
  }
  const { disk } = await logOf([60_000])
  assert.equal(disk.names.size, 2)
  disk.names.get(walPath(0))!.resize(SEGMENT_HEADER_BYTES)
  await assert.rejects(recover(disk), isCorruptionOf(walPath(0)))
})

test('damage in a record is told by the segment that holds its byte, where the record lies in several', async () => {
  const { disk } = await logOf([100, 100_000, 4])
  const recovery = new LogRecovery(recoveryOptions(disk))
  const inSegment = (position: number): [string, number] => {
    const slot = Math.floor(position / SEGMENT_BYTES)
    return [walPath(slot), SEGMENT_HEADER_BYTES + (position % SEGMENT_BYTES)]
  }
  const seen = new Set<string>()
  await recovery.replay(({ position, end }) => {
    for (let at = position; at < end; at += 4) {
      const { file, offset } = recovery.damage({ position: at, what: 'a fault', expected: 'this', found: 'that' })
      assert.deepEqual([file, offset], inSegment(at), `position ${at}`)
      seen.add(file!)
    }
  })
  assert.equal(seen.size, 2)
})

test('a record that no longer fits into what was prepared for it is damage', async () => {
  const log = await freshLog('sync')
  await append(log, 100_000, 'sync')
  await quiet()
  log.disk.names.delete(walPath(1))
  for (const name of log.disk.names.keys()) if (name !== walPath(0)) log.disk.names.delete(name)
  await assert.rejects(recover(log.disk), isCorruptionOf(walPath(0)))
})

test('damage in front of a new epoch refuses even where the epoch has no record yet', async () => {
  const { disk } = await logOf([100, 100])
  await recover(disk)
  disk.bytes(walPath(0))[SEGMENT_HEADER_BYTES + WRITE_UNIT_BYTES + 100]! ^= 1
  await assert.rejects(recover(disk), isCorruptionOf(walPath(0)))
})

test('a segment of another database, or of a newer version, refuses', async () => {
  const { disk } = await logOf([100])
  const uuid = new Uint8Array(16).fill(9)
  await assert.rejects(recover2(disk, uuid), isCorruptionOf(walPath(0), 16))
  const header = { serial: 1, start: 0, capacity: 65536, epoch: { low: 1, high: 1 }, epochStart: 0 }
  const block = encodeSegmentHeader(header, uuid)
  disk.bytes(walPath(0)).set(block)
  disk.bytes(walPath(0))[8] = 3
  await assert.rejects(recover(disk), hasCode('MANIFOLD_CORRUPTION'), 'a flipped version is damage')
  disk.bytes(walPath(0)).set(newerHeader(block))
  await assert.rejects(recover(disk), hasCode('MANIFOLD_VERSION'))
})

async function recover2(disk: MemoryDisk, uuid: Uint8Array): Promise<void> {
  new LogRecovery({ ...recoveryOptions(disk), uuid })
}

function newerHeader(block: Uint8Array): Uint8Array {
  const newer = block.slice()
  newer[8] = 3
  new DataView(newer.buffer).setUint32(4092, crc(newer.subarray(0, 4092)), true)
  return newer
}

/** CRC-32, bit by bit: a second opinion on the one that the engine uses. */
function crc(bytes: Uint8Array): number {
  let value = 0xffff_ffff
  for (const byte of bytes) {
    value ^= byte
    for (let bit = 0; bit < 8; bit++) value = (value >>> 1) ^ (value & 1 ? 0xedb8_8320 : 0)
  }
  return ~value >>> 0
}

test('progress is told, and an aborted signal ends recovery with the files as they were', async () => {
  const sizes = Array.from({ length: 100 }, () => 100_000)
  const { disk } = await logOf(sizes)
  const told: number[] = []
  const signal = { aborted: false, reason: 'enough' }
  const options = {
    ...recoveryOptions(disk),
    signal,
    onProgress: (progress: { bytes: number }) => void told.push(progress.bytes),
  }
  await new LogRecovery(options).replay(() => {})
  assert.ok(told.length >= 3)
  assert.equal(told[told.length - 1], endOfRecord(sizes, sizes.length - 1))
  signal.aborted = true
  const calls = disk.log.length
  await assert.rejects(
    new LogRecovery(options).replay(() => {}),
    hasCode('MANIFOLD_ABORTED'),
  )
  assert.ok(disk.log.slice(calls).every(call => !/^(write|remove)/.test(call)))
})

test('a visitor that waits holds the replay', async () => {
  const { disk } = await logOf([4, 8, 12])
  const seen: number[] = []
  await new LogRecovery(recoveryOptions(disk)).replay(async record => {
    await quiet(2)
    seen.push(record.payload.length)
  })
  assert.deepEqual(seen, [4, 8, 12])
})

test('a closed database goes on at its position, and what a cut in closing left is removed', async () => {
  const log = await logOf([100, 200])
  const { journal, disk } = log
  const start = { position: journal.appended, previousChecksum: journal.lastChecksum, sequence: journal.lastAppended }
  await journal.close(false)
  const next = journalAt(disk, await createLog(freshOptions(disk, start)), 'sync')
  assert.equal(disk.names.size, 1)
  await next.journal.waitForSync(await append(next, 300))
  await quiet()
  assert.deepEqual((await recover(disk, start)).payloads, [payloadOf(3, 300)])
})

test('a new log does not remove the records of another database', async () => {
  const { disk } = await logOf([100])
  const uuid = new Uint8Array(16).fill(9)
  await assert.rejects(createLog({ ...freshOptions(disk), uuid }), isCorruptionOf(walPath(0), 16))
  assert.deepEqual((await recover(disk)).payloads, expected([100]))
  const cut = (await logOf([])).disk
  await createLog({ ...freshOptions(cut), uuid })
  assert.equal(cut.names.size, 1)
})

test('retired segments go when their records are no longer needed', async () => {
  const { disk } = await logOf([60_000, 60_000, 60_000])
  const { place } = await recover(disk)
  const log = journalAt(disk, place, 'sync')
  const end = await append(log, 100)
  await log.journal.waitForSync(end)
  assert.ok(disk.names.size > 3)
  log.journal.truncate(endOf(log.journal))
  await quiet()
  assert.equal(disk.names.size, 1)
  assert.equal(START.position, 0)
})

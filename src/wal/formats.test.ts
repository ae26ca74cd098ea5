import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import test from 'node:test'
import * as record from './record-format.ts'
import * as segment from './segment-format.ts'
import { readU53, writeU53 } from '../base/u53.ts'

const UUID = Uint8Array.from({ length: 16 }, (_, i) => 255 - i)
const HEADER: segment.SegmentHeader = {
  serial: 7,
  start: 2 ** 40,
  capacity: 65536,
  epoch: { low: 0x89abcdef, high: 0x01234567 },
  epochStart: 2 ** 40 - 4,
}

/** The drawing of a format: the offset at which each field stands. It is kept in the built file. */
function drawing(file: string): Map<string, number> {
  const fields = new Map<string, number>()
  const text = readFileSync(new URL(file, import.meta.url), 'utf8')
  for (const [, offset, name] of text.matchAll(/^ \* +(\d+) +[\d-]+ {2}([a-z ]+)/gm))
    fields.set(name!.trim(), Number(offset))
  return fields
}

test('the drawing of a segment is as its constants say', () => {
  assert.deepEqual(
    [...drawing('./segment-format.js')],
    [
      ['magic', 0],
      ['format version', segment.SEGMENT_VERSION_OFFSET],
      ['zero', 72],
      ['uuid of the database', segment.SEGMENT_UUID_OFFSET],
      ['serial', segment.SEGMENT_SERIAL_OFFSET],
      ['start', segment.SEGMENT_START_OFFSET],
      ['capacity', segment.SEGMENT_CAPACITY_OFFSET],
      ['epoch of every record that begins in this segment', segment.SEGMENT_EPOCH_OFFSET],
      ['epoch start', segment.SEGMENT_EPOCH_START_OFFSET],
      ['checksum', segment.SEGMENT_CHECKSUM_OFFSET],
      ['log', segment.SEGMENT_HEADER_BYTES],
    ],
  )
})

test('the drawing of a record is as its constants say', () => {
  assert.deepEqual(
    [...drawing('./record-format.js')],
    [
      ['header checksum', record.RECORD_CHECKSUM_OFFSET],
      ['mark', record.RECORD_MARK_OFFSET],
      ['payload bytes', record.RECORD_PAYLOAD_BYTES_OFFSET],
      ['payload checksum', record.RECORD_PAYLOAD_CHECKSUM_OFFSET],
      ['position of this record', record.RECORD_POSITION_OFFSET],
      ['epoch', record.RECORD_EPOCH_OFFSET],
      ['sequence', record.RECORD_SEQUENCE_OFFSET],
      ['durable through', record.RECORD_DURABLE_THROUGH_OFFSET],
      ['previous checksum', record.RECORD_PREVIOUS_CHECKSUM_OFFSET],
      ['zero', 52],
      ['payload', record.RECORD_HEADER_BYTES],
    ],
  )
})

test('numbers up to 2^53 - 1 are read as written, larger ones are refused', () => {
  const view = new DataView(new ArrayBuffer(8))
  for (const value of [0, 1, 2 ** 32 - 1, 2 ** 32, 2 ** 40 + 5, Number.MAX_SAFE_INTEGER]) {
    writeU53(view, 0, value)
    assert.equal(view.getBigUint64(0, true), BigInt(value))
    assert.equal(readU53(view, 0), value)
  }
  view.setBigUint64(0, 2n ** 53n, true)
  assert.equal(readU53(view, 0), -1)
})

test('a segment header is read as written, and refused with any byte changed', () => {
  const block = segment.encodeSegmentHeader(HEADER, UUID)
  assert.deepEqual(segment.decodeSegmentHeader(block), { kind: 'whole', header: HEADER, uuid: UUID })
  for (let i = 0; i < block.length; i++) {
    block[i]! ^= 1 << (i % 8)
    assert.equal(segment.decodeSegmentHeader(block).kind, 'damaged', `byte ${i}`)
    block[i]! ^= 1 << (i % 8)
  }
  assert.equal(segment.decodeSegmentHeader(block.subarray(0, 4095)).kind, 'damaged')
})

test('a record header is read as written, and refused with any byte changed', () => {
  const encoder = new record.RecordHeaderEncoder(HEADER.epoch)
  const checksum = encoder.encode(400, 11, 2 ** 45, 2 ** 33, 2 ** 44, 12)
  const header = record.newRecordHeader()
  const bytes = new Uint8Array(64)
  const view = new DataView(bytes.buffer)
  bytes.set(encoder.block, 8)
  assert.equal(record.decodeRecordHeader(bytes, view, 8, header), undefined)
  assert.deepEqual(header, {
    checksum,
    payloadBytes: 400,
    payloadChecksum: 11,
    position: 2 ** 45,
    epochLow: HEADER.epoch.low,
    epochHigh: HEADER.epoch.high,
    sequence: 2 ** 33,
    durableThrough: 2 ** 44,
    previousChecksum: 12,
  })
  for (let i = 8; i < 64; i++) {
    bytes[i]! ^= 1 << (i % 8)
    assert.notEqual(record.decodeRecordHeader(bytes, view, 8, header), undefined, `byte ${i}`)
    bytes[i]! ^= 1 << (i % 8)
  }
})

import { checksum } from '../base/checksum.ts'
import { POSITION_MAX } from '../base/limits.ts'
import { hasMagic, writeMagic } from '../base/magic.ts'
import { readU53, writeU53 } from '../base/u53.ts'

/**
 * A segment of the log is a file of one header block and `capacity` bytes of log.
 *
 * ```
 *  offset  bytes  field
 *       0      8  magic, 'MNFLDLOG'
 *       8      4  format version
 *      12      4  zero
 *      16     16  uuid of the database
 *      32      8  serial: grows with every preparation of a segment
 *      40      8  start: the log position of the byte at offset 4096
 *      48      8  capacity: bytes of log behind the header block
 *      56      8  epoch of every record that begins in this segment
 *      64      8  epoch start: the log position at which the epoch begins
 *      72   4020  zero
 *    4092      4  checksum, CRC-32 of bytes 0 to 4091
 *    4096      -  log
 * ```
 *
 * An epoch always begins with a segment of its own, so the headers of a chain together list the live epochs with their
 * first positions, each synced before the epoch's first record. Where two segments claim the same positions, the one
 * with the higher serial holds them: see `chain.ts`.
 *
 * Every format version keeps magic, version and checksum where they are, so that an old reader can tell a newer file
 * from a damaged one.
 */
export const SEGMENT_HEADER_BYTES = 4096
export const SEGMENT_MAGIC = 'MNFLDLOG'
export const SEGMENT_FORMAT_VERSION = 2
export const UUID_BYTES = 16

export const SEGMENT_VERSION_OFFSET = 8
export const SEGMENT_UUID_OFFSET = 16
export const SEGMENT_SERIAL_OFFSET = 32
export const SEGMENT_START_OFFSET = 40
export const SEGMENT_CAPACITY_OFFSET = 48
export const SEGMENT_EPOCH_OFFSET = 56
export const SEGMENT_EPOCH_START_OFFSET = 64
export const SEGMENT_CHECKSUM_OFFSET = 4092

/** A random 64-bit number as two words; both are never zero. */
export interface Epoch {
  readonly low: number
  readonly high: number
}

export interface SegmentHeader {
  readonly serial: number
  readonly start: number
  readonly capacity: number
  readonly epoch: Epoch
  readonly epochStart: number
}

/** What a header block turned out to be. */
export type SegmentHeaderReading =
  | { readonly kind: 'whole'; readonly header: SegmentHeader; readonly uuid: Uint8Array }
  | { readonly kind: 'newer'; readonly version: number }
  | { readonly kind: 'damaged'; readonly what: string; readonly expected: string; readonly found: string }

export function sameEpoch(a: Epoch, b: Epoch): boolean {
  return a.low === b.low && a.high === b.high
}

export function encodeSegmentHeader(header: SegmentHeader, uuid: Uint8Array): Uint8Array {
  const block = new Uint8Array(SEGMENT_HEADER_BYTES)
  const view = new DataView(block.buffer)
  writeMagic(block, SEGMENT_MAGIC)
  view.setUint32(SEGMENT_VERSION_OFFSET, SEGMENT_FORMAT_VERSION, true)
  block.set(uuid, SEGMENT_UUID_OFFSET)
  writeU53(view, SEGMENT_SERIAL_OFFSET, header.serial)
  writeU53(view, SEGMENT_START_OFFSET, header.start)
  writeU53(view, SEGMENT_CAPACITY_OFFSET, header.capacity)
  view.setUint32(SEGMENT_EPOCH_OFFSET, header.epoch.low, true)
  view.setUint32(SEGMENT_EPOCH_OFFSET + 4, header.epoch.high, true)
  writeU53(view, SEGMENT_EPOCH_START_OFFSET, header.epochStart)
  view.setUint32(SEGMENT_CHECKSUM_OFFSET, checksum(block.subarray(0, SEGMENT_CHECKSUM_OFFSET)), true)
  return block
}

function hex(value: number): string {
  return value.toString(16).padStart(8, '0')
}

/** Reads a header block, which may be shorter than it should be or hold anything. */
export function decodeSegmentHeader(block: Uint8Array): SegmentHeaderReading {
  if (block.length < SEGMENT_HEADER_BYTES) {
    const found = `${block.length} bytes`
    return { kind: 'damaged', what: 'the header is cut off', expected: `${SEGMENT_HEADER_BYTES} bytes`, found }
  }
  const view = new DataView(block.buffer, block.byteOffset, block.byteLength)
  const found = view.getUint32(SEGMENT_CHECKSUM_OFFSET, true)
  const expected = checksum(block.subarray(0, SEGMENT_CHECKSUM_OFFSET))
  if (found !== expected) {
    return { kind: 'damaged', what: "the header's checksum does not match", expected: hex(expected), found: hex(found) }
  }
  if (!hasMagic(block, SEGMENT_MAGIC))
    return { kind: 'damaged', what: 'no log segment', expected: SEGMENT_MAGIC, found: 'other bytes' }
  const version = view.getUint32(SEGMENT_VERSION_OFFSET, true)
  if (version > SEGMENT_FORMAT_VERSION) return { kind: 'newer', version }
  const header: SegmentHeader = {
    serial: readU53(view, SEGMENT_SERIAL_OFFSET),
    start: readU53(view, SEGMENT_START_OFFSET),
    capacity: readU53(view, SEGMENT_CAPACITY_OFFSET),
    epoch: { low: view.getUint32(SEGMENT_EPOCH_OFFSET, true), high: view.getUint32(SEGMENT_EPOCH_OFFSET + 4, true) },
    epochStart: readU53(view, SEGMENT_EPOCH_START_OFFSET),
  }
  const { serial, start, capacity, epochStart } = header
  const sound = serial >= 0 && start >= 0 && start % 4 === 0 && capacity > 0 && capacity % 4 === 0
  if (!sound || start + capacity > POSITION_MAX || epochStart < 0 || epochStart > start) {
    return {
      kind: 'damaged',
      what: 'the header is out of bounds',
      expected: 'positions in order',
      found: JSON.stringify(header),
    }
  }
  return { kind: 'whole', header, uuid: block.slice(SEGMENT_UUID_OFFSET, SEGMENT_UUID_OFFSET + UUID_BYTES) }
}

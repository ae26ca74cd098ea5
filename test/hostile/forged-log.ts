import { checksum } from '../../src/base/checksum.ts'
import {
  decodeRecordHeader,
  newRecordHeader,
  RECORD_CHECKSUM_OFFSET,
  RECORD_DURABLE_THROUGH_OFFSET,
  RECORD_HEADER_BYTES,
  RECORD_MARK_OFFSET,
  RECORD_PAYLOAD_BYTES_OFFSET,
  RECORD_PAYLOAD_CHECKSUM_OFFSET,
  RECORD_POSITION_OFFSET,
  RECORD_PREVIOUS_CHECKSUM_OFFSET,
  RECORD_SEQUENCE_OFFSET,
} from '../../src/wal/record-format.ts'
import { SEGMENT_CHECKSUM_OFFSET } from '../../src/wal/segment-format.ts'
import { recordsOf } from './log-layout.ts'

/** The fields of a record's header that hold a number of 8 bytes. */
export const RECORD_NUMBERS = [RECORD_POSITION_OFFSET, RECORD_SEQUENCE_OFFSET, RECORD_DURABLE_THROUGH_OFFSET] as const

/** A place in an entry's header, for whoever changes it. */
export interface EntryPlace {
  /** The byte of the segment at which the entry starts. */
  readonly at: number
}

/**
 * A segment of the log whose records can be given any content, and whose checksums are then made right, each with that of
 * the record before it in it.
 */
export class ForgedSegment {
  readonly bytes: Uint8Array
  readonly #view: DataView
  /** Where the records start. */
  readonly records: readonly number[]

  constructor(bytes: Uint8Array) {
    this.bytes = bytes.slice()
    this.#view = new DataView(this.bytes.buffer)
    this.records = recordsOf(bytes).map(({ from }) => from)
  }

  /** The entries of a record, as its payload has them before it is changed. */
  entriesOf(record: number): EntryPlace[] {
    const header = newRecordHeader()
    decodeRecordHeader(this.bytes, this.#view, record, header)
    const places: EntryPlace[] = []
    const end = Math.min(record + RECORD_HEADER_BYTES + header.payloadBytes, this.bytes.length - 12)
    for (let section = record + RECORD_HEADER_BYTES; section >= 0 && section < end;) {
      const sectionEnd = section + 8 + this.#view.getUint32(section + 4, true)
      for (let at = section + 8; at > section && at < Math.min(sectionEnd, end);) {
        places.push({ at })
        const keyLength = this.#view.getUint16(at + 2, true)
        const value = (12 + keyLength + 7) & ~7
        at += (value + this.#view.getUint32(at + 8, true) + 7) & ~7
      }
      section = sectionEnd
    }
    return places
  }

  /** Gives the last record another payload: nothing follows that would have to move. */
  replaceLast(payload: Uint8Array): void {
    const at = this.records.at(-1)!
    this.bytes.fill(0, at + RECORD_HEADER_BYTES)
    const fitting = payload.subarray(0, this.bytes.length - at - RECORD_HEADER_BYTES)
    this.bytes.set(fitting, at + RECORD_HEADER_BYTES)
    this.#view.setUint32(at + RECORD_PAYLOAD_BYTES_OFFSET, fitting.length, true)
  }

  set(at: number, bytes: 1 | 2 | 4 | 8, value: number): void {
    if (at + bytes > this.bytes.length) return
    if (bytes === 1) this.#view.setUint8(at, value)
    else if (bytes === 2) this.#view.setUint16(at, value, true)
    else this.#view.setUint32(at, value >>> 0, true)
    if (bytes === 8) this.#view.setUint32(at + 4, Math.floor(value / 2 ** 32), true)
  }

  /** Everything with its checksum; records follow one another as they did. */
  seal(): Uint8Array {
    const view = this.#view
    view.setUint32(SEGMENT_CHECKSUM_OFFSET, checksum(this.bytes.subarray(0, SEGMENT_CHECKSUM_OFFSET)), true)
    let previous: number | undefined
    for (const at of this.records) {
      const payload = at + RECORD_HEADER_BYTES
      const length = view.getUint32(at + RECORD_PAYLOAD_BYTES_OFFSET, true)
      if (payload + length <= this.bytes.length) {
        const sum = checksum(this.bytes.subarray(payload, payload + length))
        view.setUint32(at + RECORD_PAYLOAD_CHECKSUM_OFFSET, sum, true)
      }
      if (previous !== undefined) view.setUint32(at + RECORD_PREVIOUS_CHECKSUM_OFFSET, previous, true)
      previous = checksum(this.bytes.subarray(at + RECORD_MARK_OFFSET, payload))
      view.setUint32(at + RECORD_CHECKSUM_OFFSET, previous, true)
    }
    return this.bytes
  }
}

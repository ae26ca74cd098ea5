import { SEGMENT_HEADER_BYTES, decodeSegmentHeader } from '../../src/wal/segment-format.ts'
import { decodeRecordHeader, newRecordHeader, RECORD_HEADER_BYTES } from '../../src/wal/record-format.ts'

/** A record as it lies in the file of its segment. */
export interface PlacedRecord {
  /** The byte of the file at which it starts, and the byte behind it. */
  readonly from: number
  readonly to: number
  readonly position: number
  readonly durableThrough: number
}

/** The records that begin in a segment, in order. */
export function recordsOf(segment: Uint8Array): PlacedRecord[] {
  const reading = decodeSegmentHeader(segment.subarray(0, SEGMENT_HEADER_BYTES))
  if (reading.kind !== 'whole') return []
  const view = new DataView(segment.buffer, segment.byteOffset, segment.byteLength)
  const header = newRecordHeader()
  const records: PlacedRecord[] = []
  for (let from = SEGMENT_HEADER_BYTES; from + RECORD_HEADER_BYTES <= segment.length;) {
    if (decodeRecordHeader(segment, view, from, header) !== undefined) {
      from += 4
      continue
    }
    const to = from + RECORD_HEADER_BYTES + header.payloadBytes
    records.push({ from, to, position: header.position, durableThrough: header.durableThrough })
    from = to
  }
  return records
}

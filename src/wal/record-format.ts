import { checksum, checksumOfWords } from '../base/checksum.ts'
import { TRANSACTION_BYTES_MAX } from '../base/limits.ts'
import { readU53 } from '../base/u53.ts'
import type { Epoch } from './segment-format.ts'

/**
 * A record of the log: this header, then `payload bytes` of payload. Both are multiples of 4, so that every position is
 * one too. It stands behind the record before, or at the next multiple of WRITE_UNIT_BYTES of its segment.
 *
 * ```
 *  offset  bytes  field
 *       0      4  header checksum, CRC-32 of bytes 4 to 55
 *       4      4  mark, a constant that makes headers easy to find
 *       8      4  payload bytes
 *      12      4  payload checksum, CRC-32 of the payload
 *      16      8  position of this record
 *      24      8  epoch
 *      32      8  sequence
 *      40      8  durable through: the end of the last record known synced when this record was appended
 *      48      4  previous checksum: the header checksum of the record before, 0 before the first of a log
 *      52      4  zero
 *      56      -  payload
 * ```
 *
 * The header checksum covers the payload's, so it stands for the whole record in the chain. Header and payload have one
 * each, rather than one for both, because a length is then trusted only after its own checksum, and because the scan
 * behind a bad record needs no payload: a sound header proves what was durable, and checking one costs 52 bytes however
 * long a hostile file says the payload is. The number of checksum calls is the same.
 */
export const RECORD_HEADER_BYTES = 56
export const RECORD_HEADER_WORDS: number = RECORD_HEADER_BYTES / 4
export const RECORD_MARK = 0x4c57_464d

export const RECORD_CHECKSUM_OFFSET = 0
export const RECORD_MARK_OFFSET = 4
export const RECORD_PAYLOAD_BYTES_OFFSET = 8
export const RECORD_PAYLOAD_CHECKSUM_OFFSET = 12
export const RECORD_POSITION_OFFSET = 16
export const RECORD_EPOCH_OFFSET = 24
export const RECORD_SEQUENCE_OFFSET = 32
export const RECORD_DURABLE_THROUGH_OFFSET = 40
export const RECORD_PREVIOUS_CHECKSUM_OFFSET = 48

/** The longest payload: a transaction at its limit, with room for the framing of its families. */
export const RECORD_PAYLOAD_BYTES_MAX: number = TRANSACTION_BYTES_MAX + 16 * 1024 * 1024

/** The fields of a record's header. Mutable, because one object is filled again for each record. */
export interface RecordHeader {
  checksum: number
  payloadBytes: number
  payloadChecksum: number
  position: number
  epochLow: number
  epochHigh: number
  sequence: number
  durableThrough: number
  previousChecksum: number
}

export function newRecordHeader(): RecordHeader {
  return {
    checksum: 0,
    payloadBytes: 0,
    payloadChecksum: 0,
    position: 0,
    epochLow: 0,
    epochHigh: 0,
    sequence: 0,
    durableThrough: 0,
    previousChecksum: 0,
  }
}

const TWO_32 = 2 ** 32

/** Encodes record headers, as words: those of arenas and groups, which are little-endian like everything that Node runs on. */
export class RecordHeaderEncoder {
  /** One header, which `encode` fills, and the same as bytes. */
  readonly #words: Int32Array = new Int32Array(RECORD_HEADER_WORDS)
  readonly block: Uint8Array = new Uint8Array(this.#words.buffer)
  readonly #epoch: Epoch

  /** Of all headers it encodes, the epoch stays the same. */
  constructor(epoch: Epoch) {
    this.#epoch = epoch
  }

  /** Fills `block` and returns its checksum. */
  encode(
    payloadBytes: number,
    payloadChecksum: number,
    position: number,
    sequence: number,
    durableThrough: number,
    previousChecksum: number,
  ): number {
    const words = this.#words
    return this.encodeInto(
      words,
      0,
      payloadBytes,
      payloadChecksum,
      position,
      sequence,
      durableThrough,
      previousChecksum,
    )
  }

  /** The same into `words`, from index `at` on. */
  encodeInto(
    words: Int32Array,
    at: number,
    payloadBytes: number,
    payloadChecksum: number,
    position: number,
    sequence: number,
    durableThrough: number,
    previousChecksum: number,
  ): number {
    words[at + RECORD_MARK_OFFSET / 4] = RECORD_MARK
    words[at + RECORD_PAYLOAD_BYTES_OFFSET / 4] = payloadBytes
    words[at + RECORD_PAYLOAD_CHECKSUM_OFFSET / 4] = payloadChecksum
    setNumber(words, at + RECORD_POSITION_OFFSET / 4, position)
    words[at + RECORD_EPOCH_OFFSET / 4] = this.#epoch.low
    words[at + RECORD_EPOCH_OFFSET / 4 + 1] = this.#epoch.high
    setNumber(words, at + RECORD_SEQUENCE_OFFSET / 4, sequence)
    setNumber(words, at + RECORD_DURABLE_THROUGH_OFFSET / 4, durableThrough)
    words[at + RECORD_PREVIOUS_CHECKSUM_OFFSET / 4] = previousChecksum
    words[at + RECORD_HEADER_WORDS - 1] = 0
    const headerChecksum = checksumOfWords(words, at + RECORD_MARK_OFFSET / 4, at + RECORD_HEADER_WORDS)
    words[at] = headerChecksum
    return headerChecksum
  }
}

/** A number below 2^53 as two words. */
function setNumber(words: Int32Array, at: number, value: number): void {
  words[at] = value
  words[at + 1] = value / TWO_32
}

/**
 * Decodes the header at `offset` of `bytes`, of which `view` is a view, into `header`. Undefined where it is sound,
 * otherwise what is wrong with it; `header` then holds what stands there, not to be trusted.
 */
export function decodeRecordHeader(
  bytes: Uint8Array,
  view: DataView,
  offset: number,
  header: RecordHeader,
): string | undefined {
  header.checksum = view.getUint32(offset + RECORD_CHECKSUM_OFFSET, true)
  header.payloadBytes = view.getUint32(offset + RECORD_PAYLOAD_BYTES_OFFSET, true)
  header.payloadChecksum = view.getUint32(offset + RECORD_PAYLOAD_CHECKSUM_OFFSET, true)
  header.position = readU53(view, offset + RECORD_POSITION_OFFSET)
  header.epochLow = view.getUint32(offset + RECORD_EPOCH_OFFSET, true)
  header.epochHigh = view.getUint32(offset + RECORD_EPOCH_OFFSET + 4, true)
  header.sequence = readU53(view, offset + RECORD_SEQUENCE_OFFSET)
  header.durableThrough = readU53(view, offset + RECORD_DURABLE_THROUGH_OFFSET)
  header.previousChecksum = view.getUint32(offset + RECORD_PREVIOUS_CHECKSUM_OFFSET, true)
  if (view.getUint32(offset + RECORD_MARK_OFFSET, true) !== RECORD_MARK) return 'no record begins here'
  if (header.checksum !== checksum(bytes.subarray(offset + RECORD_MARK_OFFSET, offset + RECORD_HEADER_BYTES))) {
    return "the record's header does not match its checksum"
  }
  if (header.payloadBytes % 4 !== 0 || header.payloadBytes > RECORD_PAYLOAD_BYTES_MAX)
    return "the record's length is out of bounds"
  if (header.position < 0 || header.sequence < 0 || header.durableThrough < 0) return 'the record is out of bounds'
  return undefined
}

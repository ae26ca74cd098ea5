import { WRITE_UNIT_BYTES } from '../base/aligned-memory.ts'
import { checksum } from '../base/checksum.ts'
import { blockBytes, runsOf } from './chain.ts'
import { decodeRecordHeader, newRecordHeader, RECORD_HEADER_BYTES } from './record-format.ts'
import type { FoundSegment, Run } from './chain.ts'
import type { ChainFile } from './chain-file.ts'
import type { RecordHeader } from './record-format.ts'

/** Where reading begins: what the data file's header says of the log. */
export interface LogStart {
  readonly position: number
  /** The header checksum of the record before `position`, 0 if there is none. */
  readonly previousChecksum: number
  /** The sequence of the record before `position`, 0 if there is none. */
  readonly sequence: number
}

/**
 * A record that was read. One object is filled again for each, and `payload` is a view of memory that is used again
 * too.
 */
export interface LogRecord {
  sequence: number
  position: number
  /** The position behind the record. */
  end: number
  checksum: number
  payload: Uint8Array
}

/** What is wrong with the log at a position. */
export interface LogFault {
  readonly position: number
  readonly what: string
  readonly expected: string
  readonly found: string
}

/** Why no record was found at a position. */
export interface BadRecord extends LogFault {
  /**
   * That no cut leaves such a thing, only damage: a sound header whose record does not fit into the segments that were
   * prepared for it.
   */
  readonly certain: boolean
}

const BLOCK_BYTES = 1024 * 1024
const NOTHING = new Uint8Array(0)

/**
 * Reads the records of a chain in order, each verified alone and against the one before. A record stands right behind the
 * one before, or at the next multiple of the write unit, if a write begins with it.
 */
export class LogReader {
  readonly #file: ChainFile
  readonly #runs: readonly Run[]
  /** The index of the run that holds `position`, once `next` has looked for it. */
  #run = 0
  readonly #block: Uint8Array
  readonly #header: RecordHeader = newRecordHeader()
  /** Where the header that is looked at stands: at `position`, or at the next unit. */
  #at = 0
  readonly #record: LogRecord = { sequence: 0, position: 0, end: 0, checksum: 0, payload: NOTHING }
  /** Log bytes from `#windowStart` to `#windowEnd`: the block, or a larger one for one large record. */
  #window: Uint8Array
  #view: DataView
  #windowStart: number
  #windowEnd: number
  /** The position behind the last record. */
  position: number
  sequence: number
  previousChecksum: number
  /** The furthest position that a record says was synced when it was appended. */
  durableThrough: number
  records = 0
  /** Bytes read from the files. */
  bytesRead = 0
  /** What stands where the next record should, once `next` has found none. */
  bad: BadRecord | undefined

  constructor(file: ChainFile, segments: readonly FoundSegment[], start: LogStart) {
    this.#file = file
    this.#runs = runsOf(segments)
    this.#block = this.#window = new Uint8Array(blockBytes(this.#runs, BLOCK_BYTES))
    this.#view = new DataView(this.#block.buffer)
    this.position = this.#windowStart = this.#windowEnd = this.durableThrough = start.position
    this.sequence = start.sequence
    this.previousChecksum = start.previousChecksum
  }

  /** The next record, or undefined at the first position without a sound one; `bad` then says why. */
  next(): LogRecord | undefined {
    const end = this.#nextHeader()
    return end === undefined ? undefined : this.#nextPayload(end)
  }

  /** The same, but a payload longer than a block is read in pieces, with a yield after each, and not kept. */
  *nextInPieces(): Generator<void, LogRecord | undefined> {
    const end = this.#nextHeader()
    if (end === undefined) return undefined
    const start = this.#at + RECORD_HEADER_BYTES
    if (end - start <= BLOCK_BYTES) return this.#nextPayload(end)
    let found = 0
    for (let position = start; position < end; position += BLOCK_BYTES) {
      const piece = this.#block.subarray(0, Math.min(BLOCK_BYTES, end - position))
      this.#file.read(position, piece)
      this.bytesRead += piece.length
      found = checksum(piece, found)
      yield
    }
    // The pieces have overwritten what the window held.
    this.#windowStart = this.#windowEnd = end
    return this.#verified(found) ? this.#accept(this.#header, end, NOTHING) : undefined
  }

  /** Finds the next header, reads it into `#header` and returns the position behind its record. */
  #nextHeader(): number | undefined {
    const { position } = this
    const end = this.#headerAt(position)
    const run = this.#runs[this.#run]
    if (end !== undefined || run === undefined || run.from > position) return end
    const unit = position + WRITE_UNIT_BYTES - ((position - run.from) % WRITE_UNIT_BYTES)
    if (unit === position + WRITE_UNIT_BYTES || run.to - unit < RECORD_HEADER_BYTES) return undefined
    const { bad } = this
    const endFromUnit = this.#headerAt(unit)
    // Behind zeros, what is wrong is the record that begins the unit. So it is where that must have been a record.
    if (endFromUnit === undefined && !this.bad!.certain && !this.#isBlank(unit, run.to)) this.bad = bad
    return endFromUnit
  }

  /** Zeros from `position` up to `end`. */
  #isBlank(end: number, limit: number): boolean {
    this.#load(this.position, end - this.position, limit)
    const from = this.position - this.#windowStart
    return this.#window.subarray(from, end - this.#windowStart).every(byte => byte === 0)
  }

  #headerAt(position: number): number | undefined {
    this.#at = position
    while (this.#run < this.#runs.length && this.#runs[this.#run]!.to <= position) this.#run++
    const run = this.#runs[this.#run]
    if (run === undefined || run.from > position || run.to - position < RECORD_HEADER_BYTES)
      return this.#refuse('the log ends here', 'a record', 'nothing')
    this.#load(position, RECORD_HEADER_BYTES, run.to)
    const header = this.#header
    const offset = position - this.#windowStart
    const wrong = decodeRecordHeader(this.#window, this.#view, offset, header)
    if (wrong !== undefined) return this.#refuse(wrong, 'the header of a record', 'other bytes')
    if (!this.#follows(header, run)) return undefined
    const end = position + RECORD_HEADER_BYTES + header.payloadBytes
    if (end > run.to) {
      return this.#refuse(
        'the log ends within the record',
        `${end - position} bytes`,
        `${run.to - position} bytes`,
        true,
      )
    }
    return end
  }

  #nextPayload(end: number): LogRecord | undefined {
    const position = this.#at
    const header = this.#header
    this.#load(position, end - position, this.#runs[this.#run]!.to)
    const payloadStart = position - this.#windowStart + RECORD_HEADER_BYTES
    const payload = this.#window.subarray(payloadStart, payloadStart + header.payloadBytes)
    return this.#verified(checksum(payload)) ? this.#accept(header, end, payload) : undefined
  }

  #verified(found: number): boolean {
    const expected = this.#header.payloadChecksum
    if (found === expected) return true
    this.#refuse("the record's payload does not match its checksum", String(expected), String(found))
    return false
  }

  #accept(header: RecordHeader, end: number, payload: Uint8Array): LogRecord {
    const record = this.#record
    record.sequence = header.sequence
    record.position = this.#at
    record.end = end
    record.checksum = header.checksum
    record.payload = payload
    this.position = end
    this.sequence = header.sequence
    this.previousChecksum = header.checksum
    if (header.durableThrough > this.durableThrough) this.durableThrough = header.durableThrough
    this.records++
    return record
  }

  /** That a sound header is of this place in the log. */
  #follows(header: RecordHeader, run: Run): boolean {
    const position = this.#at
    if (header.position !== position)
      this.#refuse('the record is of another place', `position ${position}`, `${header.position}`)
    else if (header.epochLow !== run.epoch.low || header.epochHigh !== run.epoch.high) {
      this.#refuse('the record is of another epoch', "its segment's epoch", 'another')
    } else if (header.previousChecksum !== this.previousChecksum) {
      this.#refuse(
        'the record does not follow the one before',
        `${this.previousChecksum}`,
        `${header.previousChecksum}`,
      )
    } else if (header.sequence !== this.sequence + 1) {
      this.#refuse('a commit is missing', `sequence ${this.sequence + 1}`, `${header.sequence}`)
    } else if (header.durableThrough > position) {
      this.#refuse('the record says more was durable than there was', `at most ${position}`, `${header.durableThrough}`)
    } else return true
    return false
  }

  #refuse(what: string, expected: string, found: string, certain = false): undefined {
    this.bad = { position: this.#at, what, expected, found, certain }
    return undefined
  }

  /** Makes sure that `bytes` from `position` on are in the window; `limit` is where the readable log ends. */
  #load(position: number, bytes: number, limit: number): void {
    if (position >= this.#windowStart && position + bytes <= this.#windowEnd) return
    const isInside = position >= this.#windowStart && position < this.#windowEnd
    const kept = isInside
      ? this.#window.subarray(position - this.#windowStart, this.#windowEnd - this.#windowStart)
      : NOTHING
    const window = bytes <= this.#block.length ? this.#block : new Uint8Array(bytes)
    window.set(kept)
    if (window !== this.#window) this.#view = new DataView(window.buffer)
    this.#window = window
    this.#windowStart = position
    this.#windowEnd = Math.min(limit, position + window.length)
    const target = window.subarray(kept.length, this.#windowEnd - this.#windowStart)
    this.#file.read(position + kept.length, target)
    this.bytesRead += target.length
  }
}

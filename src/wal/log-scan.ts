import { ioError } from '../platform/io-error.ts'
import { runsOf } from './chain.ts'
import {
  decodeRecordHeader,
  newRecordHeader,
  RECORD_HEADER_BYTES,
  RECORD_MARK,
  RECORD_MARK_OFFSET,
  RECORD_POSITION_OFFSET,
} from './record-format.ts'
import { SEGMENT_HEADER_BYTES } from './segment-format.ts'
import { readU53 } from './u53.ts'
import type { FoundSegment } from './chain.ts'
import type { ChainFile } from './chain-file.ts'
import type { RecordHeader } from './record-format.ts'
import type { LogFiles } from './segment-files.ts'

const BLOCK_BYTES = 1024 * 1024

/** A block of log as the machine's own words. */
interface ScanBlock {
  readonly bytes: Uint8Array
  readonly view: DataView
  readonly words: Uint32Array
}

/** A block for `bytes` of log, or for the first of them where there are more. */
function newScanBlock(bytes: number): ScanBlock {
  const buffer = new ArrayBuffer(Math.min(BLOCK_BYTES, Math.ceil(bytes / 4) * 4))
  return { bytes: new Uint8Array(buffer), view: new DataView(buffer), words: new Uint32Array(buffer) }
}

/** The mark as a word of this machine, whatever its byte order. */
function markWord(): number {
  const view = new DataView(new ArrayBuffer(4))
  view.setUint32(0, RECORD_MARK, true)
  return new Uint32Array(view.buffer)[0]!
}

const MARK_WORD = markWord()

/** The first offset from `offset` on, before `end`, at which a header may begin; `end` if there is none. */
function nextMark(block: ScanBlock, offset: number, end: number): number {
  const { words } = block
  const last = end - RECORD_HEADER_BYTES
  for (let at = offset; at <= last; at += 4) if (words[(at + RECORD_MARK_OFFSET) >>> 2] === MARK_WORD) return at
  return end
}

/**
 * Looks behind a bad record at `position` for a sound header, of the epoch of its place, that says more than `position`
 * was durable when it was written.
 */
export function findProofOfDurability(
  file: ChainFile,
  segments: readonly FoundSegment[],
  position: number,
): RecordHeader | undefined {
  return findHeader(file, segments, position, header => header.durableThrough > position)
}

/**
 * The first sound header behind `position`, of the place where it stands and of the epoch of that place, that `accepts`
 * takes. Only headers are read: they prove what they say without their payloads, and a hostile file cannot make the scan
 * cost more than one short checksum for each 4 bytes.
 */
export function findHeader(
  file: ChainFile,
  segments: readonly FoundSegment[],
  position: number,
  accepts: (header: RecordHeader) => boolean,
): RecordHeader | undefined {
  const runs = runsOf(segments)
  const block = newScanBlock(Math.max(0, ...runs.map(run => run.to - Math.max(run.from, position))))
  const header = newRecordHeader()
  for (const run of runs) {
    let from = Math.max(run.from, position + 4)
    while (run.to - from >= RECORD_HEADER_BYTES) {
      const length = Math.min(BLOCK_BYTES, run.to - from)
      file.read(from, block.bytes.subarray(0, length))
      for (let at = nextMark(block, 0, length); at < length; at = nextMark(block, at + 4, length)) {
        if (readU53(block.view, at + RECORD_POSITION_OFFSET) !== from + at) continue
        if (decodeRecordHeader(block.bytes, block.view, at, header) !== undefined) continue
        const live = header.epochLow === run.epoch.low && header.epochHigh === run.epoch.high
        if (live && accepts(header)) return header
      }
      from += length === BLOCK_BYTES ? BLOCK_BYTES - RECORD_HEADER_BYTES + 4 : length
    }
  }
  return undefined
}

/**
 * Whether a segment file whose header cannot be read holds the sound header of a record at `position` or behind it. Its
 * place and epoch are unknown, so they are not compared; a header torn by a power cut is either of a file without
 * records or of a freed one, whose records all lie before every position that is still of interest.
 */
export function holdsRecordsFrom(files: LogFiles, path: string, position: number): boolean {
  return findFirstHeader(files, path, header => header.position >= position) !== undefined
}

/** A sound header in a file, and the byte of the file at which it stands. */
export interface PlacedHeader {
  readonly header: RecordHeader
  readonly offset: number
}

/** The first sound header in a segment file that `accepts` takes, wherever it belongs. */
export function findFirstHeader(
  files: LogFiles,
  path: string,
  accepts: (header: RecordHeader) => boolean = () => true,
): PlacedHeader | undefined {
  const header = newRecordHeader()
  try {
    const file = files.fileSystem.openSync(path, { write: false, create: false, exclusive: false, dataSync: false })
    try {
      const block = newScanBlock(file.size() + 4)
      for (let from = SEGMENT_HEADER_BYTES; ; from += BLOCK_BYTES - RECORD_HEADER_BYTES + 4) {
        const length = file.readSync(block.bytes, from)
        for (let at = nextMark(block, 0, length); at < length; at = nextMark(block, at + 4, length)) {
          const sound = decodeRecordHeader(block.bytes, block.view, at, header) === undefined
          if (sound && accepts(header)) return { header, offset: from + at }
        }
        if (length < BLOCK_BYTES) return undefined
      }
    } finally {
      file.closeSync()
    }
  } catch (error) {
    throw ioError(error, 'read the log', path)
  }
}

import { compareBytes } from '../base/bytes.ts'
import { corruption, DatabaseError } from '../base/errors.ts'
import { ioError } from '../platform/io-error.ts'
import { listSegmentFiles } from './segment-files.ts'
import { decodeSegmentHeader, sameEpoch, SEGMENT_HEADER_BYTES } from './segment-format.ts'
import type { LogFiles, SegmentFile } from './segment-files.ts'
import type { Epoch, SegmentHeader } from './segment-format.ts'

/** A segment whose header is sound. */
export interface FoundSegment extends SegmentFile {
  readonly header: SegmentHeader
  /**
   * The position behind the last byte of log that is this segment's: the next one may begin before its capacity ends.
   */
  readonly end: number
  /** The position behind the last byte that the file really has. */
  readonly readableEnd: number
}

/** A file that is named like a segment but whose header is not one. */
export interface DamagedSegment extends SegmentFile {
  readonly what: string
  readonly expected: string
  readonly found: string
}

export interface LogChain {
  /** From the segment that holds the wanted position on, contiguous. */
  readonly segments: readonly FoundSegment[]
  /** Files whose log lies before the wanted position, or whose place another segment has taken. */
  readonly dead: readonly SegmentFile[]
  readonly damaged: readonly DamagedSegment[]
  /** The greatest serial in use. */
  readonly serial: number
}

/** Bytes of one epoch that can be read one after the other. */
export interface Run {
  readonly from: number
  readonly to: number
  readonly epoch: Epoch
}

interface Readings {
  readonly whole: FoundSegment[]
  readonly damaged: DamagedSegment[]
}

function hexBytes(bytes: Uint8Array): string {
  return Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('')
}

function readHeaders(files: LogFiles): Readings {
  const readings: Readings = { whole: [], damaged: [] }
  for (const file of listSegmentFiles(files)) readHeader(files, file, readings)
  return readings
}

function readHeader(files: LogFiles, { slot, path }: SegmentFile, into: Readings): void {
  const { block, size } = readBlock(files, path)
  const reading = decodeSegmentHeader(block)
  if (reading.kind === 'newer') {
    const message = `${path} has format version ${reading.version}, which is newer than this version of Manifold.`
    throw new DatabaseError('MANIFOLD_VERSION', `${message} Open it with a newer one.`, { file: path })
  }
  if (reading.kind === 'damaged') {
    into.damaged.push({ slot, path, what: reading.what, expected: reading.expected, found: reading.found })
    return
  }
  const { header, uuid } = reading
  if (compareBytes(uuid, files.uuid) !== 0) {
    const [expected, found] = [hexBytes(files.uuid), hexBytes(uuid)]
    throw corruption(path, 16, 'the log segment belongs to another database', expected, found)
  }
  const end = header.start + header.capacity
  into.whole.push({ slot, path, header, end, readableEnd: Math.min(end, header.start + size - SEGMENT_HEADER_BYTES) })
}

/** The first block of a file, or as much of it as there is. */
export function readBlock(files: LogFiles, path: string): { block: Uint8Array; size: number } {
  try {
    const file = files.fileSystem.openSync(path, { write: false, create: false, exclusive: false, dataSync: false })
    try {
      const block = new Uint8Array(SEGMENT_HEADER_BYTES)
      return { block: block.subarray(0, file.readSync(block, 0)), size: file.size() }
    } finally {
      file.closeSync()
    }
  } catch (error) {
    throw ioError(error, 'read the log', path)
  }
}

/**
 * Takes out the segments whose place another has taken: a later preparation (a higher serial) that starts at the same
 * position or before it. That happens where a preparation failed and was repeated, and where recovery cut the log in
 * front of segments prepared ahead. The rest are in order of position. A segment that is live is never taken out, since
 * whatever is prepared later starts behind it; one that is dead stays so, since the segment that holds the end of the
 * log always has a higher serial. So it does not matter whether a removal was made durable.
 */
export function takeSuperseded(whole: FoundSegment[], dead: SegmentFile[]): FoundSegment[] {
  whole.sort((a, b) => b.header.serial - a.header.serial)
  const kept: FoundSegment[] = []
  let next = Infinity
  for (const segment of whole) {
    const { start } = segment.header
    if (start >= next) dead.push(segment)
    else {
      const end = Math.min(segment.end, next)
      kept.push({ ...segment, end, readableEnd: Math.min(segment.readableEnd, end) })
      next = start
    }
  }
  return kept.reverse()
}

/**
 * Reads every segment's header and puts the segments from `position` on in order. Refuses a foreign or newer segment,
 * and a gap.
 */
export function readChain(files: LogFiles, position: number): LogChain {
  const { whole, damaged } = readHeaders(files)
  const serial = whole.reduce((greatest, { header }) => Math.max(greatest, header.serial), 0)
  const dead: SegmentFile[] = []
  const ordered = takeSuperseded(whole, dead)
  let first = ordered.length
  for (let i = 0; i < ordered.length; i++) if (ordered[i]!.header.start <= position) first = i
  if (first === ordered.length && ordered.length > 0) throw missing(files, position, undefined, ordered[0], damaged)
  dead.push(...ordered.slice(0, first))
  const segments = ordered.slice(first)
  checkContiguous(files, position, segments, damaged)
  return { segments, dead, damaged, serial }
}

function checkContiguous(
  files: LogFiles,
  position: number,
  segments: readonly FoundSegment[],
  damaged: readonly DamagedSegment[],
): void {
  for (let i = 0; i + 1 < segments.length; i++) {
    const [segment, next] = [segments[i]!, segments[i + 1]!]
    if (next.header.start > segment.end) throw missing(files, segment.end, segment, next, damaged)
    const goesOn = sameEpoch(segment.header.epoch, next.header.epoch)
    if (
      goesOn
        ? next.header.start !== segment.header.start + segment.header.capacity
        : next.header.epochStart !== next.header.start
    ) {
      throw corruption(
        next.path,
        56,
        'the epoch does not follow from the segment before',
        `one that goes on from ${segment.path}`,
        'another',
      )
    }
  }
  const last = segments[segments.length - 1]
  if (last !== undefined && last.end < position) throw missing(files, position, last, undefined, damaged)
}

/**
 * A segment whose file has lost bytes behind its header, in a log whose last sound record ends at `position`. The size of a
 * segment is synced before the first record in it and before the next segment is begun, so what a power cut leaves short is
 * the last segment, without a record. Any other may have held records that were acknowledged.
 */
export function findShortened(segments: readonly FoundSegment[], position: number): FoundSegment | undefined {
  const last = segments.length - 1
  return segments.find(({ header, end, readableEnd }, i) => readableEnd < end && (i < last || header.start < position))
}

export function shortened({ path, header, readableEnd }: FoundSegment): DatabaseError {
  const found = SEGMENT_HEADER_BYTES + readableEnd - header.start
  const expected = SEGMENT_HEADER_BYTES + header.capacity
  return corruption(path, found, 'the log segment is cut off', `${expected} bytes`, `${found} bytes`)
}

/**
 * The segment with that position is not there. Files are named as slots come free, so its name is not known; what is known is
 * its place, between two others of which one is there.
 */
function missing(
  files: LogFiles,
  position: number,
  before: FoundSegment | undefined,
  after: FoundSegment | undefined,
  damaged: readonly DamagedSegment[],
): DatabaseError {
  const cause = damaged[0]
  if (cause !== undefined) return corruption(cause.path, 0, cause.what, cause.expected, cause.found)
  const places: string[] = []
  if (before !== undefined) places.push(`behind ${before.path}`)
  if (after !== undefined) places.push(`in front of ${after.path}`)
  const near = before ?? after!
  return new DatabaseError(
    'MANIFOLD_CORRUPTION',
    `A file of the log of ${files.dataPath} is missing: the segment ${places.join(' and ')}, with log position ${position}. ` +
      `Put it back beside the others (it is named like ${files.dataPath}-wal0, with any number), or restore the database from ` +
      'a backup; the files have been left as they were.',
    {
      file: near.path,
      offset: before === undefined ? 0 : SEGMENT_HEADER_BYTES + before.end - before.header.start,
      expected: `a segment with position ${position}`,
      found: `${near.path}, with positions ${near.header.start} to ${near.end}`,
    },
  )
}

/** Bytes of memory in which the runs are read piece by piece: `most`, or less where none of them is so long. */
export function blockBytes(runs: readonly Run[], most: number): number {
  return runs.reduce((longest, { from, to }) => Math.max(longest, Math.min(most, to - from)), 0)
}

/** The readable bytes of the chain, cut where the epoch changes or a file is shorter than it should be. */
export function runsOf(segments: readonly FoundSegment[]): Run[] {
  const runs: Run[] = []
  for (const { header, readableEnd } of segments) {
    if (readableEnd <= header.start) continue
    const last = runs[runs.length - 1]
    if (last !== undefined && last.to === header.start && sameEpoch(last.epoch, header.epoch)) {
      runs[runs.length - 1] = { ...last, to: readableEnd }
    } else runs.push({ from: header.start, to: readableEnd, epoch: header.epoch })
  }
  return runs
}

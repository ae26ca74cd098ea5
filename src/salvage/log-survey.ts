import type { Header } from '../pager/header-format.ts'
import type { FoundSegment } from '../wal/chain.ts'
import { readBlock, takeSuperseded } from '../wal/chain.ts'
import { ChainFile } from '../wal/chain-file.ts'
import type { BadRecord, LogRecord } from '../wal/log-reader.ts'
import { LogReader } from '../wal/log-reader.ts'
import { findHeader, findFirstHeader } from '../wal/log-scan.ts'
import type { LogFiles, SegmentFile } from '../wal/segment-files.ts'
import { listSegmentFiles } from '../wal/segment-files.ts'
import { decodeSegmentHeader, SEGMENT_HEADER_BYTES } from '../wal/segment-format.ts'
import { newerFormat } from './newer-format.ts'
import type { LogDamage } from './report.ts'

/**
 * The records of a damaged log, in order: those from where the data file's header says, or all, where that is not known.
 * Behind a place that cannot be read it goes on with the next record that is whole and stands where it says it stands.
 */
export class LogSurvey {
  readonly damage: LogDamage[] = []
  records = 0
  readonly #files: LogFiles
  readonly #segments: readonly FoundSegment[]
  readonly #start: Header | undefined
  readonly #isCertain: boolean

  /** `isCertain`: the header's fields are right. Otherwise they count only where a record follows from them. */
  constructor(files: LogFiles, header: Header | undefined, isCertain: boolean) {
    this.#files = files
    this.#start = header
    this.#isCertain = isCertain
    this.#segments = findSegments(files, header, isCertain)
  }

  /** Commits that are known to be missing. */
  get lostCommits(): number {
    return this.damage.reduce((lost, { lostCommits = 0 }) => lost + lostCommits, 0)
  }

  /** There is a gap of which nobody can say how many commits it holds. */
  get hasUnknownLoss(): boolean {
    return this.damage.some(({ to, lostCommits }) => to !== undefined && lostCommits === undefined)
  }

  /** A record is whole and was not written by Manifold. */
  noteSenseless({ position, end }: LogRecord): void {
    this.damage.push({
      ...this.#placeOf(position),
      from: position,
      to: end,
      what: 'the record makes no sense',
      lostCommits: 1,
    })
  }

  /** There are files of a log. */
  get exists(): boolean {
    return this.#segments.length > 0
  }

  /** Each record is valid until the next step. */
  *run(): Generator<LogRecord, void> {
    const file = new ChainFile(this.#files, this.#segments)
    try {
      yield* this.#run(file)
    } finally {
      file.close()
    }
  }

  *#run(file: ChainFile): Generator<LogRecord, void> {
    const segments = this.#segments
    if (segments.length === 0) return
    let reader = this.#firstReader(file)
    let gap: { bad: BadRecord; sequence: number | undefined } | undefined
    while (reader !== undefined) {
      const record = reader.next()
      if (record !== undefined) {
        if (gap !== undefined) this.#note(gap.bad, record.position, missing(gap.sequence, record.sequence))
        gap = undefined
        this.records++
        yield record
        continue
      }
      const bad = reader.bad!
      gap ??= { bad, sequence: reader.sequence }
      const { sequence } = gap
      // Not from where the bad record stands: a whole one there may only not follow from what was read.
      const next = findHeader(
        file,
        segments,
        reader.position,
        header => sequence === undefined || header.sequence > sequence,
      )
      // Nothing is said of zeros: a log ends so.
      if (next === undefined) {
        if (!isBlank(file, segments, gap.bad.position)) this.#note(gap.bad, undefined, undefined)
        return
      }
      const { position, previousChecksum } = next
      reader = new LogReader(file, segments, { position, previousChecksum, sequence: next.sequence - 1 })
    }
  }

  #firstReader(file: ChainFile): LogReader | undefined {
    const header = this.#start
    if (header !== undefined) {
      const { logPosition: position, previousChecksum, lastSequence: sequence } = header
      const start = { position, previousChecksum, sequence }
      const isRight = this.#isCertain || new LogReader(file, this.#segments, start).next() !== undefined
      if (isRight) return new LogReader(file, this.#segments, start)
    }
    const first = findHeader(file, this.#segments, this.#segments[0]!.header.start - 4, () => true)
    if (first === undefined) return undefined
    const { position, previousChecksum, sequence } = first
    return new LogReader(file, this.#segments, { position, previousChecksum, sequence: sequence - 1 })
  }

  #note({ position, what }: BadRecord, to: number | undefined, lostCommits: number | undefined): void {
    this.damage.push({ ...this.#placeOf(position), from: position, to, what, lostCommits })
  }

  #placeOf(position: number): { file: string; offset: number } {
    const segment = this.#segments.find(({ end }) => position < end) ?? this.#segments.at(-1)
    if (segment === undefined) return { file: this.#files.dataPath, offset: 0 }
    return { file: segment.path, offset: SEGMENT_HEADER_BYTES + position - segment.header.start }
  }
}

function missing(before: number | undefined, after: number): number | undefined {
  return before === undefined ? undefined : after - before - 1
}

/** Zeros from `position` on to the end of its segment, or nothing. */
function isBlank(file: ChainFile, segments: readonly FoundSegment[], position: number): boolean {
  const segment = segments.find(({ header, readableEnd }) => header.start <= position && position < readableEnd)
  if (segment === undefined) return true
  const bytes = new Uint8Array(Math.min(BLANK_BYTES, segment.readableEnd - position))
  file.read(position, bytes)
  return bytes.every(byte => byte === 0)
}

/** Where a record would begin, so many zeros mean that none does. */
const BLANK_BYTES = 56

/** The segments in order of position, those with damaged headers among them as far as their records say where they belong. */
function findSegments(files: LogFiles, header: Header | undefined, isCertain: boolean): FoundSegment[] {
  const whole: FoundSegment[] = []
  const damaged: SegmentFile[] = []
  for (const file of listSegmentFiles(files)) {
    const { block, size } = readBlock(files, file.path)
    const reading = decodeSegmentHeader(block)
    if (reading.kind === 'newer') throw newerFormat(file.path, reading.version)
    if (reading.kind === 'damaged') damaged.push(file)
    else if (header === undefined || !isCertain || sameUuid(reading.uuid, header.uuid)) {
      const { start, capacity } = reading.header
      const end = start + capacity
      const readableEnd = Math.min(end, start + Math.max(0, size - SEGMENT_HEADER_BYTES))
      whole.push({ ...file, header: reading.header, end, readableEnd })
    }
  }
  const segments = takeSuperseded(whole, [])
  for (const file of damaged) {
    const found = placeByRecords(files, file)
    if (found !== undefined) insert(segments, found)
  }
  const from = isCertain ? (header?.logPosition ?? 0) : 0
  return segments.filter(({ end }) => end > from)
}

/** The segment as its first record says, where its own header cannot be read. */
function placeByRecords(files: LogFiles, file: SegmentFile): FoundSegment | undefined {
  const { size } = readBlock(files, file.path)
  const first = findFirstHeader(files, file.path)
  if (first === undefined) return undefined
  const start = first.header.position - (first.offset - SEGMENT_HEADER_BYTES)
  const capacity = size - SEGMENT_HEADER_BYTES
  if (start < 0) return undefined
  const epoch = { low: first.header.epochLow, high: first.header.epochHigh }
  const end = start + capacity
  return { ...file, header: { serial: 0, start, capacity, epoch, epochStart: start }, end, readableEnd: end }
}

/** Puts a segment where there is a gap for it, cut to the gap. */
function insert(segments: FoundSegment[], found: FoundSegment): void {
  const { start } = found.header
  let at = 0
  while (at < segments.length && segments[at]!.header.start <= start) at++
  const before = segments[at - 1]
  if (before !== undefined && before.end > start) return
  const end = Math.min(found.end, segments[at]?.header.start ?? Infinity)
  segments.splice(at, 0, { ...found, end, readableEnd: Math.min(found.readableEnd, end) })
}

function sameUuid(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i])
}

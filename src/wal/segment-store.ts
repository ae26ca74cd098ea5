import { assert } from '../base/assert.ts'
import { SEGMENT_BYTES_MAX } from '../base/limits.ts'
import { ioError } from '../platform/io-error.ts'
import { writeFullySync } from '../platform/write-fully.ts'
import { SegmentDiscarder } from './segment-discarder.ts'
import { closeSegment, createSegment, createSegmentSync, reheadSegment, reheadSegmentSync } from './segment-files.ts'
import { SEGMENT_HEADER_BYTES } from './segment-format.ts'
import type { Clock } from '../platform/clock.ts'
import type { CommitGroup } from './commit-group.ts'
import type { LogFiles, Preparation, Segment, SegmentFolder, WritableLogFiles } from './segment-files.ts'
import type { Epoch, SegmentHeader } from './segment-format.ts'

/** A segment from before this opening: its records may still be needed, its file will not be written again. */
export interface RetiredSegment {
  readonly slot: number
  readonly path: string
  /** The position behind the last byte of log that it holds. */
  readonly end: number
}

/** The bytes of one write that go into one segment. */
interface Span {
  readonly segment: Segment
  readonly offset: number
  readonly parts: readonly Uint8Array[]
}

/** Which of a segment's two descriptors a call goes through. */
export type Descriptor = 'plain' | 'durable'

/**
 * The first segment of an opening is small, so that opening is cheap; each next one is twice as large up to
 * `segmentBytes`.
 */
const FIRST_SEGMENT_BYTES = 4 * 1024 * 1024
const GROWTH = 2
/**
 * Freed segments are kept for reuse, since overwriting one costs a twentieth of zero-writing a new one: at least these,
 * and at most as many as were prepared since segments were freed before. A steady load so writes no zeros at all, and
 * after a burst the log shrinks again.
 */
const FREE_SEGMENTS_MIN = 2
const CAPACITY_UNIT_BYTES = 4096

export interface SegmentStoreOptions extends WritableLogFiles {
  readonly clock: Clock
  readonly segmentBytes: number
}

/** The segments of one epoch, and I/O at log positions. Positions are contiguous from the first segment to `end`. */
export class SegmentStore {
  readonly #options: SegmentStoreOptions
  readonly #segmentBytes: number
  /** The position at which the first segment begins; all others begin a multiple of CAPACITY_UNIT_BYTES behind it. */
  readonly epochStart: number
  /** In order of position; the last one is the furthest prepared. */
  readonly #chain: Segment[] = []
  readonly #free: Segment[] = []
  #retired: RetiredSegment[]
  readonly #folder: SegmentFolder
  readonly #discarder: SegmentDiscarder
  #freeMax = FREE_SEGMENTS_MIN
  /** Bytes written since the last look through the durable descriptors, and through the plain ones. */
  #throughBytes = 0
  #plainBytes = 0
  /** Segments prepared since some were freed. */
  #prepared = 0
  #serial: number
  #end: number
  readonly epoch: Epoch

  /** Begins the epoch at `start`, with no segment yet. Serials go on from `serial`. */
  constructor(options: SegmentStoreOptions, epoch: Epoch, start: number, serial: number, retired: RetiredSegment[]) {
    this.#options = options
    this.#segmentBytes = Math.ceil(options.segmentBytes / CAPACITY_UNIT_BYTES) * CAPACITY_UNIT_BYTES
    this.epoch = epoch
    this.epochStart = start
    this.#end = start
    this.#serial = serial
    this.#retired = retired
    this.#folder = { slots: new Set(retired.map(segment => segment.slot)), takesUnits: undefined, headerBlocks: [] }
    this.#discarder = new SegmentDiscarder(options, options.clock, slot => this.#folder.slots.delete(slot))
  }

  get files(): LogFiles {
    return this.#options
  }

  /** The position behind the last prepared segment. */
  get end(): number {
    return this.#end
  }

  /** The position of the first byte of the last prepared segment. */
  get lastStart(): number {
    return this.#chain.length === 0 ? this.#end : this.#chain[this.#chain.length - 1]!.header.start
  }

  /**
   * Prepares one more segment: a freed one if there is one, else a new one, larger where `missingBytes` of room call
   * for it.
   */
  async extend(missingBytes: number, preparation: Preparation = 'synced'): Promise<void> {
    const freed = this.#free.pop()
    const header = this.#nextHeader(freed, missingBytes)
    try {
      const segment =
        freed === undefined
          ? await createSegment(this.#options, this.#folder, header, preparation)
          : await reheadSegment(this.#options, this.#folder, freed, header)
      this.#join(segment)
    } catch (error) {
      if (freed !== undefined) this.#discarder.discard(freed)
      throw error
    }
  }

  /** The same, blocking. It may overtake an `extend` under way, which then yields a free segment. */
  extendSync(missingBytes: number): void {
    const freed = this.#free.pop()
    const header = this.#nextHeader(freed, missingBytes)
    try {
      const segment =
        freed === undefined
          ? createSegmentSync(this.#options, this.#folder, header)
          : reheadSegmentSync(this.#options, this.#folder, freed, header)
      this.#join(segment)
    } catch (error) {
      if (freed !== undefined) this.#discarder.discard(freed)
      throw error
    }
  }

  #nextHeader(freed: Segment | undefined, missingBytes: number): SegmentHeader {
    const capacity = freed?.header.capacity ?? this.#nextCapacity(missingBytes)
    return { serial: ++this.#serial, start: this.#end, capacity, epoch: this.epoch, epochStart: this.epochStart }
  }

  #nextCapacity(missingBytes: number): number {
    const last = this.#chain[this.#chain.length - 1]?.header.capacity
    const usual = Math.min(this.#segmentBytes, last === undefined ? FIRST_SEGMENT_BYTES : last * GROWTH)
    const wanted = Math.ceil(Math.max(usual, missingBytes) / CAPACITY_UNIT_BYTES) * CAPACITY_UNIT_BYTES
    return Math.min(SEGMENT_BYTES_MAX, wanted)
  }

  #join(segment: Segment): void {
    if (segment.header.start === this.#end) {
      this.#chain.push(segment)
      this.#prepared++
      this.#end += segment.header.capacity
    } else this.#keepOrDrop(segment)
  }

  #keepOrDrop(segment: Segment): void {
    const usual = segment.header.capacity === this.#segmentBytes
    if (usual && this.#free.length < this.#freeMax) this.#free.push(segment)
    else this.#discarder.discard(segment)
  }

  /** Writes a closed group, through to the medium where `descriptor` is 'durable'. */
  writeSync(group: CommitGroup, descriptor: Descriptor): void {
    for (const span of this.#spans(group, descriptor)) writeFullySync(span.segment[descriptor], span.parts, span.offset)
  }

  /** The same, off the caller's thread. */
  async write(group: CommitGroup, descriptor: Descriptor): Promise<void> {
    const { writer } = this.#options
    const through = descriptor === 'durable'
    for (const { segment, parts, offset } of this.#spans(group, descriptor))
      await writer.write(segment[descriptor], { through, hasOwnMemory: group.hasOwnMemory }, parts, offset)
  }

  /** True if most of what was written since the last call went through the durable descriptors. Counting begins anew. */
  takeMostlyThrough(): boolean {
    const isMost = this.#throughBytes > this.#plainBytes
    this.#throughBytes = this.#plainBytes = 0
    return isMost
  }

  /** Makes what was written between `from` and `to` durable. */
  syncSync(from: number, to: number, descriptor: Descriptor): void {
    for (const segment of this.#between(from, to)) segment[descriptor].syncSync()
  }

  /** The same, off the caller's thread. */
  async sync(from: number, to: number, descriptor: Descriptor): Promise<void> {
    for (const segment of this.#between(from, to)) await segment[descriptor].sync()
  }

  #between(from: number, to: number): Segment[] {
    return this.#chain.filter(({ header }) => header.start < to && header.start + header.capacity > from)
  }

  #spans({ start: position, parts, length: bytes }: CommitGroup, descriptor: Descriptor): Span[] {
    assert(position + bytes <= this.#end, 'bytes of the log have a prepared place')
    if (descriptor === 'durable') this.#throughBytes += bytes
    else this.#plainBytes += bytes
    const spans: Span[] = []
    let cut: PartCut = { part: 0, offset: 0 }
    for (const segment of this.#between(position, position + bytes)) {
      const { start, capacity } = segment.header
      const from = Math.max(position, start)
      const length = Math.min(position + bytes, start + capacity) - from
      const offset = SEGMENT_HEADER_BYTES + from - start
      if (length === bytes) return [{ segment, offset, parts }]
      const taken: Uint8Array[] = []
      cut = takeParts(parts, cut, length, taken)
      spans.push({ segment, offset, parts: taken })
    }
    return spans
  }

  /** Frees the segments that lie wholly before `position`. The last one stays, so that the log always names its end. */
  truncate(position: number): void {
    const freed = this.#takeBefore(position)
    if (freed.length > 0) {
      this.#freeMax = Math.max(FREE_SEGMENTS_MIN, this.#prepared)
      this.#prepared = 0
      for (const segment of this.#free.splice(this.#freeMax)) this.#discarder.discard(segment)
      for (const segment of freed) this.#keepOrDrop(segment)
    }
    // The records of an earlier epoch may end before their segment does, with torn records behind them whose positions
    // are now another segment's. Such a file is removed rather than used again.
    const retired = this.#retired
    this.#retired = retired.filter(segment => segment.end > position)
    for (const segment of retired) if (segment.end <= position) this.#discarder.discardFile(segment)
  }

  #takeBefore(position: number): Segment[] {
    let count = 0
    while (count < this.#chain.length - 1) {
      const { start, capacity } = this.#chain[count]!.header
      if (start + capacity > position) break
      count++
    }
    return this.#chain.splice(0, count)
  }

  /** Closes every file; returns the paths of all that are there. Requires: nothing is being written. */
  closeSync(): string[] {
    this.#options.writer.close()
    const paths = this.#discarder.close()
    for (const segment of [...this.#chain, ...this.#free]) {
      closeSegment(segment)
      paths.push(segment.plain.path)
    }
    for (const segment of this.#retired) paths.push(segment.path)
    return paths
  }

  /** Closes and removes every file of the log, durably, one file in each turn. */
  async remove(): Promise<void> {
    const paths = this.closeSync()
    const { fileSystem, dataPath, clock } = this.#options
    try {
      for (const path of paths) {
        fileSystem.removeSync(path)
        await new Promise<void>(resolve => clock.defer(resolve))
      }
      fileSystem.syncDirectorySync(fileSystem.dirname(dataPath))
    } catch (error) {
      throw ioError(error, 'remove the log of a closed database', dataPath)
    }
  }
}

/** A place between two bytes of a list of parts. */
interface PartCut {
  readonly part: number
  readonly offset: number
}

/** Puts the next `length` bytes of `parts` from `cut` on into `taken`; returns the place behind them. */
function takeParts(parts: readonly Uint8Array[], cut: PartCut, length: number, taken: Uint8Array[]): PartCut {
  let { part, offset } = cut
  for (let left = length; left > 0;) {
    const bytes = parts[part]!
    const end = Math.min(bytes.length, offset + left)
    taken.push(bytes.subarray(offset, end))
    left -= end - offset
    offset = end
    if (offset === bytes.length) {
      part++
      offset = 0
    }
  }
  return { part, offset }
}

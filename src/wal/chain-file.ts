import { ioError } from '../platform/io-error.ts'
import { writeFullySync } from '../platform/write-fully.ts'
import { SEGMENT_HEADER_BYTES } from './segment-format.ts'
import type { File } from '../platform/file-system.ts'
import type { FoundSegment } from './chain.ts'
import type { LogFiles } from './segment-files.ts'

/** Reads and rewrites the segments of a chain as if they were one file. At most one of them is open at a time. */
export class ChainFile {
  readonly #files: LogFiles
  readonly #segments: readonly FoundSegment[]
  #file: File | undefined
  #isWritable = false

  constructor(files: LogFiles, segments: readonly FoundSegment[]) {
    this.#files = files
    this.#segments = segments
  }

  /** The segment that holds `position`; the last one where it lies behind all. */
  segmentAt(position: number): FoundSegment | undefined {
    return this.#segments.find(segment => position < segment.end) ?? this.#segments[this.#segments.length - 1]
  }

  /** Files are opened for writing only where they are written to: a log may be read where that is not allowed. */
  #open(path: string, write: boolean): File {
    if (this.#file?.path === path && this.#isWritable === write) return this.#file
    this.#file?.closeSync()
    this.#file = undefined
    this.#file = this.#files.fileSystem.openSync(path, { write, create: false, exclusive: false, dataSync: false })
    this.#isWritable = write
    return this.#file
  }

  /** Fills `target` from `position` on, where the caller knows that there is so much (see `runsOf`). */
  read(position: number, target: Uint8Array): void {
    this.#each(position, position + target.length, (segment, from, to) => {
      const part = target.subarray(from - position, to - position)
      const count = this.#open(segment.path, false).readSync(part, SEGMENT_HEADER_BYTES + from - segment.header.start)
      part.fill(0, count)
    })
  }

  /** Writes the bytes from `from` to `to` again, as they are, and syncs them. */
  rewrite(from: number, to: number, block: Uint8Array): void {
    this.#each(from, to, (segment, start, end) => {
      const file = this.#open(segment.path, true)
      for (let position = start; position < end; position += block.length) {
        const part = block.subarray(0, Math.min(block.length, end - position))
        const offset = SEGMENT_HEADER_BYTES + position - segment.header.start
        writeFullySync(file, [part.subarray(0, file.readSync(part, offset))], offset)
      }
      file.syncSync()
    })
  }

  #each(from: number, to: number, visit: (segment: FoundSegment, from: number, to: number) => void): void {
    for (const segment of this.#segments) {
      const start = Math.max(from, segment.header.start)
      const end = Math.min(to, segment.end)
      if (start >= end) continue
      try {
        visit(segment, start, end)
      } catch (error) {
        throw ioError(error, 'read the log', segment.path)
      }
    }
  }

  close(): void {
    this.#file?.closeSync()
    this.#file = undefined
  }
}

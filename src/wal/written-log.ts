import { corruption } from '../base/errors.ts'
import { ChainFile } from './chain-file.ts'
import { readChain } from './chain.ts'
import { LogReader } from './log-reader.ts'
import { SEGMENT_HEADER_BYTES } from './segment-format.ts'
import type { LogRecord, LogStart } from './log-reader.ts'
import type { LogFiles } from './segment-files.ts'

/**
 * Reads what a log that is in use has written, from its files. Every record up to `end` must be there: a missing or damaged
 * one throws MANIFOLD_CORRUPTION. So may one that is freed while this reads, which the journal's `start` then tells.
 */
export class WrittenLog {
  readonly #files: LogFiles
  readonly #file: ChainFile
  readonly #reader: LogReader
  readonly #sequence: number
  readonly #end: number

  /** Requires: `start` and `end` lie between two records, and what is between them is in the files. */
  constructor(files: LogFiles, start: LogStart, sequence: number, end: number) {
    const { segments } = readChain(files, start.position)
    this.#files = files
    this.#file = new ChainFile(files, segments)
    this.#reader = new LogReader(this.#file, segments, start)
    this.#sequence = sequence
    this.#end = end
  }

  /** The next record of that sequence or a later one, or undefined behind the last. It is valid until the next call. */
  next(): LogRecord | undefined {
    for (;;) {
      if (this.#reader.position >= this.#end) return undefined
      const record = this.#reader.next() ?? this.#refuse()
      if (record.sequence >= this.#sequence) return record
    }
  }

  /** The same in steps of a record or a mebibyte; a payload that is longer is checked and left out. */
  *nextInPieces(): Generator<void, LogRecord | undefined> {
    for (;;) {
      if (this.#reader.position >= this.#end) return undefined
      const record = (yield* this.#reader.nextInPieces()) ?? this.#refuse()
      if (record.sequence >= this.#sequence) return record
      yield
    }
  }

  #refuse(): never {
    const { position, what, expected, found } = this.#reader.bad!
    const segment = this.#file.segmentAt(position)
    if (segment === undefined) throw corruption(this.#files.dataPath, 0, what, expected, found)
    throw corruption(segment.path, SEGMENT_HEADER_BYTES + position - segment.header.start, what, expected, found)
  }

  close(): void {
    this.#file.close()
  }
}

import { corruption, DatabaseError } from '../base/errors.ts'
import { ChainFile } from '../wal/chain-file.ts'
import { readChain } from '../wal/chain.ts'
import type { BadRecord, LogStart } from '../wal/log-reader.ts'
import { LogReader } from '../wal/log-reader.ts'
import type { LogFiles } from '../wal/segment-files.ts'
import { SEGMENT_HEADER_BYTES } from '../wal/segment-format.ts'
import type { Problems } from './report.ts'

/**
 * Checks the log of an open database from where the data file says it begins up to `end`: that each record is whole and
 * follows from the one before. Yields after each record, and within long ones.
 *
 * A checkpoint may end meanwhile and free log that has not been read yet. `start` then answers with a later position: what
 * cannot be read before it is no problem, and the check goes on from there.
 */
export class LogCheck {
  records = 0
  bytes = 0
  readonly #files: LogFiles
  readonly #problems: Problems
  readonly #start: () => LogStart
  readonly #end: number

  /** Requires: `end` lies between two records, and what is before it is in the files. */
  constructor(files: LogFiles, problems: Problems, start: () => LogStart, end: number) {
    this.#files = files
    this.#problems = problems
    this.#start = start
    this.#end = end
  }

  *run(): Generator<void, void> {
    for (;;) {
      const from = this.#start()
      if (from.position >= this.#end) return
      const fault = yield* this.#readFrom(from)
      if (fault === undefined) return
      // The log may have been freed, and its files be another place of it by now.
      if (this.#start().position > from.position) continue
      this.#problems.add('log', fault)
      return
    }
  }

  /** Reads to the end; returns what is wrong. */
  *#readFrom(from: LogStart): Generator<void, DatabaseError | undefined> {
    let file: ChainFile | undefined
    try {
      const { segments } = readChain(this.#files, from.position)
      file = new ChainFile(this.#files, segments)
      const reader = new LogReader(file, segments, from)
      while (reader.position < this.#end) {
        const begun = reader.position
        const record = yield* reader.nextInPieces()
        if (record === undefined) {
          const segment = file.segmentAt(begun)
          return this.#fault(reader.bad!, segment?.path, segment?.header.start ?? begun)
        }
        this.records++
        this.bytes += record.end - begun
        yield
      }
      return undefined
    } catch (error) {
      if (error instanceof DatabaseError) return error
      throw error
    } finally {
      file?.close()
    }
  }

  #fault({ position, what, expected, found }: BadRecord, path: string | undefined, start: number): DatabaseError {
    const { dataPath } = this.#files
    return corruption(path ?? dataPath, SEGMENT_HEADER_BYTES + position - start, what, expected, found)
  }
}

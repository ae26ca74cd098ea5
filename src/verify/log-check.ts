import { DatabaseError } from '../base/errors.ts'
import type { Journal } from '../wal/journal.ts'
import type { WrittenLog } from '../wal/written-log.ts'
import type { Problems } from './report.ts'

/**
 * Checks the log of an open database up to what was written when the check was made: that each record is whole and follows
 * from the one before. Yields after each record, and within long ones.
 *
 * A checkpoint may end meanwhile and free log that has not been read yet. The log then begins at a later position: what
 * cannot be read before it is no problem, and the check goes on from there.
 */
export class LogCheck {
  records = 0
  bytes = 0
  readonly #journal: Journal
  readonly #problems: Problems
  readonly #end: number

  constructor(journal: Journal, problems: Problems) {
    this.#journal = journal
    this.#problems = problems
    this.#end = journal.written
  }

  *run(): Generator<void, void> {
    for (;;) {
      const { position, sequence } = this.#journal.start
      if (position >= this.#end) return
      const fault = yield* this.#readFrom(sequence + 1)
      if (fault === undefined) return
      // The log may have been freed, and its files be another place of it by now.
      if (this.#journal.start.position > position) continue
      this.#problems.add('log', fault)
      return
    }
  }

  /** Reads to the end; returns what is wrong. */
  *#readFrom(sequence: number): Generator<void, DatabaseError | undefined> {
    let log: WrittenLog | undefined
    try {
      log = this.#journal.readFrom(sequence)
      for (;;) {
        const record = yield* log.nextInPieces()
        // What was written since this check was made is not its affair.
        if (record === undefined || record.position >= this.#end) return undefined
        this.records++
        this.bytes += record.end - record.position
        yield
      }
    } catch (error) {
      if (error instanceof DatabaseError) return error
      throw error
    } finally {
      log?.close()
    }
  }
}

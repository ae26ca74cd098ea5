import { DatabaseError } from '../base/errors.ts'
import type { Memtable } from '../memtable/memtable.ts'
import type { EntryWords, Journal, Need } from '../wal/journal.ts'
import { CommitRun } from './commit-run.ts'
import type { Commit } from './commit.ts'
import type { Family } from './family.ts'

interface Follower {
  readonly sequence: number
  readonly resolve: () => void
  readonly reject: (error: DatabaseError) => void
}

/**
 * The way of a commit from its last write to its promise.
 *
 *   state      | entered when                      | a reader sees | a crash leaves      | an error does
 *   -----------|-----------------------------------|---------------|---------------------|------------------------------
 *   building   | the family locks are held         | nothing       | nothing             | the tail is cut: nothing was
 *   reserved   | the log has room for the record   | nothing       | nothing             | the same; the room goes back
 *   appended   | numbered, in the log's memory     | nothing       | nothing             | poisons; the commit fails
 *   written    | the operating system has it       | see below     | it, if the process  | poisons; an `immediate`
 *              |                                   |               | dies; else perhaps  | commit fails
 *   synced     | the medium has it                 | see below     | it                  | nothing any more
 *   visible    | all before it are visible, and it | it            | as above            | nothing any more
 *              | is as durable as it asked for     |               |                     |
 *   settled    | its promise is resolved, in the turn in which it became visible
 *
 * Two ordering rules make it right:
 * 1. Sequences are given in the order of `append`, and commits become visible in that order: the queue is only ever
 *    taken from the front. So a weak commit waits behind an `immediate` one, and a snapshot is one number.
 * 2. The family's lock is freed at `append`, before the sync, so the family's next transaction overlaps it. That
 *    transaction may read what is not synced yet; its own promise therefore waits until it is (`settled`), because its
 *    record comes later in the log, or, if it wrote nothing, by waiting for the family's last sequence.
 *
 * Rejected: publishing each commit when its own sync returns. A reader could then see commit n+1 without n.
 */
export class CommitPipeline {
  /** The sequence of the last commit appended, and of the last one that readers see. */
  appendedSequence: number
  visibleSequence: number
  readonly #journal: Journal
  /** Appended and not yet visible, in log order; those before `#head` are done with. */
  #queue: Commit[] = []
  #head = 0
  /** The last of the queue, if it is a run. */
  #run: CommitRun | undefined
  #followers: Follower[] = []
  #failure: DatabaseError | undefined

  constructor(journal: Journal, sequence: number) {
    this.#journal = journal
    this.appendedSequence = sequence
    this.visibleSequence = sequence
  }

  /** Why no commit can be appended any more. */
  get failure(): DatabaseError | undefined {
    return this.#failure
  }

  /**
   * Commits on their way: appended and not yet visible. There are as many as the prepared segments of the log have room for
   * at most, since each has reserved its room; a record is at least 80 bytes.
   */
  get pending(): number {
    return this.#failure === undefined ? this.appendedSequence - this.visibleSequence : 0
  }

  /** Numbers the commit and appends its record. Requires: its locks are held, its room is reserved, nothing has failed. */
  append(commit: Commit, payload: readonly Uint8Array[], payloadBytes: number): void {
    commit.sequence = ++this.appendedSequence
    commit.position = this.#journal.append(commit.sequence, payload, payloadBytes, commit.need)
    for (const { family } of commit.parts) {
      family.lastSequence = commit.sequence
      family.lastPosition = commit.position
    }
    this.#queue.push(commit)
    this.#run = undefined
  }

  /**
   * The same for a commit of one entry, which stands in `words` from `begin` to `end` and was the last of the memtable.
   * The promise is that of its run.
   */
  appendEntry(
    family: Family,
    memtable: Memtable,
    words: EntryWords,
    begin: number,
    end: number,
    need: Need,
  ): Promise<void> {
    const run = this.#openRun(need)
    const sequence = ++this.appendedSequence
    const position = this.#journal.appendEntry(sequence, family.id, words, begin, end, need)
    family.lastSequence = run.sequence = sequence
    family.lastPosition = run.position = position
    run.add(family, memtable, family.tables, memtable.appended)
    return run.promise
  }

  /** The run that the next record of the log may join. To be asked before it is appended, which may send its group off. */
  #openRun(need: Need): CommitRun {
    const { groupStart } = this.#journal
    if (this.#run !== undefined && this.#run.takes(need, groupStart)) return this.#run
    const run = new CommitRun(need, groupStart)
    this.#queue.push(run)
    this.#run = run
    return run
  }

  /** The journal has moved on: publishes and settles, in log order, all that are as durable as they asked for. */
  progressed(): void {
    const { written, synced } = this.#journal
    const from = this.#head
    let head = from
    for (; head < this.#queue.length; head++) {
      const commit = this.#queue[head]!
      if (commit.position > (commit.need === 'sync' ? synced : written)) break
      publish(commit)
      this.visibleSequence = commit.sequence
    }
    if (head === from) return
    if (head === this.#queue.length) this.#run = undefined
    this.#head = head
    const settled = this.#queue
    this.#drop()
    for (let i = from; i < head; i++) settled[i]!.resolve()
    this.#follow()
  }

  /** Starts a new queue when the old one is mostly done with, so that a queue that never empties does not grow. */
  #drop(): void {
    if (this.#head < this.#queue.length && this.#head < 1024) return
    this.#queue = this.#queue.slice(this.#head)
    this.#head = 0
  }

  #follow(): void {
    if (this.#followers.length === 0) return
    const ready = this.#followers.filter(({ sequence }) => sequence <= this.visibleSequence)
    if (ready.length === 0) return
    this.#followers = this.#followers.filter(({ sequence }) => sequence > this.visibleSequence)
    for (const { resolve } of ready) resolve()
  }

  /** Settles when the commit of that sequence is visible; rejects if it never will be. Undefined: it is. */
  waitUntilVisible(sequence: number): Promise<void> | undefined {
    if (sequence <= this.visibleSequence) return undefined
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    return new Promise((resolve, reject) => this.#followers.push({ sequence, resolve, reject }))
  }

  /** The log has failed. Everybody who waits is told, in log order; nothing is unwound, and nothing is tried again. */
  fail(cause: unknown): void {
    if (this.#failure !== undefined) return
    this.#failure = poisoned(cause)
    const queue = this.#queue
    const from = this.#head
    const followers = this.#followers
    this.#queue = []
    this.#head = 0
    this.#run = undefined
    this.#followers = []
    for (let i = from; i < queue.length; i++) queue[i]!.reject(this.#failure)
    for (const { reject } of followers) reject(this.#failure)
  }
}

function publish(commit: Commit): void {
  for (const { family, memtable, end, tables } of commit.parts) {
    if (memtable !== undefined) memtable.visible = end
    family.visibleTables = tables
    family.changed()
  }
  commit.publish?.()
}

function poisoned(cause: unknown): DatabaseError {
  if (cause instanceof DatabaseError && cause.code === 'MANIFOLD_POISONED') return cause
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new DatabaseError(
    'MANIFOLD_POISONED',
    `The log could not be written or synced (${reason}), so no more writes are taken and those on their way have failed. ` +
      'Close the database, check the disk, and open it again: it recovers everything that was acknowledged.',
    { cause },
  )
}

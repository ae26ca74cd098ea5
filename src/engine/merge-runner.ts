import { DatabaseError } from '../base/errors.ts'
import type { ErrorCode } from '../base/errors.ts'
import type { Clock } from '../platform/clock.ts'
import type { File } from '../platform/file-system.ts'
import { atOnce, inSlices } from '../platform/slices.ts'
import type { Thread, Threads } from '../platform/thread.ts'
import type { MergeJob, MergeResult } from './merge-job.ts'
import { mergeAll } from './merge-job.ts'

/** How long a merge on the caller's thread runs before the event loop has a turn. */
const SLICE_MILLIS = 2

/** What the thread answers: a result, or an error in parts, because classes do not survive the way between threads. */
export type MergeAnswer =
  | { readonly result: MergeResult }
  | { readonly error: { readonly code: ErrorCode | undefined; readonly message: string; readonly details: object } }

interface Pending {
  readonly job: MergeJob
  readonly resolve: (result: MergeResult) => void
  readonly reject: (error: Error) => void
}

/** Runs merges, one at a time: on a background thread where there are threads and files that they can share, else in slices. */
export class MergeRunner {
  readonly #file: File
  readonly #clock: Clock
  #threads: Threads | undefined
  #thread: Thread | undefined
  #pending: Pending | undefined
  /** A thread has answered. */
  #works = false

  constructor(file: File, clock: Clock, threads: Threads | undefined) {
    this.#file = file
    this.#clock = clock
    this.#threads = file.descriptor === undefined ? undefined : threads
  }

  run(job: MergeJob): Promise<MergeResult> {
    const thread = this.#thread ?? this.#start()
    if (thread === undefined || (job.tables.length === 0 && job.orphans.length === 0)) return this.#inSlices(job)
    return new Promise((resolve, reject) => {
      this.#pending = { job, resolve, reject }
      thread.hold(true)
      thread.post(job)
    })
  }

  /** The same on the caller's thread, without a break. */
  runSync(job: MergeJob): MergeResult {
    return atOnce(mergeAll(job, this.#file))
  }

  #inSlices(job: MergeJob): Promise<MergeResult> {
    return inSlices(mergeAll(job, this.#file), this.#clock, SLICE_MILLIS)
  }

  /** The extension is that of this module: built code starts built code. */
  #start(): Thread | undefined {
    const extension = import.meta.url.slice(import.meta.url.lastIndexOf('.'))
    try {
      const thread = this.#threads?.spawn(new URL(`../workers/merge-thread${extension}`, import.meta.url))
      thread?.onMessage(message => this.#answered(message as MergeAnswer))
      thread?.onExit(() => this.#exited())
      this.#thread = thread
      return thread
    } catch {
      // No thread can be had: the merge runs here, in slices.
      return undefined
    }
  }

  #answered(answer: MergeAnswer): void {
    const pending = this.#pending
    this.#pending = undefined
    this.#works = true
    this.#thread?.hold(false)
    if ('result' in answer) pending?.resolve(answer.result)
    else pending?.reject(revive(answer.error))
  }

  /**
   * A thread that has died in the middle of a merge has written only pages that nothing names, so its work is done again
   * here. One that has never answered cannot run at all (a bundler has left its module out): there will be no other.
   */
  #exited(): void {
    this.#thread = undefined
    if (!this.#works) this.#threads = undefined
    const pending = this.#pending
    this.#pending = undefined
    if (pending !== undefined) this.#inSlices(pending.job).then(pending.resolve, pending.reject)
  }

  async close(): Promise<void> {
    await this.#thread?.terminate()
    this.#thread = undefined
  }
}

function revive({ code, message, details }: { code: ErrorCode | undefined; message: string; details: object }): Error {
  return code === undefined ? new Error(message) : new DatabaseError(code, message, details)
}

import type { DatabaseError } from '../base/errors.ts'
import type { Clock } from '../platform/clock.ts'
import type { Channel, Channels } from '../platform/diagnostics.ts'
import type { Journal } from '../wal/journal.ts'

/** What is published on `manifold:commit-group`: the log has moved on. */
export interface CommitGroupMessage {
  readonly path: string
  /** Commits that have become visible, and the sequence of the last one. */
  readonly commits: number
  readonly sequence: number
  /** Bytes of log written, and milliseconds in its syncs, since the message before. */
  readonly bytes: number
  readonly syncMillis: number
}

/** What is published on `manifold:checkpoint`: one has ended. */
export interface CheckpointMessage {
  readonly path: string
  readonly millis: number
  readonly pagesWritten: number
  readonly bytesWritten: number
  /** Why it failed. */
  readonly error: DatabaseError | undefined
}

/** What a writer had to wait for: room in the log, or memory that a checkpoint gives back. */
export type StallReason = 'log' | 'memory'

/** What is published on `manifold:stall`: a writer has waited. */
export interface StallMessage {
  readonly path: string
  readonly reason: StallReason
  readonly millis: number
}

const NOBODY: Channel = { hasSubscribers: false, publish: () => {} }

/** Tells listeners what goes on. Nothing is built where nobody listens; what `stats()` shows is counted all the same. */
export class Diagnostics {
  /** Milliseconds that writers have waited. */
  readonly stallMillis: Record<StallReason, number> = { log: 0, memory: 0 }
  readonly #path: string
  readonly #clock: Clock
  readonly #groups: Channel
  readonly #checkpoints: Channel
  readonly #stalls: Channel
  readonly #stats: Channel
  readonly #statsMessage: () => object
  #written: number
  #syncMillis = 0

  /** `statsMessage` makes what is published on `manifold:stats`, of the whole engine, which is not known here. */
  constructor(
    path: string,
    clock: Clock,
    journal: Journal,
    channels: Channels | undefined,
    statsMessage: () => object,
  ) {
    this.#path = path
    this.#written = journal.written
    this.#clock = clock
    this.#groups = channels?.('manifold:commit-group') ?? NOBODY
    this.#checkpoints = channels?.('manifold:checkpoint') ?? NOBODY
    this.#stalls = channels?.('manifold:stall') ?? NOBODY
    this.#stats = channels?.('manifold:stats') ?? NOBODY
    this.#statsMessage = statsMessage
  }

  /** Commits up to `sequence` have become visible, or nothing but the log has moved on. */
  progressed(commits: number, sequence: number, { written, statistics }: Journal): void {
    const { syncMillis } = statistics
    if (this.#groups.hasSubscribers) {
      const message: CommitGroupMessage = {
        path: this.#path,
        commits,
        sequence,
        bytes: written - this.#written,
        syncMillis: syncMillis - this.#syncMillis,
      }
      this.#groups.publish(message)
    }
    this.#written = written
    this.#syncMillis = syncMillis
  }

  /** A checkpoint has ended, with what it has written or with why it failed. To be called when it is in the counters. */
  checkpointed(millis: number, pagesWritten: number, bytesWritten: number, error: DatabaseError | undefined): void {
    if (this.#checkpoints.hasSubscribers) {
      const message: CheckpointMessage = { path: this.#path, millis, pagesWritten, bytesWritten, error }
      this.#checkpoints.publish(message)
    }
    if (this.#stats.hasSubscribers) this.#stats.publish(this.#statsMessage())
  }

  /** A writer begins to wait; the result is to be called when it need not any more. */
  stall(reason: StallReason): () => void {
    const begun = this.#clock.now()
    return () => {
      const millis = this.#clock.now() - begun
      this.stallMillis[reason] += millis
      if (!this.#stalls.hasSubscribers) return
      const message: StallMessage = { path: this.#path, reason, millis }
      this.#stalls.publish(message)
    }
  }
}

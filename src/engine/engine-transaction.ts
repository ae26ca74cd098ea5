import { DatabaseError } from '../base/errors.ts'
import { TRANSACTION_BYTES_MAX } from '../base/limits.ts'
import type { EncodedKey } from '../shared/encoded-key.ts'
import { entryWords } from '../shared/entry-format.ts'
import type { Journal, Need } from '../wal/journal.ts'
import type { CommitPipeline } from './commit-pipeline.ts'
import type { Commit, CommitPart } from './commit.ts'
import type { Diagnostics } from './diagnostics.ts'
import type { Family, TableEntry } from './family.ts'
import type { FamilyWriter } from './family-writer.ts'

export type Durability = 'immediate' | 'eventual' | 'none'

/** What a transaction needs of the engine around it. */
export interface TransactionHost {
  readonly journal: Journal
  readonly pipeline: CommitPipeline
  readonly diagnostics: Diagnostics
  /** The transaction holds its locks no longer. */
  ended(transaction: EngineTransaction): void
  /** A family has come into being; called when its first commit is appended. Returns what makes it visible to readers. */
  familyCreated(family: Family): () => void
  /** A commit has been appended; memory may have to be written out. */
  appended(): void
  /** Where there is no log, an `immediate` commit is one that a checkpoint has made durable. Undefined where there is one. */
  readonly makeDurable: (() => Promise<void>) | undefined
}

export const NEEDS: Readonly<Record<Durability, Need>> = { immediate: 'sync', eventual: 'delayed-sync', none: 'write' }

/** Where a transaction's life stands. `open` may be left for `ended` at once (abort) or through `committing`. */
type State = 'open' | 'committing' | 'ended'

/**
 * A write transaction over one or more families, whose locks it holds until it has been appended to the log or has been
 * aborted. The states of its commit stand in `commit-pipeline.ts`.
 */
export class EngineTransaction {
  /** In the order of names. */
  readonly writers: readonly FamilyWriter[]
  /** The names whose locks it holds, sorted. */
  readonly names: readonly string[]
  /** The open transaction in whose body this one's body runs; it may be one of another database. */
  around: EngineTransaction | undefined
  /** Counts rollbacks and the end, so that iterators over what is gone can refuse to go on. */
  epoch = 0
  readonly #host: TransactionHost
  #state: State = 'open'
  #bytes = 0
  #failure: DatabaseError | undefined
  /** Bytes and epoch at each mark. */
  readonly #marks: number[] = []

  constructor(host: TransactionHost, names: readonly string[], writers: readonly FamilyWriter[]) {
    this.#host = host
    this.names = names
    this.writers = writers
  }

  get isOpen(): boolean {
    return this.#state === 'open'
  }

  put(writer: FamilyWriter, table: TableEntry, key: EncodedKey, value: Uint8Array, valueLength: number): void {
    this.#charge(entryWords(key.length, valueLength) * 4)
    writer.put(table.id, key, value, valueLength)
  }

  delete(writer: FamilyWriter, table: TableEntry, key: EncodedKey): void {
    this.#charge(entryWords(key.length, 0) * 4)
    writer.delete(table.id, key)
  }

  deleteRange(writer: FamilyWriter, table: TableEntry, start: Uint8Array, end: Uint8Array | undefined): void {
    this.#charge(entryWords(start.length, 1 + (end?.length ?? 0)) * 4)
    writer.deleteRange(table.id, start, end)
  }

  #charge(bytes: number): void {
    this.#bytes += bytes
    if (this.#bytes > TRANSACTION_BYTES_MAX) {
      this.#failure = new DatabaseError(
        'MANIFOLD_TRANSACTION_TOO_LARGE',
        `The transaction holds more than ${TRANSACTION_BYTES_MAX} bytes and will be aborted. Split it into several.`,
      )
      throw this.#failure
    }
  }

  /** Those that have ended are left out, so that a chain of bodies that start one another does not keep them all. */
  setAround(outer: EngineTransaction | undefined): void {
    let open = outer
    while (open !== undefined && !open.isOpen) open = open.around
    this.around = open
  }

  /** Remembers where the transaction stands and returns the mark's number. */
  savepoint(): number {
    for (const writer of this.writers) writer.mark()
    return this.#marks.push(this.#bytes) - 1
  }

  /** Takes back everything since the mark; it can be rolled back to again, later marks cannot. */
  rollbackTo(mark: number): void {
    for (const writer of this.writers) writer.rollbackTo(mark)
    this.#bytes = this.#marks[mark]!
    this.#failure = undefined
    this.#marks.length = mark + 1
    this.epoch++
  }

  /** Blocks until all that the transaction could have read is visible. Requires: it has ended. */
  settleReadsSync(): void {
    const { journal, pipeline } = this.#host
    if (this.writers.some(({ family }) => family.lastSequence > pipeline.visibleSequence)) journal.writeNow()
  }

  /** Takes everything back and frees the locks. The result settles when all that the transaction could have read is visible. */
  abort(): Promise<void> | undefined {
    if (this.#state !== 'open') return undefined
    this.#end(true)
    return this.#readsSettled()
  }

  /**
   * Commits, and resolves with what `result` makes of the commit (undefined where nothing was written) when it is visible
   * and as durable as asked for. Rejects, with nothing written, where the log has no room; rejects as poisoned where the log
   * failed afterwards.
   */
  commit<R>(durability: Durability, result: (commit: Commit | undefined) => R): Promise<R> {
    const refused = this.#failure ?? this.#host.pipeline.failure
    if (refused !== undefined) return this.#refuse(refused)
    if (!this.writers.some(writer => writer.wrote)) {
      this.#end(true)
      return this.#nothingWritten(durability).then(() => result(undefined))
    }
    this.#state = 'committing'
    const bytes = this.#payloadBytes()
    const waiting = this.#host.journal.reserve(bytes)
    if (waiting === undefined) return this.#durably(durability, bytes, result)
    const served = this.#host.diagnostics.stall('log')
    return waiting.then(
      () => {
        served()
        const late = this.#host.pipeline.failure
        if (late === undefined) return this.#durably(durability, bytes, result)
        this.#host.journal.release(bytes)
        return this.#refuse(late)
      },
      (error: DatabaseError) => {
        served()
        return this.#refuse(error)
      },
    )
  }

  /** The same on the caller's thread, up to the append; the caller then has the journal write or sync. */
  commitSync(durability: Durability): void {
    const refused = this.#failure ?? this.#host.pipeline.failure
    if (refused !== undefined) {
      this.#end(true)
      throw refused
    }
    if (!this.writers.some(writer => writer.wrote)) {
      this.#end(true)
      return
    }
    const bytes = this.#payloadBytes()
    try {
      this.#host.journal.reserveSync(bytes)
    } catch (error) {
      this.#end(true)
      throw error
    }
    this.#append(durability, bytes, NOTHING).catch(NOTHING)
  }

  /**
   * Commits a change of the catalog in place of entries: `append` hands it to the pipeline once there is room for `bytes`.
   * Until then nothing has changed, and `close` waits. Requires: the transaction is open and has written nothing.
   */
  async commitChange(bytes: number, append: () => Promise<void>): Promise<void> {
    this.#state = 'committing'
    try {
      await this.#host.journal.reserve(bytes)
    } catch (error) {
      return this.#refuse(error as DatabaseError)
    }
    const late = this.#host.pipeline.failure
    if (late !== undefined) {
      this.#host.journal.release(bytes)
      return this.#refuse(late)
    }
    const appended = append()
    this.#end(false)
    this.#host.appended()
    await appended
    await this.#host.makeDurable?.()
  }

  /** Also a commit that changes nothing is as durable as asked for: what it could have read is. */
  async #nothingWritten(durability: Durability): Promise<void> {
    if (durability === 'immediate') {
      let position = 0
      for (const { family } of this.writers) position = Math.max(position, family.lastPosition)
      await this.#host.journal.waitForSync(position)
      await this.#host.makeDurable?.()
    }
    await this.#readsSettled()
  }

  #payloadBytes(): number {
    let bytes = 0
    for (const writer of this.writers) bytes += writer.payloadBytes()
    return bytes
  }

  #durably<R>(durability: Durability, bytes: number, result: (commit: Commit) => R): Promise<R> {
    const { makeDurable } = this.#host
    const appended = this.#append(durability, bytes, result)
    if (makeDurable === undefined || durability !== 'immediate') return appended
    return appended.then(async value => {
      await makeDurable()
      return value
    })
  }

  #append<R>(durability: Durability, bytes: number, result: (commit: Commit) => R): Promise<R> {
    const parts: CommitPart[] = []
    const payload: Uint8Array[] = []
    const created: (() => void)[] = []
    for (const writer of this.writers) {
      if (!writer.wrote) continue
      parts.push(writer.commit(payload))
      if (!writer.existed) created.push(this.#host.familyCreated(writer.family))
    }
    return new Promise((resolve, reject) => {
      const commit: Commit = {
        sequence: 0,
        position: 0,
        need: NEEDS[durability],
        parts,
        publish: created.length === 0 ? undefined : () => created.forEach(publish => publish()),
        resolve: () => resolve(result(commit)),
        reject,
      }
      this.#host.pipeline.append(commit, payload, bytes)
      this.#end(false)
      this.#host.appended()
    })
  }

  async #refuse(error: DatabaseError): Promise<never> {
    this.#end(true)
    await this.#readsSettled()
    throw error
  }

  #end(abort: boolean): void {
    this.#state = 'ended'
    this.epoch++
    if (abort) for (const writer of this.writers) writer.abort()
    this.#host.ended(this)
  }

  /** Invariant: what the transaction read of its families may not be synced yet; if that sync fails, so does this. */
  #readsSettled(): Promise<void> | undefined {
    let sequence = 0
    for (const { family } of this.writers) sequence = Math.max(sequence, family.lastSequence)
    return this.#host.pipeline.waitUntilVisible(sequence)
  }
}

const NOTHING = (): void => {}

import { corruption, DatabaseError } from '../base/errors.ts'
import { ioError } from '../platform/io-error.ts'
import { ChainFile } from './chain-file.ts'
import { findShortened, readChain, shortened } from './chain.ts'
import { newEpoch } from './create-log.ts'
import { LogReader } from './log-reader.ts'
import { findProofOfDurability, holdsRecordsFrom } from './log-scan.ts'
import { removeSegmentFile } from './segment-files.ts'
import { SEGMENT_HEADER_BYTES } from './segment-format.ts'
import { SegmentStore } from './segment-store.ts'
import type { Random } from '../platform/random.ts'
import type { LogChain } from './chain.ts'
import type { BadRecord, LogFault, LogRecord, LogStart } from './log-reader.ts'
import type { SegmentStoreOptions } from './segment-store.ts'
import type { LogPlace } from './segmented-journal.ts'

/** AbortSignal, structurally. */
export interface RecoverySignal {
  readonly aborted: boolean
  readonly reason: unknown
}

export interface RecoveryProgress {
  /** Bytes of log read, and how many there are at most: prepared segments count, whether or not they are filled. */
  readonly bytes: number
  readonly bytesTotal: number
  readonly records: number
}

export interface RecoveryOptions extends SegmentStoreOptions {
  readonly random: Random
  readonly start: LogStart
  /** The database was not closed cleanly: a log must be there. */
  readonly required: boolean
  readonly signal?: RecoverySignal | undefined
  readonly onProgress?: ((progress: RecoveryProgress) => void) | undefined
}

/** After so many bytes the event loop turns once, progress is told and the signal is looked at. */
const TURN_BYTES = 4 * 1024 * 1024
const REWRITE_BYTES = 1024 * 1024

/**
 * Brings the log of a database that was not closed cleanly back to a place where it can go on.
 *
 *   new        the chain of segments is known and has no gap
 *   replayed   every record up to the end of the log was visited; the bytes behind it are a torn tail
 *   accepted   what was replayed is durable, and a new epoch begins behind it
 *
 * Nothing that was replayed may be shown to anybody before it is accepted. Until then no file has changed; a cut within
 * `accept` leaves files that recover to the same state.
 */
export class LogRecovery {
  readonly #options: RecoveryOptions
  readonly #chain: LogChain
  readonly #file: ChainFile
  readonly #reader: LogReader
  #replayed = false

  constructor(options: RecoveryOptions) {
    this.#options = options
    this.#chain = readChain(options, options.start.position)
    if (this.#chain.segments.length === 0 && options.required) throw this.#noLog()
    this.#file = new ChainFile(options, this.#chain.segments)
    this.#reader = new LogReader(this.#file, this.#chain.segments, options.start)
  }

  #noLog(): DatabaseError {
    const damaged = this.#chain.damaged[0]
    if (damaged !== undefined) return corruption(damaged.path, 0, damaged.what, damaged.expected, damaged.found)
    const { dataPath } = this.#options
    return new DatabaseError(
      'MANIFOLD_LOG_MISSING',
      `${dataPath} was not closed cleanly and its log (${dataPath}-wal0 and the like) is missing. ` +
        'Put the log files back beside it, or restore both from a backup.',
      { file: dataPath },
    )
  }

  /**
   * Calls `visit` with every record in order, and waits where it returns a promise. The record and its payload are
   * valid until then. Rejects with MANIFOLD_CORRUPTION if something durable is damaged, and with MANIFOLD_ABORTED.
   */
  async replay(visit: (record: LogRecord) => void | Promise<void>): Promise<void> {
    const reader = this.#reader
    let turnedAt = 0
    try {
      await this.#turn()
      for (let record = reader.next(); record !== undefined; record = reader.next()) {
        const waits = visit(record)
        if (waits !== undefined) await waits
        if (reader.bytesRead - turnedAt < TURN_BYTES) continue
        turnedAt = reader.bytesRead
        await this.#turn()
      }
      this.#checkEnd(reader.bad!)
      await this.#turn()
      this.#replayed = true
    } finally {
      this.#file.close()
    }
  }

  async #turn(): Promise<void> {
    const { clock, signal, onProgress, start } = this.#options
    const reader = this.#reader
    const { segments } = this.#chain
    const end = segments.length === 0 ? start.position : segments[segments.length - 1]!.end
    onProgress?.({ bytes: reader.position - start.position, bytesTotal: end - start.position, records: reader.records })
    await new Promise<void>(resolve => clock.defer(resolve))
    if (signal?.aborted === true) {
      throw new DatabaseError('MANIFOLD_ABORTED', 'Opening was aborted during recovery; the files are as they were.', {
        cause: signal.reason,
      })
    }
  }

  /** Tells a torn tail, which is cut off, from damage to something durable, which nothing may be built upon. */
  #checkEnd(bad: BadRecord): void {
    // What is proven durable is what lies behind the last sound record, wherever the bad one stands.
    const { position } = this.#reader
    const { segments, damaged } = this.#chain
    for (const file of damaged) {
      const isInUse = bad.certain || holdsRecordsFrom(this.#options, file.path, position)
      if (isInUse) throw corruption(file.path, 0, file.what, file.expected, file.found)
    }
    // An epoch begins only where everything before it is durable, so a bad record in front of one is damage.
    const provenByEpoch = segments.some(({ header }) => header.epochStart > position)
    if (bad.certain || provenByEpoch || findProofOfDurability(this.#file, segments, position) !== undefined)
      throw this.damage(bad)
    const short = findShortened(segments, position)
    if (short !== undefined) throw shortened(short)
  }

  /** The error that tells of a fault by the file and the byte at which its position lies. */
  damage({ position, what, expected, found }: LogFault): DatabaseError {
    const segment = this.#file.segmentAt(position)
    if (segment === undefined) return corruption(this.#options.dataPath, 0, what, expected, found)
    return corruption(segment.path, SEGMENT_HEADER_BYTES + position - segment.header.start, what, expected, found)
  }

  /** Makes what was replayed durable and begins a new epoch behind it. */
  async accept(): Promise<LogPlace> {
    if (!this.#replayed) throw new Error('accept needs a finished replay')
    const { start, random, fileSystem, dataPath } = this.#options
    const { position, sequence, previousChecksum, durableThrough } = this.#reader
    const { segments, dead, damaged, serial } = this.#chain
    // The page cache may show bytes that the medium lost: only writing them again makes a sync mean something.
    const rewriteFrom = Math.max(start.position, durableThrough)
    if (rewriteFrom < position) this.#rewrite(rewriteFrom, position)
    for (const file of [...dead, ...damaged]) removeSegmentFile(this.#options, file.path)
    const retired = segments
      .filter(({ header }) => header.start < position)
      .map(({ slot, path, end }) => ({ slot, path, end: Math.min(end, position) }))
    const store = new SegmentStore(this.#options, newEpoch(random), position, serial, retired)
    await store.extend(0)
    // The new segment has taken the place of these, whether or not they are gone after a power cut.
    for (const { header, path } of segments) if (header.start >= position) removeSegmentFile(this.#options, path)
    try {
      fileSystem.syncDirectorySync(fileSystem.dirname(dataPath))
    } catch (error) {
      store.closeSync()
      throw ioError(error, 'sync the directory of the log', dataPath)
    }
    return { store, start, position, previousChecksum, sequence }
  }

  #rewrite(from: number, to: number): void {
    try {
      this.#file.rewrite(from, to, new Uint8Array(Math.min(REWRITE_BYTES, to - from)))
    } finally {
      this.#file.close()
    }
  }
}

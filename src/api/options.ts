import type { DatabaseError } from '../base/errors.ts'
import {
  MAX_DELAY_MICROS_DEFAULT,
  PAGE_CACHE_BYTES_DEFAULT,
  PAGE_CACHE_BYTES_MIN,
  POLL_INTERVAL_MICROS_DEFAULT,
  SEGMENT_BYTES_DEFAULT,
  SEGMENT_BYTES_MAX,
  SEGMENT_BYTES_MIN,
  WRITE_BUFFER_BYTES_DEFAULT,
  WRITE_BUFFER_BYTES_MIN,
} from '../base/limits.ts'
import type { FileSystem } from '../platform/file-system.ts'
import type { Durability, Signal } from './durability.ts'
import { checkDurability, checkProperties, checkSignal, refuseOption } from './durability.ts'

/**
 * Who syncs the log: a background thread (`async`), the committing caller for all that wait (`sync`), or nobody, because
 * there is no log (`off`). It never decides what survives; that is the durability.
 */
export type JournalMode = 'async' | 'sync' | 'off'

export interface JournalOptions {
  /** Default: `async`. */
  mode?: JournalMode
  /**
   * For how long, in microseconds, the thread that writes the log and the event loop that waits for it look for each
   * other's word before they sleep. It costs processor time while commits wait, and saves each of them two wake-ups.
   * 0: never. Without effect where the medium takes longer than this.
   */
  pollIntervalMicros?: number
  /**
   * The longest that an `eventual` commit waits until its sync begins, in microseconds. The runtime's timers count
   * milliseconds, so less than 1000 is 1000, and a busy event loop adds its turn.
   */
  maxDelayMicros?: number
  /** The size of one file of the log, which is filled with zeros in advance. */
  segmentBytes?: number
}

/** How far an opening has come that replays the log. */
export interface RecoveryProgress {
  /** Bytes of the log read so far. */
  readonly bytes: number
  /** Bytes of the log there are. */
  readonly totalBytes: number
  /** Entries replayed so far. */
  readonly entries: number
}

export interface OpenOptions {
  /** Default: `async`. */
  journal?: JournalMode | JournalOptions
  /** Of transactions that name none. Default: `immediate`, and `none` where the journal is `off`. */
  durability?: Durability
  /** Memory for all memtables of all column families together. */
  writeBufferBytes?: number
  /** Memory for pages of the data file. */
  pageCacheBytes?: number
  /** Open for reading only; without a lock where the lock file may not be written. Default: false. */
  readOnly?: boolean
  /** Create the database if there is none at the path. Default: true, and false where `readOnly` is true. */
  createIfMissing?: boolean
  /** Fail with MANIFOLD_EXISTS if there is a database at the path. Default: false. */
  errorIfExists?: boolean
  /** Where the files lie. Default: the real file system. */
  fileSystem?: FileSystem
  /** Ends the opening, a recovery included; the files stay as they are. */
  signal?: Signal
  /** Called now and then while the log is replayed. */
  onRecovery?(progress: RecoveryProgress): void
  /** Hears of checkpoints and syncs that fail in the background, and of snapshots and iterators that were forgotten. */
  onBackgroundError?(error: DatabaseError): void
  /**
   * Remember where each snapshot and iterator was opened, for `stats()` and for the report of a forgotten one. Costs a stack
   * for each. Default: false.
   */
  traceSnapshots?: boolean
}

export interface ResolvedJournalOptions {
  readonly mode: JournalMode
  readonly pollIntervalMicros: number
  readonly maxDelayMicros: number
  readonly segmentBytes: number
}

export interface ResolvedOptions {
  readonly journal: ResolvedJournalOptions
  readonly durability: Durability
  readonly writeBufferBytes: number
  readonly pageCacheBytes: number
  readonly readOnly: boolean
  readonly createIfMissing: boolean
  readonly errorIfExists: boolean
  readonly fileSystem: FileSystem | undefined
  readonly signal: Signal | undefined
  readonly onRecovery: ((progress: RecoveryProgress) => void) | undefined
  readonly onBackgroundError: ((error: DatabaseError) => void) | undefined
  readonly traceSnapshots: boolean
}

const OPEN_OPTIONS = [
  'journal',
  'durability',
  'writeBufferBytes',
  'pageCacheBytes',
  'readOnly',
  'createIfMissing',
  'errorIfExists',
  'fileSystem',
  'signal',
  'onRecovery',
  'onBackgroundError',
  'traceSnapshots',
]
const JOURNAL_OPTIONS = ['mode', 'pollIntervalMicros', 'maxDelayMicros', 'segmentBytes']
const JOURNAL_MODES: readonly unknown[] = ['async', 'sync', 'off']
const FILE_SYSTEM_METHODS: readonly (keyof FileSystem)[] = [
  'openSync',
  'existsSync',
  'listSync',
  'renameSync',
  'removeSync',
  'syncDirectorySync',
  'lockSync',
  'dirname',
  'basename',
  'join',
]
/** An hour: what is longer is a mistake of units. */
const MICROS_MAX = 3_600_000_000

function integer(name: string, value: unknown, fallback: number, min: number, max: number): number {
  if (value === undefined) return fallback
  if (Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max) return value as number
  return refuseOption(
    name,
    max === Number.MAX_SAFE_INTEGER ? `an integer of at least ${min}` : `an integer from ${min} to ${max}`,
    value,
  )
}

function flag(name: string, value: unknown, fallback: boolean): boolean {
  if (value === undefined) return fallback
  return typeof value === 'boolean' ? value : refuseOption(name, 'true or false', value)
}

function checkFunction(name: string, value: unknown): void {
  if (value !== undefined && typeof value !== 'function') refuseOption(name, 'a function', value)
}

export function checkFileSystem(value: unknown): void {
  const missing = FILE_SYSTEM_METHODS.find(
    method => typeof (value as Partial<FileSystem> | null)?.[method] !== 'function',
  )
  if (missing !== undefined) refuseOption('fileSystem', 'a FileSystem', value, `Its method ${missing} is missing.`)
}

function resolveJournal(journal: unknown): ResolvedJournalOptions {
  if (typeof journal === 'string' || journal === undefined) return resolveJournal({ mode: journal ?? 'async' })
  checkProperties('journal', journal, JOURNAL_OPTIONS)
  const { mode = 'async', pollIntervalMicros, maxDelayMicros, segmentBytes } = journal as JournalOptions
  if (!JOURNAL_MODES.includes(mode)) refuseOption('journal', "'async', 'sync' or 'off'", mode)
  return {
    mode,
    pollIntervalMicros: integer(
      'journal.pollIntervalMicros',
      pollIntervalMicros,
      POLL_INTERVAL_MICROS_DEFAULT,
      0,
      MICROS_MAX,
    ),
    maxDelayMicros: integer('journal.maxDelayMicros', maxDelayMicros, MAX_DELAY_MICROS_DEFAULT, 0, MICROS_MAX),
    segmentBytes: integer(
      'journal.segmentBytes',
      segmentBytes,
      SEGMENT_BYTES_DEFAULT,
      SEGMENT_BYTES_MIN,
      SEGMENT_BYTES_MAX,
    ),
  }
}

/** Checks the options of `Database.open` and fills in the defaults. */
export function resolveOptions(options: OpenOptions = {}): ResolvedOptions {
  checkProperties('options', options, OPEN_OPTIONS)
  const { durability, fileSystem, signal, onRecovery, onBackgroundError } = options
  const journal = resolveJournal(options.journal)
  if (durability !== undefined) checkDurability('durability', durability)
  if (fileSystem !== undefined) checkFileSystem(fileSystem)
  if (signal !== undefined) checkSignal('signal', signal)
  checkFunction('onRecovery', onRecovery)
  checkFunction('onBackgroundError', onBackgroundError)
  const readOnly = flag('readOnly', options.readOnly, false)
  const createIfMissing = flag('createIfMissing', options.createIfMissing, !readOnly)
  const errorIfExists = flag('errorIfExists', options.errorIfExists, false)
  if (readOnly && createIfMissing) refuseOption('createIfMissing', 'false where readOnly is true', true)
  if (errorIfExists && !createIfMissing) {
    refuseOption(
      'errorIfExists',
      'false where nothing may be created (createIfMissing is false, or readOnly is true)',
      true,
    )
  }
  const max = Number.MAX_SAFE_INTEGER
  return {
    journal,
    durability: durability ?? (journal.mode === 'off' ? 'none' : 'immediate'),
    writeBufferBytes: integer(
      'writeBufferBytes',
      options.writeBufferBytes,
      WRITE_BUFFER_BYTES_DEFAULT,
      WRITE_BUFFER_BYTES_MIN,
      max,
    ),
    pageCacheBytes: integer(
      'pageCacheBytes',
      options.pageCacheBytes,
      PAGE_CACHE_BYTES_DEFAULT,
      PAGE_CACHE_BYTES_MIN,
      max,
    ),
    readOnly,
    createIfMissing,
    errorIfExists,
    fileSystem,
    signal,
    // Called on the options, so that a class may hold them as methods.
    onRecovery: onRecovery && (progress => onRecovery.call(options, progress)),
    onBackgroundError: onBackgroundError && (error => onBackgroundError.call(options, error)),
    traceSnapshots: flag('traceSnapshots', options.traceSnapshots, false),
  }
}

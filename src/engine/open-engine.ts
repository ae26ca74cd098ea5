import { DatabaseError } from '../base/errors.ts'
import { ArenaMemtable } from '../memtable/arena-memtable.ts'
import { GenerationPins } from '../mvcc/generation-pins.ts'
import { PageCache } from '../pager/page-cache.ts'
import { Pager } from '../pager/pager.ts'
import type { FileSystem, Lock } from '../platform/file-system.ts'
import { ioError } from '../platform/io-error.ts'
import type { Platform } from '../platform/platform.ts'
import { chunkPool } from '../shared/chunk-pool.ts'
import { AsyncWALJournal } from '../wal/async-wal-journal.ts'
import { createLog } from '../wal/create-log.ts'
import type { Journal, JournalEvents } from '../wal/journal.ts'
import { NoJournal } from '../wal/no-journal.ts'
import { LogRecovery } from '../wal/recovery.ts'
import type { SegmentStoreOptions } from '../wal/segment-store.ts'
import type { LogPlace } from '../wal/segmented-journal.ts'
import { LogWriter } from '../wal/log-writer.ts'
import { WriteThreadPool } from '../wal/write-thread-pool.ts'
import { WALJournal } from '../wal/wal-journal.ts'
import { Checkpointer } from './checkpoint.ts'
import { ColumnFamilies } from './column-families.ts'
import { CommitPipeline } from './commit-pipeline.ts'
import { Diagnostics } from './diagnostics.ts'
import { Engine } from './engine.ts'
import type { Durability } from './engine-transaction.ts'
import { Family } from './family.ts'
import type { WaitSignal } from './family-locks.ts'
import { abortedError } from './family-locks.ts'
import { MemoryBudget } from './memory-budget.ts'
import { MergeRunner } from './merge-runner.ts'
import { Reader } from './reader.ts'
import { Replay } from './replay.ts'
import { statsMessage } from './stats.ts'

/** How long the memory of a closed database is kept for another one. */
const POOL_KEPT_MILLIS = 5000

/** Of all databases of this thread. */
let writeThreads: WriteThreadPool | undefined

/** Stands apart from every opening: a timer that held a closed database's scope would keep its page cache for as long. */
function trimPool(): void {
  chunkPool.trim()
}

/** What opening takes, checked and complete. */
export interface EngineOptions {
  readonly journal: {
    readonly mode: 'async' | 'sync' | 'off'
    readonly pollIntervalMicros: number
    readonly maxDelayMicros: number
    readonly segmentBytes: number
  }
  readonly durability: Durability
  readonly writeBufferBytes: number
  readonly pageCacheBytes: number
  readonly readOnly: boolean
  readonly createIfMissing: boolean
  readonly errorIfExists: boolean
  readonly fileSystem: FileSystem | undefined
  readonly signal: WaitSignal | undefined
  readonly onRecovery: ((progress: { bytes: number; totalBytes: number; entries: number }) => void) | undefined
  readonly onBackgroundError: ((error: DatabaseError) => void) | undefined
  readonly traceSnapshots: boolean
}

/**
 * Opens a database, and creates it where it may.
 *
 *   lock ─▶ header and catalog ─▶ closed cleanly: begin a log, then say so in the header
 *                              ─▶ not: replay the log, make its tail durable, begin a new epoch
 *
 * Whatever fails on the way gives back the files and the lock, and leaves the database as it was.
 */
export async function openEngine(path: string, options: EngineOptions, platform: Platform): Promise<Engine> {
  const fileSystem = options.fileSystem ?? platform.fileSystem
  if (options.signal?.aborted) throw abortedError(options.signal)
  let lock: Lock | undefined
  let pager: Pager | undefined
  chunkPool.touch = platform.touch
  chunkPool.join(options.writeBufferBytes)
  try {
    checkExistence(fileSystem, path, options)
    lock = takeLock(fileSystem, path, options.readOnly)
    chunkPool.cool()
    pager = openPager(fileSystem, path, options, platform)
    return await new Opening(path, options, { ...platform, fileSystem }, lock, pager).run()
  } catch (error) {
    chunkPool.leave(options.writeBufferBytes)
    pager?.closeSync()
    lock?.releaseSync()
    throw ioError(error, `open ${path}`, path)
  }
}

function checkExistence(
  fileSystem: FileSystem,
  path: string,
  { createIfMissing, errorIfExists }: EngineOptions,
): boolean {
  const exists = fileSystem.existsSync(path)
  if (!exists && !createIfMissing) {
    throw new DatabaseError(
      'MANIFOLD_NOT_FOUND',
      `There is no database at ${path}: check the path, or open it with createIfMissing.`,
      { file: path },
    )
  }
  if (exists && errorIfExists) {
    throw new DatabaseError(
      'MANIFOLD_EXISTS',
      `There is a file at ${path} already: choose another path, or open it without errorIfExists.`,
      { file: path },
    )
  }
  return exists
}

/**
 * A reader of a database on a medium or in a directory that it may not write to has no lock file to take. A writer beside it
 * replaces pages under it, and then they do not match the checksums that their parents hold.
 */
function takeLock(fileSystem: FileSystem, path: string, readOnly: boolean): Lock | undefined {
  try {
    return fileSystem.lockSync(`${path}-lock`)
  } catch (error) {
    const failure = ioError(error, `take the lock ${path}-lock`, `${path}-lock`)
    if (readOnly && (failure.code === 'MANIFOLD_PERMISSION' || failure.code === 'MANIFOLD_READ_ONLY')) return undefined
    throw failure
  }
}

/** Requires: the lock is held, so what exists now stays and what does not is ours to make. */
function openPager(fileSystem: FileSystem, path: string, options: EngineOptions, platform: Platform): Pager {
  if (checkExistence(fileSystem, path, options)) return Pager.openSync(fileSystem, path, !options.readOnly)
  const uuid = new Uint8Array(16)
  platform.random.fill(uuid)
  return Pager.createSync(fileSystem, path, uuid)
}

/** On a machine of one processor two threads cannot work at once, and one that looks for the other only keeps it waiting. */
function newLogWriter({ journal }: EngineOptions, { threads, clock }: Platform): LogWriter {
  if (threads === undefined || threads.processors < 2) return new LogWriter()
  writeThreads ??= new WriteThreadPool(threads, clock)
  return new LogWriter(writeThreads, journal.mode === 'async' ? journal.pollIntervalMicros : 0)
}

/** The steps of one opening, and what they build up. */
class Opening {
  readonly #path: string
  readonly #options: EngineOptions
  readonly #platform: Platform
  readonly #lock: Lock | undefined
  readonly #pager: Pager
  readonly #families: ColumnFamilies
  readonly #budget: MemoryBudget
  readonly #writer: LogWriter
  #engine: Engine | undefined
  #journal: Journal | undefined

  constructor(path: string, options: EngineOptions, platform: Platform, lock: Lock | undefined, pager: Pager) {
    this.#path = path
    this.#options = options
    this.#platform = platform
    this.#lock = lock
    this.#pager = pager
    this.#budget = new MemoryBudget(options.writeBufferBytes, platform.clock)
    this.#families = new ColumnFamilies(this.#budget.pinned)
    this.#writer = newLogWriter(options, platform)
  }

  async run(): Promise<Engine> {
    this.#loadCatalog()
    const { header } = this.#pager
    if (this.#options.readOnly) {
      if (!header.clean) throw needsRecovery(this.#path)
      return this.#assemble(this.#noJournal(), true)
    }
    if (header.clean) await this.#pager.seal()
    if (header.clean && this.#options.journal.mode === 'off') return this.#assemble(this.#noJournal(), true)
    const place = header.clean ? await this.#beginLog() : await this.#recover()
    try {
      return await this.#withLog(place, header.clean)
    } catch (error) {
      this.#journal = undefined
      place.store.closeSync()
      throw error
    }
  }

  async #withLog(place: LogPlace, clean: boolean): Promise<Engine> {
    const { mode, maxDelayMicros } = this.#options.journal
    const settings = { clock: this.#platform.clock, events: this.#events, maxDelayMicros }
    if (mode !== 'off') {
      if (clean) await this.#markUnclean()
      const journal = mode === 'sync' ? new WALJournal(place, settings) : new AsyncWALJournal(place, settings)
      return this.#assemble(journal, false)
    }
    // Without a log the file must need none: what was replayed goes into the trees, and the log is removed.
    const journal = new WALJournal(place, settings)
    const recovered = this.#assemble(journal, true)
    await recovered.checkpoint()
    await journal.close(true)
    return this.#assemble(this.#noJournal(), true)
  }

  #loadCatalog(): void {
    const { families, tables, nextFamilyId, nextTableId } = this.#pager.catalog
    this.#families.reserveIds(nextFamilyId - 1, nextTableId - 1)
    const byId = new Map<number, Family>()
    for (const { id, name } of families) {
      const family = new Family(id, name)
      byId.set(id, family)
      this.#families.create(family)()
    }
    for (const { id, familyId, name, keyCodec, valueCodec, root } of tables) {
      const family = byId.get(familyId)!
      family.tables = family.visibleTables = new Map(family.tables).set(name, { id, name, keyCodec, valueCodec })
      if (root.height > 0) family.roots = new Map(family.roots).set(id, root)
    }
  }

  get #logOptions(): SegmentStoreOptions {
    const { fileSystem, clock } = this.#platform
    return {
      fileSystem,
      clock,
      dataPath: this.#path,
      uuid: this.#pager.header.uuid,
      segmentBytes: this.#options.journal.segmentBytes,
      writer: this.#writer,
    }
  }

  get #start(): { position: number; previousChecksum: number; sequence: number } {
    const { logPosition: position, previousChecksum, lastSequence: sequence } = this.#pager.header
    return { position, previousChecksum, sequence }
  }

  #beginLog(): Promise<LogPlace> {
    return createLog({ ...this.#logOptions, random: this.#platform.random, start: this.#start })
  }

  async #recover(): Promise<LogPlace> {
    const { signal, onRecovery } = this.#options
    const { clock, random } = this.#platform
    const newMemtable = () => new ArenaMemtable(chunkPool, this.#budget.use)
    const replay = new Replay(this.#families, newMemtable, fault => recovery.damage(fault))
    const recovery = new LogRecovery({
      ...this.#logOptions,
      clock,
      random,
      start: this.#start,
      required: true,
      signal,
      onProgress: ({ bytes, bytesTotal }) => onRecovery?.({ bytes, totalBytes: bytesTotal, entries: replay.entries }),
    })
    await recovery.replay(record => replay.apply(record))
    replay.finish()
    // Accepting removes log that the other slot may need.
    await this.#pager.seal()
    return recovery.accept()
  }

  /** From here on the file needs its log. Both slots say so: an older one that did not would let the log be thrown away. */
  async #markUnclean(): Promise<void> {
    const pager = this.#pager
    const state = pager.prepareMark({ ...pager.header, clean: false })
    await pager.writeHeaderSlot(state, pager.olderSlot)
    pager.publish(state)
    await pager.writeHeaderSlot(state, pager.olderSlot)
  }

  #noJournal(): NoJournal {
    const { position, sequence, previousChecksum } =
      this.#journal === undefined
        ? this.#start
        : {
            position: this.#journal.appended,
            sequence: this.#journal.lastAppended,
            previousChecksum: this.#journal.lastChecksum,
          }
    return new NoJournal(this.#platform.clock, this.#events, position, sequence, previousChecksum)
  }

  /** In a turn of its own: what the listener throws must not come between an error and those who wait to be told of it. */
  readonly #tell = (error: DatabaseError): void => {
    if (this.#options.onBackgroundError === undefined) return
    this.#platform.clock.defer(() => this.#options.onBackgroundError!(error))
  }

  readonly #events: JournalEvents = {
    progressed: () => this.#engine?.progressed(),
    failed: () => {
      const failure = this.#journal?.failure
      if (failure === undefined) return
      this.#engine?.pipeline.fail(failure)
      this.#tell(failure as DatabaseError)
    },
  }

  #assemble(journal: Journal, withoutLog: boolean): Engine {
    const { readOnly, durability, writeBufferBytes, pageCacheBytes, traceSnapshots } = this.#options
    const { clock, threads, context, fileSystem, channels, watchCollection } = this.#platform
    const pager = this.#pager
    const engine: Engine = new Engine({
      path: this.#path,
      readOnly,
      families: this.#families,
      pipeline: new CommitPipeline(journal, journal.lastAppended),
      journal,
      pager,
      pins: new GenerationPins(() => this.#engine?.unpinned()),
      pool: chunkPool,
      reader: new Reader(pager, new PageCache(pager.file, pageCacheBytes)),
      budget: this.#budget,
      context,
      clock,
      fileSystem,
      diagnostics: new Diagnostics(this.#path, clock, journal, channels, () => statsMessage(engine)),
      watchCollection,
      traceSnapshots,
      onBackgroundError: this.#tell,
      durability,
      withoutLog,
      release: () => {
        pager.closeSync()
        this.#lock?.releaseSync()
        chunkPool.leave(writeBufferBytes)
        clock.after(POOL_KEPT_MILLIS, trimPool)
      },
    })
    this.#journal = journal
    this.#engine = engine
    if (readOnly) return engine
    const checkpointer = new Checkpointer(engine, {
      clock,
      runner: new MergeRunner(pager.file, clock, threads),
      withoutLog,
      onBackgroundError: this.#tell,
    })
    engine.attach(checkpointer)
    return engine
  }
}

function needsRecovery(path: string): DatabaseError {
  return new DatabaseError(
    'MANIFOLD_READ_ONLY',
    `${path} was not closed cleanly, and recovery has to write: open it once without readOnly, close it, and try again.`,
    { file: path },
  )
}

import {
  NAME_BYTES_MAX,
  PAGE_CACHE_BYTES_DEFAULT,
  SEGMENT_BYTES_DEFAULT,
  WRITE_BUFFER_BYTES_DEFAULT,
} from '../base/limits.ts'
import type { PageView } from '../btree/page-view.ts'
import type { Engine } from '../engine/engine.ts'
import { openEngine } from '../engine/open-engine.ts'
import { notADatabase } from '../pager/header-format.ts'
import type { File, FileSystem } from '../platform/file-system.ts'
import { ioError } from '../platform/io-error.ts'
import type { Platform } from '../platform/platform.ts'
import { lockIfPresent } from '../verify/verify-files.ts'
import type { VerifySignal } from '../verify/verify.ts'
import { throwIfAborted } from '../verify/verify.ts'
import type { FoundCatalog } from './catalog-search.ts'
import { findCatalog } from './catalog-search.ts'
import { LogReplay } from './log-replay.ts'
import { LogSurvey } from './log-survey.ts'
import type { StrayLeaf } from './page-survey.ts'
import { findTrees, surveyPages } from './page-survey.ts'
import type { SalvageProgress, SalvageReport, SalvageStage } from './report.ts'
import { hexKey } from './report.ts'
import { keyOf, SourcePages } from './source-pages.ts'
import type { TableState } from './table-states.ts'
import { LOST_FAMILY, lostTreeSchema, tableReport, TableStates, unverifiedSchema } from './table-states.ts'
import { SalvageTarget } from './target.ts'
import { TolerantFiles } from './tolerant-files.ts'
import { holds, TreeWalk } from './tree-walk.ts'

export interface ResolvedSalvageOptions {
  readonly signal: VerifySignal | undefined
  readonly onProgress: ((progress: SalvageProgress) => void) | undefined
  /** Put leaves that no checksum confirms into tables of their own. */
  readonly unverified: boolean
}

const SLICE_MILLIS = 8
/** The id of a family for what has none. */
const NO_FAMILY = -1

/**
 * Reads what can be read of a damaged database into a new one. Nothing of the damaged one is written to.
 *
 *   catalog ─▶ trees, leaf by leaf ─▶ lost pages, where branches are damaged ─▶ log ─▶ finish
 */
export async function salvageDatabase(
  path: string,
  targetPath: string,
  platform: Platform,
  options: ResolvedSalvageOptions,
): Promise<SalvageReport> {
  throwIfAborted(options.signal)
  const lock = lockIfPresent(platform, path)
  const files = new TolerantFiles(platform.fileSystem)
  let file: File | undefined
  try {
    file = openSource(files, path)
    const engine = await openTarget(targetPath, platform)
    try {
      const salvage = new Salvage(path, targetPath, files, new SourcePages(file), engine, platform, options)
      const report = await salvage.run()
      await engine.close()
      return report
    } catch (error) {
      await removeTarget(engine, targetPath, platform.fileSystem)
      throw error
    }
  } finally {
    file?.closeSync()
    lock?.releaseSync()
  }
}

function openSource(files: TolerantFiles, path: string): File {
  try {
    return files.openSync(path, { write: false, create: false, exclusive: false, dataSync: false })
  } catch (error) {
    throw ioError(error, `read ${path}`, path)
  }
}

function openTarget(path: string, platform: Platform): Promise<Engine> {
  const options = {
    journal: { mode: 'off' as const, pollIntervalMicros: 0, maxDelayMicros: 0, segmentBytes: SEGMENT_BYTES_DEFAULT },
    durability: 'none' as const,
    writeBufferBytes: WRITE_BUFFER_BYTES_DEFAULT,
    pageCacheBytes: PAGE_CACHE_BYTES_DEFAULT,
    readOnly: false,
    createIfMissing: true,
    errorIfExists: true,
    fileSystem: undefined,
    signal: undefined,
    onRecovery: undefined,
    onBackgroundError: undefined,
    traceSnapshots: false,
  }
  return openEngine(path, options, platform)
}

/** It is this salvage's own: nobody else has had it open. What it fails with matters less than why the salvage ends. */
async function removeTarget(engine: Engine, path: string, fileSystem: FileSystem): Promise<void> {
  await engine.close().catch(() => {})
  for (const name of [path, `${path}-lock`]) {
    try {
      if (fileSystem.existsSync(name)) fileSystem.removeSync(name)
    } catch {
      continue
    }
  }
}

class Salvage {
  readonly #path: string
  readonly #targetPath: string
  readonly #files: TolerantFiles
  readonly #pages: SourcePages
  readonly #engine: Engine
  readonly #platform: Platform
  readonly #options: ResolvedSalvageOptions
  readonly #target: SalvageTarget
  readonly #states: TableStates = new TableStates()
  readonly #unassigned = { pages: 0, entries: 0 }
  readonly #unverified = { pages: 0, entries: 0 }
  /** The tables that take what no checksum confirms, by those to which it seems to belong. */
  readonly #besides: Map<TableState, TableState> = new Map()
  #stage: SalvageStage = 'catalog'
  #sliceEnd = 0

  constructor(
    path: string,
    targetPath: string,
    files: TolerantFiles,
    pages: SourcePages,
    engine: Engine,
    platform: Platform,
    options: ResolvedSalvageOptions,
  ) {
    this.#path = path
    this.#targetPath = targetPath
    this.#files = files
    this.#pages = pages
    this.#engine = engine
    this.#platform = platform
    this.#options = options
    this.#target = new SalvageTarget(engine)
  }

  async run(): Promise<SalvageReport> {
    const catalog = await this.#steps(findCatalog(this.#pages))
    this.#stage = 'tables'
    await this.#readTables(catalog)
    this.#stage = 'log'
    const { header } = catalog
    const survey = new LogSurvey(
      { fileSystem: this.#files, dataPath: this.#path, uuid: header?.uuid ?? NO_UUID },
      header,
      catalog.isHeaderCertain,
    )
    const replay = new LogReplay(this.#states, this.#target)
    await this.#replay(survey, replay)
    if (catalog.source === 'none' && this.#states.all.length === 0 && !survey.exists && catalog.headerSlots === 0) {
      throw notADatabase(this.#path)
    }
    this.#judge(catalog, survey)
    this.#stage = 'finish'
    await this.#target.flush()
    await this.#engine.checkpoint()
    return this.#report(catalog, survey, replay)
  }

  /** Runs steps that wait for nothing, with turns in between. */
  async #steps<R>(steps: Generator<void, R>): Promise<R> {
    for (;;) {
      const step = steps.next()
      if (step.done === true) return step.value
      await this.#turn()
    }
  }

  async #turn(): Promise<void> {
    const { clock } = this.#platform
    if (clock.now() < this.#sliceEnd) return
    await new Promise<void>(resolve => clock.defer(resolve))
    const { read, count } = this.#pages
    this.#options.onProgress?.({
      stage: this.#stage,
      entries: this.#target.entries,
      pages: Math.min(read, count),
      totalPages: count,
    })
    throwIfAborted(this.#options.signal)
    this.#sliceEnd = clock.now() + SLICE_MILLIS
  }

  async #readTables({ source, families, tables, free }: FoundCatalog): Promise<void> {
    for (const { id, name } of families) this.#states.addFamily(id, name)
    const walk = new TreeWalk(this.#pages, free)
    for (const table of tables) {
      if (table.name === '' || table.name.length > NAME_BYTES_MAX) continue
      const state = this.#states.addCatalogTable(table)
      await this.#target.create(this.#states.familyName(state.familyId), state.schema)
      await this.#readTree(state, walk)
    }
    if (source === 'none') await this.#readLostTrees(walk)
    const holed = this.#states.all.filter(({ tree }) => tree.holes.length > 0)
    if (holed.length === 0 && source !== 'none') return
    this.#stage = 'pages'
    const strays = await this.#steps(surveyPages(this.#pages, page => walk.isLost(page), walk.reached))
    for (const stray of strays) await this.#readStray(stray, holed)
    if (walk.knowsFree) return
    for (const state of holed) {
      state.isStale = true
      state.reasons.push('which pages are free is not known: some that were read may be of an earlier state')
    }
  }

  async #readTree(state: TableState, walk: TreeWalk): Promise<void> {
    for (const leaf of walk.walk(state.tree)) await this.#readLeaf(state, leaf)
  }

  async #readLostTrees(walk: TreeWalk): Promise<void> {
    this.#states.addFamily(NO_FAMILY, LOST_FAMILY)
    for (const { page, checksum, height, others } of await this.#steps(findTrees(this.#pages))) {
      const root = { page, checksum, height, entries: 0, overflow: true }
      const state = this.#states.addExtra(NO_FAMILY, lostTreeSchema(page), root)
      state.isStale = true
      state.reasons.push('there is no catalog: name and codecs are lost, and the tree may be of an earlier state')
      if (others > 0) state.reasons.push(`${others} other states of the same tree were left out`)
      await this.#readTree(state, walk)
    }
  }

  async #readLeaf(state: TableState, leaf: PageView): Promise<void> {
    const family = this.#states.familyName(state.familyId)
    for (let i = 0; i < leaf.count; i++) {
      const key = keyOf(leaf, i)
      const value = this.#pages.value(leaf, i)
      if (value === undefined) this.#noteLostValue(state, leaf, i, key)
      else {
        await this.#target.put(family, state.schema, key, value)
        state.fromPages++
      }
    }
    await this.#turn()
  }

  #noteLostValue({ tree }: TableState, leaf: PageView, i: number, key: Uint8Array): void {
    const { offset, length } = this.#pages.valuePlace(leaf, i)
    const bound = hexKey(key)
    tree.lostValues++
    tree.damage.push({ file: this.#path, offset, length, kind: 'value', from: bound, to: bound, entries: 1 })
  }

  /** A leaf belongs to the only table that has lost a range in which all its keys lie. */
  async #readStray({ page, isVerified }: StrayLeaf, holed: readonly TableState[]): Promise<void> {
    const leaf = this.#pages.loadLeaf(page)
    if (leaf === undefined) return
    const owners = holed.filter(({ tree }) => tree.holes.some(hole => holds(hole, leaf)))
    const owner = owners.length === 1 ? owners[0]! : undefined
    if (!isVerified) {
      this.#unverified.pages++
      this.#unverified.entries += leaf.count
      if (owner !== undefined && this.#options.unverified)
        await this.#readLeaf(this.#unverifiedTable(owner, page), leaf)
    } else if (owner === undefined) {
      this.#unassigned.pages++
      this.#unassigned.entries += leaf.count
    } else {
      owner.tree.found += leaf.count
      await this.#readLeaf(owner, leaf)
    }
  }

  #unverifiedTable(owner: TableState, page: number): TableState {
    let beside = this.#besides.get(owner)
    if (beside === undefined) {
      const { familyId, schema } = owner
      beside = this.#states.addExtra(familyId, unverifiedSchema(schema, page), {
        ...owner.tree.root,
        height: 0,
        entries: 0,
      })
      beside.isStale = true
      beside.reasons.push('no checksum confirms these entries')
      this.#besides.set(owner, beside)
    }
    return beside
  }

  async #replay(survey: LogSurvey, replay: LogReplay): Promise<void> {
    for (const record of survey.run()) {
      if (!(await replay.apply(record))) survey.noteSenseless(record)
      await this.#turn()
    }
  }

  /** What is known to be missing or may be older than it was, for every table. */
  #judge({ source, header }: FoundCatalog, survey: LogSurvey): void {
    const reasons: string[] = []
    if (source === 'damaged') reasons.push('the catalog is damaged: names and codecs may be wrong')
    if (source === 'found') reasons.push('the catalog is an earlier one: newer states of its tables may be lost')
    if (survey.lostCommits > 0 || survey.hasUnknownLoss) {
      reasons.push('commits of the log are lost: entries may be older than they were, or deleted')
    } else if (survey.damage.length > 0) {
      reasons.push('the log ends in bytes that are no record: a torn write, or damage to the last commits')
    }
    if (header !== undefined && !header.clean && !survey.exists) reasons.push('the log is missing')
    if (header === undefined && survey.exists) reasons.push('where the log goes on from the data file is not known')
    if (reasons.length === 0) return
    for (const state of this.#states.all) {
      state.isStale = true
      state.reasons.push(...reasons)
    }
  }

  #report({ source, headerSlots }: FoundCatalog, survey: LogSurvey, replay: LogReplay): SalvageReport {
    const tables = this.#states.all.map(state =>
      tableReport(state, this.#states.familyName(state.familyId), this.#target),
    )
    const { records, damage, lostCommits } = survey
    return {
      source: this.#path,
      target: this.#targetPath,
      whole:
        tables.every(({ whole }) => whole) && source === 'whole' && damage.length === 0 && this.#unassigned.pages === 0,
      headerSlots,
      catalog: source,
      tables,
      log: { records, entries: replay.entries, lostCommits, damage },
      unassigned: this.#unassigned,
      unverified: this.#unverified,
      unreadable: this.#files.unreadable,
    }
  }
}

const NO_UUID = new Uint8Array(16)

import { corruption, DatabaseError } from '../base/errors.ts'
import { PAGE_BYTES } from '../base/limits.ts'
import type { TreeCheck } from '../btree/check.ts'
import { checkTree, newTreeCheck } from '../btree/check.ts'
import { READER_BYTES, TreeReader } from '../btree/tree-reader.ts'
import { ExtentList } from '../pager/extent-list.ts'
import { decodeHeader, HEADER_SLOTS } from '../pager/header-format.ts'
import type { Header } from '../pager/header-format.ts'
import { readExactly } from '../pager/file-read.ts'
import type { CatalogTable, Meta } from '../pager/meta-format.ts'
import { readMetaExtent } from '../pager/pager.ts'
import type { Pager } from '../pager/pager.ts'
import { Slab } from '../pager/slab.ts'
import type { File } from '../platform/file-system.ts'
import { PageSet } from './page-set.ts'
import type { ColumnFamilyReport, Problems, TableReport, VerifyReport } from './report.ts'

/** The data file at one moment: what its headers name, and which pages the pager holds free. */
export interface FileState {
  readonly file: File
  readonly header: Header
  /** What the other slot names, where that is another state. */
  readonly other: Header | undefined
  /** What is wrong with the slots. */
  readonly faults: readonly DatabaseError[]
  readonly pageCount: number
  /** Pages that the next checkpoint may write to, and those that only the other slot or snapshots reach. */
  readonly free: ExtentList
  readonly pending: readonly ExtentList[]
}

/** Takes the state that `pager` holds now. Requires: no state is being prepared. */
export function fileState(pager: Pager): FileState {
  const { file, header, freeSpace, pending } = pager
  const faults: DatabaseError[] = []
  let other: Header | undefined
  for (let slot = 0; slot < HEADER_SLOTS; slot++) {
    // A slot that is being written may be torn.
    if (pager.isWriting(slot)) continue
    const found = readSlot(file, slot, faults)
    if (found !== undefined && found.generation !== header.generation) other = found
  }
  return {
    file,
    header,
    other,
    faults,
    pageCount: freeSpace.pageCount,
    free: freeSpace.extents(),
    pending: pending.lists,
  }
}

function readSlot(file: File, slot: number, faults: DatabaseError[]): Header | undefined {
  const bytes = new Uint8Array(PAGE_BYTES)
  try {
    readExactly(file, bytes, slot * PAGE_BYTES, `header slot ${slot}`)
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error
    faults.push(error)
    return undefined
  }
  const reading = decodeHeader(bytes)
  if (reading.state === 'valid') return reading.header
  const [expected, found] = reading.state === 'damaged' ? [reading.expected, reading.found] : ['a known version', '']
  faults.push(corruption(file.path, slot * PAGE_BYTES, `header slot ${slot}`, expected, found))
  return undefined
}

/** Pages that are accounted for between two yields. */
const PAGES_PER_STEP = 4096

export type PagesReport = Pick<VerifyReport, 'columnFamilies' | 'pages'>

/**
 * Checks every page of a file: reads all trees and verifies that each page is reached once or free, and never both, in the
 * file's own free map and in the pager's memory. What the other header slot reaches must not be free for use. Yields
 * after each page.
 */
export class PageCheck {
  readonly #state: FileState
  readonly #problems: Problems
  readonly #reader: TreeReader
  readonly #reached: PageSet
  /** The tree that is being read, and the pages of those before it. */
  #current: TreeCheck = newTreeCheck()
  #finishedPages = 0
  /** Some page could not be read, so what lies below it is not known. */
  #isPartial = false

  constructor(state: FileState, problems: Problems) {
    this.#state = state
    this.#problems = problems
    this.#reader = new TreeReader(state.file, new Slab(READER_BYTES), 0)
    this.#reached = new PageSet(state.pageCount)
    for (const fault of state.faults) problems.add('header', fault)
  }

  /** Pages of trees that have been read. */
  get pages(): number {
    const { leafPages, branchPages, overflowPages } = this.#current
    return this.#finishedPages + leafPages + branchPages + overflowPages
  }

  *run(): Generator<void, PagesReport> {
    const { header, other, free, pending, pageCount } = this.#state
    const reached = this.#reached
    this.#claim('the header', single(0, HEADER_SLOTS))
    const meta = this.#readMeta(header)
    const columnFamilies = meta === undefined ? [] : yield* this.#checkTables(header, meta)
    if (meta !== undefined) {
      const mapped = new PageSet(header.pageCount)
      yield* this.#addFree(mapped, meta.free, 'the free map of the file')
      yield* this.#findLost(mapped, 'the free map of the file')
    }
    const all = new PageSet(pageCount)
    yield* this.#addFree(all, free, 'the free pages in memory')
    const freeSize = all.size
    for (const list of pending) yield* this.#addFree(all, list, 'the pages kept for older readers')
    const unknown = yield* this.#findLost(all, 'the free pages in memory')
    if (other !== undefined) yield* this.#checkOther(other)
    const pages = { total: pageCount, reachable: reached.size, free: freeSize, pending: all.size - freeSize, unknown }
    return { columnFamilies, pages }
  }

  #readMeta(header: Header): Meta | undefined {
    try {
      const meta = readMetaExtent(this.#state.file, header)
      this.#claim('the catalog', single(header.meta.page, header.meta.pages))
      return meta
    } catch (error) {
      if (!(error instanceof DatabaseError)) throw error
      this.#problems.add('catalog', error)
      this.#isPartial = true
      return undefined
    }
  }

  *#checkTables(header: Header, { catalog }: Meta): Generator<void, ColumnFamilyReport[]> {
    const families = new Map(catalog.families.map(({ id, name }) => [id, { name, tables: [] as TableReport[] }]))
    for (const table of catalog.tables) {
      const family = families.get(table.familyId)
      if (family === undefined) {
        const expected = 'a column family of the catalog'
        this.#problems.add(
          'catalog',
          this.#fault(header.meta.page, `family of the table '${table.name}'`, expected, `${table.familyId}`),
        )
        continue
      }
      const check = yield* this.#checkTree(table, family.name)
      yield* this.#claimAll(`the table '${table.name}' of '${family.name}'`, check.pages)
      family.tables.push(tableReport(table, check))
    }
    return [...families.values()].map(({ name, tables }) => familyReport(name, tables))
  }

  *#checkTree(table: CatalogTable, family: string): Generator<void, TreeCheck> {
    const check = (this.#current = newTreeCheck())
    const fault = (error: DatabaseError): void => {
      this.#isPartial = true
      this.#problems.add('tree', error, family, table.name)
    }
    yield* checkTree(this.#reader, table.root, fault, check)
    this.#finishedPages = this.pages
    this.#current = newTreeCheck()
    return check
  }

  /** The other slot's state is whole, too, and none of its pages may be written to while the slot names it. */
  *#checkOther(other: Header): Generator<void, void> {
    const { file, free, pageCount } = this.#state
    let meta: Meta
    try {
      meta = readMetaExtent(file, other)
    } catch (error) {
      if (!(error instanceof DatabaseError)) throw error
      this.#problems.add('catalog', error)
      return
    }
    const pages = single(other.meta.page, other.meta.pages)
    for (const { name, familyId, root } of meta.catalog.tables) {
      const family = meta.catalog.families.find(({ id }) => id === familyId)?.name
      const check = newTreeCheck()
      yield* checkTree(this.#reader, root, error => this.#problems.add('tree', error, family, name), check)
      pages.pushAll(check.pages)
    }
    const usable = new PageSet(pageCount)
    yield* eachPage(free, page => void usable.add(page))
    yield* eachPage(pages, page => {
      if (page >= pageCount || usable.has(page)) {
        this.#problems.add('pages', this.#fault(page, 'a page that the other header slot reaches', 'kept', 'free'))
      }
    })
  }

  #claim(owner: string, list: ExtentList): void {
    const steps = this.#claimAll(owner, list)
    while (steps.next().done !== true);
  }

  *#claimAll(owner: string, list: ExtentList): Generator<void, void> {
    const reached = this.#reached
    yield* eachPage(list, page => {
      if (page >= reached.pageCount) {
        this.#problems.add('pages', this.#fault(page, `page of ${owner}`, `below ${reached.pageCount}`, `${page}`))
      } else if (!reached.add(page)) {
        this.#problems.add('pages', this.#fault(page, `page of ${owner}`, 'reached once', 'reached before'))
      }
    })
  }

  *#addFree(set: PageSet, list: ExtentList, where: string): Generator<void, void> {
    yield* eachPage(list, page => {
      if (page >= set.pageCount) {
        this.#problems.add('pages', this.#fault(page, where, `pages below ${set.pageCount}`, `${page}`))
        return
      }
      if (this.#reached.has(page)) this.#problems.add('pages', this.#fault(page, where, 'not reached', 'reached'))
      if (!set.add(page)) this.#problems.add('pages', this.#fault(page, where, 'free once', 'free twice'))
    })
  }

  /** Pages that are neither reached nor free; below damaged pages that is as it must be. Returns how many there are. */
  *#findLost(free: PageSet, where: string): Generator<void, number> {
    let lost = 0
    yield* PageSet.missing(this.#reached, free, (first, count) => {
      lost += count
      if (this.#isPartial) return
      this.#problems.add('pages', this.#fault(first, `${count} pages`, `reached, or in ${where}`, 'neither'))
    })
    return lost
  }

  #fault(page: number, what: string, expected: string, found: string): DatabaseError {
    return corruption(this.#state.file.path, page * PAGE_BYTES, what, expected, found)
  }
}

/** Calls `visit` with each page of the list. Yields now and then. */
function* eachPage(list: ExtentList, visit: (page: number) => void): Generator<void, void> {
  let steps = 0
  for (let i = 0; i < list.length; i++) {
    for (let page = list.first(i); page < list.first(i) + list.count(i); page++) {
      if (++steps % PAGES_PER_STEP === 0) yield
      visit(page)
    }
  }
}

function single(first: number, count: number): ExtentList {
  const list = new ExtentList()
  list.push(first, count)
  return list
}

function tableReport({ name, keyCodec, valueCodec }: CatalogTable, check: TreeCheck): TableReport {
  const { entries, uncheckedEntries, leafPages, branchPages, overflowPages, leafBytes, overflowBytes } = check
  return {
    name,
    keyCodec,
    valueCodec,
    entries,
    uncheckedEntries,
    leafPages,
    branchPages,
    overflowPages,
    bytes: (leafPages + branchPages + overflowPages) * PAGE_BYTES,
    usedBytes: leafBytes + branchPages * PAGE_BYTES + overflowBytes,
  }
}

function familyReport(name: string, tables: readonly TableReport[]): ColumnFamilyReport {
  let [entries, bytes] = [0, 0]
  for (const table of tables) {
    entries += table.entries
    bytes += table.bytes
  }
  return { name, entries, pages: bytes / PAGE_BYTES, bytes, tables }
}

import { DatabaseError } from '../base/errors.ts'
import { PAGE_BYTES } from '../base/limits.ts'
import type { ExtentList } from '../pager/extent-list.ts'
import { readUpTo } from '../pager/file-read.ts'
import { decodeHeader, HEADER_SLOTS, readDamagedHeader } from '../pager/header-format.ts'
import type { Header } from '../pager/header-format.ts'
import type { CatalogFamily, CatalogTable, PartialMeta } from '../pager/meta-format.ts'
import { readPartialMeta } from '../pager/meta-format.ts'
import { readMetaExtent } from '../pager/pager.ts'
import type { CatalogSource } from './report.ts'
import { newerFormat } from './newer-format.ts'
import type { SourcePages } from './source-pages.ts'

/** What the data file says of itself, as far as it can be found. */
export interface FoundCatalog {
  readonly source: CatalogSource
  readonly families: readonly CatalogFamily[]
  readonly tables: readonly CatalogTable[]
  /** The free map; undefined where it cannot be trusted. */
  readonly free: ExtentList | undefined
  /** Of the state that the catalog belongs to; undefined where it is not known. */
  readonly header: Header | undefined
  /** The header's checksum is right. */
  readonly isHeaderCertain: boolean
  /** Header slots that could be read. */
  readonly headerSlots: number
}

/** An extent that may hold a catalog is read up to this length. */
const META_BYTES_MAX = 64 * 1024 * 1024

/**
 * Looks for the newest catalog that can be read:
 *
 *   the newest header's, whole ─▶ the other header's ─▶ one that a damaged header still names, whole
 *   ─▶ the newest header's, as far as it can be read ─▶ an earlier one in any page
 *
 * A catalog whose checksum is not known to be right counts for those tables whose root page has the checksum that it
 * names: that is no accident. Yields now and then.
 */
export function* findCatalog(pages: SourcePages): Generator<void, FoundCatalog> {
  const { valid, damaged } = readSlots(pages)
  const headerSlots = valid.length
  for (const header of [...valid, ...damaged]) {
    const meta = wholeMeta(pages, header)
    if (meta === undefined) continue
    const isNewest = header === valid[0] || header === damaged[0]
    const { families, tables } = meta.catalog
    const source = isNewest ? 'whole' : 'older'
    return { source, families, tables, free: meta.free, header, isHeaderCertain: valid.includes(header), headerSlots }
  }
  const header = valid[0] ?? damaged[0]
  const isHeaderCertain = valid.length > 0
  const partial = header && partialMeta(pages, header.meta.page)
  const searched = yield* searchPages(pages)
  if (partial !== undefined && partial.tables.length > 0 && score(pages, partial) >= (searched?.score ?? 0)) {
    const { families, tables } = partial
    return { source: 'damaged', families, tables, free: undefined, header, isHeaderCertain, headerSlots }
  }
  const lost = { free: undefined, header: undefined, isHeaderCertain: false, headerSlots }
  if (searched === undefined) return { source: 'none', families: [], tables: [], ...lost }
  const { families, tables } = searched.meta
  return { source: 'found', families, tables, ...lost }
}

/** The headers, the newest first. */
function readSlots(pages: SourcePages): { valid: Header[]; damaged: Header[] } {
  const valid: Header[] = []
  const damaged: Header[] = []
  for (let slot = 0; slot < HEADER_SLOTS; slot++) {
    const bytes = new Uint8Array(PAGE_BYTES)
    if (readUpTo(pages.file, bytes, slot * PAGE_BYTES) < PAGE_BYTES) continue
    const reading = decodeHeader(bytes)
    if (reading.state === 'newer') throw newerFormat(pages.file.path, reading.version)
    const header = reading.state === 'valid' ? reading.header : readDamagedHeader(bytes)
    if (header !== undefined) (reading.state === 'valid' ? valid : damaged).push(header)
  }
  const byAge = (a: Header, b: Header): number => b.generation - a.generation
  return { valid: valid.sort(byAge), damaged: damaged.sort(byAge) }
}

function wholeMeta(pages: SourcePages, header: Header): ReturnType<typeof readMetaExtent> | undefined {
  try {
    return readMetaExtent(pages.file, header)
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error
    return undefined
  }
}

function partialMeta(pages: SourcePages, page: number): PartialMeta {
  const bytes = new Uint8Array(Math.max(0, Math.min(META_BYTES_MAX, pages.file.size() - page * PAGE_BYTES)))
  return readPartialMeta(bytes.subarray(0, readUpTo(pages.file, bytes, page * PAGE_BYTES)), pages.count)
}

interface Searched {
  readonly page: number
  readonly meta: PartialMeta
  readonly score: number
}

/** The catalog, in any page, of which the most roots are as it says; of several the newest, as far as that can be known. */
function* searchPages(pages: SourcePages): Generator<void, Searched | undefined> {
  let best: Searched | undefined
  const first = new Uint8Array(PAGE_BYTES)
  for (let page = HEADER_SLOTS; page < pages.count; page++) {
    yield
    const found = first.subarray(0, readUpTo(pages.file, first, page * PAGE_BYTES))
    // What a whole catalog begins with tells it from most pages at little cost.
    if (readPartialMeta(found, pages.count).families.length === 0) continue
    const meta = partialMeta(pages, page)
    if (meta.end === undefined) continue
    const searched = { page, meta, score: score(pages, meta) }
    if (searched.score === 0) continue
    const isBetter = best === undefined || searched.score > best.score
    if (isBetter || (searched.score === best!.score && isNewer(searched, best!))) best = searched
  }
  return best
}

/** A page that a catalog uses and that another one neither uses nor has free came into the file after that other one. */
function isNewer(a: Searched, b: Searched): boolean {
  const known = new Set(usedPages(b))
  const { free } = b.meta.end!
  for (const page of usedPages(a)) if (!known.has(page) && !contains(free, page)) return true
  return false
}

function usedPages({ page, meta }: Searched): number[] {
  return [page, ...meta.tables.filter(({ root }) => root.height > 0).map(({ root }) => root.page)]
}

function contains(list: ExtentList, page: number): boolean {
  for (let i = 0; i < list.length; i++) {
    if (page >= list.first(i) && page < list.first(i) + list.count(i)) return true
  }
  return false
}

/** Tables whose root is as the catalog says. */
function score(pages: SourcePages, { tables }: PartialMeta): number {
  let count = 0
  for (const { root } of tables) if (root.height > 0 && pages.checksum(root.page) === root.checksum) count++
  return count
}

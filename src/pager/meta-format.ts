import { CODEC_ID_BYTES_MAX, ID_MAX, NAME_BYTES_MAX, POSITION_MAX } from '../base/limits.ts'
import { ExtentList } from './extent-list.ts'
import { ByteReader } from './number-coding.ts'
import type { ByteWriter } from './number-coding.ts'
import { HEIGHT_MAX, PAGE_COUNT_MAX } from './page-format.ts'

/**
 * The meta extent: the catalog, then the map of free pages. Numbers are written with 7 bits a byte, the lowest first,
 * bit 7 set in all but the last byte; strings as their length in bytes, then UTF-8.
 *
 * ```
 *  catalog    next family id, next table id,
 *             count of families, per family: id, name
 *             count of tables, per table: id, family id, kind, name, key codec, value codec, root
 *  root       height; where it is not zero: page, checksum (4 bytes), entries, flags (bit 0: overflow)
 *  free map   count of runs, per run: pages since the end of the one before, pages in it
 * ```
 */
export interface TreeRoot {
  /** Zero in an empty tree. */
  readonly page: number
  /** Signed, as in memory. */
  readonly checksum: number
  /** Levels: 0 empty, 1 a leaf alone. */
  readonly height: number
  readonly entries: number
  /** Some leaf may refer to overflow extents. */
  readonly overflow: boolean
}

export const EMPTY_ROOT: TreeRoot = { page: 0, checksum: 0, height: 0, entries: 0, overflow: false }

export interface CatalogFamily {
  readonly id: number
  readonly name: string
}

export interface CatalogTable {
  readonly id: number
  readonly familyId: number
  readonly kind: number
  readonly name: string
  readonly keyCodec: string
  readonly valueCodec: string
  readonly root: TreeRoot
}

export interface Catalog {
  readonly nextFamilyId: number
  readonly nextTableId: number
  readonly families: readonly CatalogFamily[]
  readonly tables: readonly CatalogTable[]
}

export const EMPTY_CATALOG: Catalog = { nextFamilyId: 1, nextTableId: 1, families: [], tables: [] }

const OVERFLOW_FLAG = 1
/** What a later version may add, this one would misread. */
const TABLE_KIND = 0

export function writeCatalog(writer: ByteWriter, catalog: Catalog): void {
  writer.number(catalog.nextFamilyId)
  writer.number(catalog.nextTableId)
  writer.number(catalog.families.length)
  for (const family of catalog.families) {
    writer.number(family.id)
    writer.string(family.name)
  }
  writer.number(catalog.tables.length)
  for (const table of catalog.tables) writeTable(writer, table)
}

function writeTable(writer: ByteWriter, table: CatalogTable): void {
  writer.number(table.id)
  writer.number(table.familyId)
  writer.number(table.kind)
  writer.string(table.name)
  writer.string(table.keyCodec)
  writer.string(table.valueCodec)
  const { root } = table
  writer.number(root.height)
  if (root.height === 0) return
  writer.number(root.page)
  writer.word(root.checksum)
  writer.number(root.entries)
  writer.number(root.overflow ? OVERFLOW_FLAG : 0)
}

/** Writes runs that are in order. */
export function writeFreeMap(writer: ByteWriter, extents: ExtentList): void {
  writer.number(extents.length)
  let end = 0
  for (let i = 0; i < extents.length; i++) {
    writer.number(extents.first(i) - end)
    writer.number(extents.count(i))
    end = extents.first(i) + extents.count(i)
  }
}

export interface Meta {
  readonly catalog: Catalog
  readonly free: ExtentList
}

/** Decodes a meta extent of a file of `pageCount` pages. `fail` throws. */
export function readMeta(
  bytes: Uint8Array,
  pageCount: number,
  fail: (offset: number, expected: string, found: string) => never,
): Meta {
  const reader = new ByteReader(bytes, fail)
  const catalog = readCatalog(reader, pageCount, [], [])
  checkCatalog(catalog, (expected, found) => fail(0, expected, found))
  const free = readFreeMap(reader, pageCount, fail)
  if (reader.left !== 0) fail(reader.offset, 'the end', `${reader.left} bytes more`)
  return { catalog, free }
}

/** What can be read of bytes that begin as a meta extent does and may be damaged, or end anywhere. */
export interface PartialMeta {
  readonly families: readonly CatalogFamily[]
  readonly tables: readonly CatalogTable[]
  /** Where it could be read to its end: its free map, and the length of the whole of it. */
  readonly end: { readonly free: ExtentList; readonly bytes: number } | undefined
}

export function readPartialMeta(bytes: Uint8Array, pageCount: number): PartialMeta {
  const families: CatalogFamily[] = []
  const tables: CatalogTable[] = []
  const fail = (): never => {
    throw UNREADABLE
  }
  try {
    const reader = new ByteReader(bytes, fail)
    readCatalog(reader, pageCount, families, tables)
    const free = readFreeMap(reader, pageCount, fail)
    return { families, tables, end: { free, bytes: reader.offset } }
  } catch (error) {
    if (error !== UNREADABLE) throw error
    return { families, tables, end: undefined }
  }
}

const UNREADABLE = new Error('the catalog cannot be read on')

function readCatalog(
  reader: ByteReader,
  pageCount: number,
  families: CatalogFamily[],
  tables: CatalogTable[],
): Catalog {
  const nextFamilyId = reader.number(ID_MAX + 1)
  const nextTableId = reader.number(ID_MAX + 1)
  for (let left = reader.number(reader.left); left > 0; left--) {
    families.push({ id: reader.number(ID_MAX), name: reader.string(NAME_BYTES_MAX) })
  }
  for (let left = reader.number(reader.left); left > 0; left--) tables.push(readTable(reader, pageCount))
  return { nextFamilyId, nextTableId, families, tables }
}

/**
 * That ids and names are what a writer gives: once each, and below the next. Whoever takes one for another would read or
 * free a tree that is not the table's.
 */
function checkCatalog(
  { families, tables, nextFamilyId, nextTableId }: Catalog,
  fail: (expected: string, found: string) => never,
): void {
  const familyIds = new Set<number>()
  const tableIds = new Set<number>()
  const names = new Set<string>()
  const once = <K>(keys: Set<K>, key: K, what: string): void => {
    if (keys.has(key)) fail(`${what} once`, `${String(key)} twice`)
    keys.add(key)
  }
  for (const { id, name } of families) {
    if (id >= nextFamilyId) fail(`ids of families below ${nextFamilyId}`, `${id}`)
    if (name === '') fail('a name of each family', 'none')
    once(familyIds, id, 'each id of a family')
    once(names, name, 'each name of a family')
  }
  for (const { id, familyId, kind, name } of tables) {
    if (id >= nextTableId) fail(`ids of tables below ${nextTableId}`, `${id}`)
    if (name === '') fail('a name of each table', 'none')
    if (kind !== TABLE_KIND) fail(`tables of kind ${TABLE_KIND}`, `${kind}`)
    if (!familyIds.has(familyId)) fail('families of all tables', `a table of family ${familyId}`)
    once(tableIds, id, 'each id of a table')
    once(names, `${familyId}\0${name}`, 'each name of a table')
  }
}

function readTable(reader: ByteReader, pageCount: number): CatalogTable {
  return {
    id: reader.number(ID_MAX),
    familyId: reader.number(ID_MAX),
    kind: reader.number(255),
    name: reader.string(NAME_BYTES_MAX),
    keyCodec: reader.string(CODEC_ID_BYTES_MAX),
    valueCodec: reader.string(CODEC_ID_BYTES_MAX),
    root: readRoot(reader, pageCount),
  }
}

function readRoot(reader: ByteReader, pageCount: number): TreeRoot {
  const height = reader.number(HEIGHT_MAX)
  if (height === 0) return EMPTY_ROOT
  const page = reader.number(Math.max(0, pageCount - 1))
  const checksum = reader.word()
  const entries = reader.number(POSITION_MAX)
  return { page, checksum, height, entries, overflow: reader.number(OVERFLOW_FLAG) === OVERFLOW_FLAG }
}

function readFreeMap(
  reader: ByteReader,
  pageCount: number,
  fail: (offset: number, expected: string, found: string) => never,
): ExtentList {
  const free = new ExtentList()
  let end = 0
  for (let left = reader.number(reader.left); left > 0; left--) {
    const first = end + reader.number(PAGE_COUNT_MAX)
    const count = reader.number(PAGE_COUNT_MAX)
    if (first < 2 || count === 0 || first + count > pageCount)
      fail(reader.offset, 'free pages in the file', `${count} from ${first}`)
    free.push(first, count)
    end = first + count
  }
  return free
}

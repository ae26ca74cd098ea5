import assert from 'node:assert/strict'
import type { Database, ErrorCode, TableDefinition } from '../../src/index.ts'
import { DatabaseError } from '../../src/index.ts'
import { SimulatedDisk } from '../../src/platform/simulated/disk.ts'
import { blobs, documents, numbers, PATH, visits, words } from '../support/open.ts'

/** The files of a database, by path. */
export type Files = ReadonlyMap<string, Uint8Array>

type AnyTable = TableDefinition<unknown, unknown>
const TABLES: ReadonlyMap<string, AnyTable> = new Map(
  [words, numbers, blobs, documents, visits].map(each => [each.name, each as AnyTable]),
)

/** All that a reader finds: by 'family/table', keys and values in order. */
export type Contents = ReadonlyMap<string, readonly (readonly [key: unknown, value: unknown])[]>

/** How a damaged database may answer. Anything else, above all wrong data, is a failure. */
export const REFUSALS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'MANIFOLD_CORRUPTION',
  'MANIFOLD_NOT_A_DATABASE',
  'MANIFOLD_VERSION',
  'MANIFOLD_LOG_MISSING',
])

/** That an error is one of those, and that damage is told with its place. */
export function checkRefusal(error: unknown): DatabaseError {
  assert.ok(error instanceof DatabaseError, error instanceof Error ? error.stack : String(error))
  assert.ok(REFUSALS.has(error.code), `${error.code}: ${error.message}`)
  if (error.code !== 'MANIFOLD_CORRUPTION') return error
  const { file, offset, expected, found } = error
  assert.ok(file?.startsWith(PATH) && offset !== undefined && offset >= 0, error.message)
  assert.ok(expected !== undefined && found !== undefined, error.message)
  return error
}

export function contentsOf(db: Database): Contents {
  const contents = new Map<string, (readonly [unknown, unknown])[]>()
  for (const family of db.columnFamilies()) {
    for (const name of db.columnFamily(family).tables()) {
      contents.set(`${family}/${name}`, db.columnFamily(family).table(TABLES.get(name)!).range().toArray())
    }
  }
  return contents
}

export function filesOf(disk: SimulatedDisk): Files {
  const paths = disk.listSync('/data').map(name => `/data/${name}`)
  return new Map(paths.filter(path => !path.endsWith('-lock')).map(path => [path, disk.contents(path)]))
}

/** A disk with these files, but for one that stands in `changed`; a file that is undefined there is missing. */
export function diskOf(files: Files, changed: ReadonlyMap<string, Uint8Array | undefined> = new Map()): SimulatedDisk {
  const left = new Map<string, Uint8Array>()
  for (const [path, bytes] of [...files, ...changed]) {
    if (bytes === undefined) left.delete(path)
    else left.set(path, bytes)
  }
  return new SimulatedDisk({}, left)
}

/** Two entries are the same. */
function sameValue(a: unknown, b: unknown): boolean {
  if (typeof a !== 'object') return a === b
  if (a instanceof Uint8Array) return b instanceof Uint8Array && Buffer.compare(a, b) === 0
  return JSON.stringify(a) === JSON.stringify(b)
}

/**
 * Reads everything in every way. Each read gives what is in `expected` or refuses; returns how many refused. `where` says
 * what was damaged.
 */
export function checkReads(db: Database, expected: Contents, where: string): number {
  const names: string[] = []
  let refused = 0
  for (const family of db.columnFamilies()) {
    for (const name of db.columnFamily(family).tables()) {
      const entries = expected.get(`${family}/${name}`)
      assert.ok(entries !== undefined, `${where}: there is a table ${family}/${name}`)
      names.push(`${family}/${name}`)
      if (!tableIsRight(db, family, name, entries, where)) refused++
    }
  }
  assert.equal(names.length, expected.size, `${where}: only ${names.join(', ')}`)
  return refused
}

function tableIsRight(
  db: Database,
  family: string,
  name: string,
  entries: Contents extends ReadonlyMap<string, infer E> ? E : never,
  where: string,
): boolean {
  const target = db.columnFamily(family).table(TABLES.get(name)!)
  const wrong = (what: string): never => assert.fail(`${where}: wrong ${what} in ${family}/${name}`)
  let at = 0
  try {
    for (const [key, value] of target.range()) {
      const entry = entries[at++]
      if (entry === undefined || !sameValue(entry[0], key) || !sameValue(entry[1], value)) wrong(`entry ${at - 1}`)
    }
    if (at !== entries.length) wrong('number of entries')
    return true
  } catch (error) {
    checkRefusal(error)
  }
  // What can still be read one by one, or from the other end, must be right, too.
  for (const [key, value] of entries) {
    try {
      if (!sameValue(target.get(key), value)) wrong('value')
    } catch (error) {
      checkRefusal(error)
    }
  }
  try {
    at = entries.length
    for (const [key, value] of target.range({ reverse: true })) {
      const entry = entries[--at]
      if (entry === undefined || !sameValue(entry[0], key) || !sameValue(entry[1], value)) wrong('last entries')
    }
    wrong('end of the last entries')
  } catch (error) {
    checkRefusal(error)
  }
  return false
}

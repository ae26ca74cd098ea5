import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { usePlatform } from '../../src/api/database.ts'
import type { ColumnFamily, JournalMode, TableDefinition } from '../../src/index.ts'
import { Database } from '../../src/index.ts'
import { DATA_FORMAT_VERSION } from '../../src/pager/header-format.ts'
import { SEGMENT_FORMAT_VERSION } from '../../src/wal/segment-format.ts'
import { Pager } from '../../src/pager/pager.ts'
import { SimulatedDisk } from '../../src/platform/simulated/disk.ts'
import { simulatedPlatform } from '../../src/platform/simulated/simulated-platform.ts'
import { checkPages } from '../support/pages.ts'
import { projectPath } from '../support/project.ts'
import * as golden from './golden-script.ts'

/**
 * Golden files: databases that an earlier build wrote. A file that no longer opens means that the format has changed and
 * needs a new version; bytes that differ while everything still opens mean that the same format is laid out in another
 * way, which is allowed. Either way MANIFOLD_WRITE_GOLDEN=1 writes them anew, and the change is reviewed with its reason.
 */
const GOLDEN = projectPath('test', 'format', 'golden')
const CURRENT = `data-${DATA_FORMAT_VERSION}-log-${SEGMENT_FORMAT_VERSION}`
/** All that were ever written: what could be opened once can be opened for ever. */
const VERSIONS = ['data-1-log-1', CURRENT]
const REWRITES = process.env['MANIFOLD_WRITE_GOLDEN'] === '1'
const SEED = 20_240_229

interface GoldenDatabase {
  readonly name: string
  readonly write: (db: Database) => Promise<void>
  readonly closes: boolean
  readonly check: (db: Database) => void
}

const CLOSED: GoldenDatabase = { name: 'closed', write: golden.writeClosed, closes: true, check: checkClosed }
const UNCLEAN: GoldenDatabase = { name: 'unclean', write: golden.writeUnclean, closes: false, check: checkUnclean }

/** Files by their names behind the data file's: '' and '-wal0' and so on. */
type Files = Map<string, Uint8Array>

/** Runs the script on a machine of which nothing is left to chance, and returns the files that it leaves. */
async function written({ write, closes }: GoldenDatabase, mode: JournalMode): Promise<Files> {
  const platform = simulatedPlatform(SEED)
  usePlatform(platform)
  const db = await Database.open(golden.GOLDEN_PATH, { journal: { mode, segmentBytes: 64 * 1024 } })
  await write(db)
  if (closes) await db.close()
  // The next segment of the log is prepared after the commit that makes it needed.
  for (let turn = 0; turn < 100; turn++) await new Promise(resolve => setImmediate(resolve))
  const disk = platform.fileSystem
  const paths = disk.listSync(disk.dirname(golden.GOLDEN_PATH)).map(name => disk.join('/golden', name))
  const files: Files = new Map(paths.sort().map(file => [file.slice(golden.GOLDEN_PATH.length), disk.contents(file)]))
  disk.cutPower()
  return files
}

function goldenName(suffix: string): string {
  return suffix === '' ? 'data.bin' : `${suffix.slice(1)}.bin`
}

function readGolden({ name }: GoldenDatabase, version: string = CURRENT): Files {
  const files: Files = new Map()
  for (const file of readdirSync(path.join(GOLDEN, version, name)).sort()) {
    const suffix = file === 'data.bin' ? '' : `-${file.slice(0, -'.bin'.length)}`
    files.set(suffix, new Uint8Array(readFileSync(path.join(GOLDEN, version, name, file))))
  }
  return files
}

function writeGolden({ name }: GoldenDatabase, files: Files): void {
  const folder = path.join(GOLDEN, CURRENT, name)
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  for (const [suffix, bytes] of files) writeFileSync(path.join(folder, goldenName(suffix)), bytes)
}

function diskOf(files: Files): SimulatedDisk {
  return new SimulatedDisk({}, new Map([...files].map(([suffix, bytes]) => [`${golden.GOLDEN_PATH}${suffix}`, bytes])))
}

/** Where two files differ first, for a person to read. */
function firstDifference(name: string, found: Uint8Array, expected: Uint8Array): string | undefined {
  if (Buffer.compare(found, expected) === 0) return undefined
  const at = found.findIndex((byte, i) => byte !== expected[i])
  const where = at < 0 ? `length ${found.length} instead of ${expected.length}` : `byte ${at}`
  return `${name} differs at ${where}`
}

function entriesOf<K, V>(family: ColumnFamily, definition: TableDefinition<K, V>): [K, V][] {
  return family.table(definition).range().toArray()
}

function checkClosed(db: Database): void {
  assert.deepEqual(db.columnFamilies(), ['after', 'default', 'many'])
  assert.deepEqual(db.tables(), ['documents', ...golden.KEY_TABLES.map(({ definition }) => definition.name)].sort())
  const main = db.columnFamily('default')
  for (const { definition, ordered } of golden.KEY_TABLES) {
    assert.deepEqual(
      entriesOf(main, definition),
      ordered.map((key, i) => [key, `value ${i}`]),
    )
  }
  assert.deepEqual(entriesOf(main, golden.documents), golden.DOCUMENTS)
  const many = db.columnFamily('many')
  assert.deepEqual(many.tables(), ['blobs', 'deep', 'wide'])
  assert.deepEqual(
    entriesOf(many, golden.wide),
    Array.from({ length: golden.WIDE_COUNT }, (_, i) => [golden.wideKey(i), i]),
  )
  assert.deepEqual(
    entriesOf(many, golden.deep),
    golden.DEEP_KEYS.map((key, i) => [key, i]),
  )
  assert.deepEqual(
    entriesOf(many, golden.blobs),
    golden.BLOB_LENGTHS.map(length => [length, golden.blob(length)]),
  )
  assert.deepEqual(entriesOf(db.columnFamily('after'), golden.passing), [[1, 'stays']])
}

function checkUnclean(db: Database): void {
  assert.deepEqual(db.columnFamilies(), ['after', 'log'])
  const log = db.columnFamily('log')
  assert.deepEqual(log.tables(), ['blobs', 'documents', 'wide'])
  const wide = Array.from({ length: 50 }, (_, i) => [golden.wideKey(i), i === 20 ? 2000 : i] as const)
  assert.deepEqual(
    entriesOf(log, golden.wide),
    wide.filter((_, i) => i > 0 && (i < 10 || i >= 40 || i === 20)),
  )
  assert.deepEqual(entriesOf(log, golden.documents), [['new', { table: true }]])
  assert.deepEqual(
    entriesOf(log, golden.blobs),
    [1, 2].map(key => [key, golden.blob(50_000)]),
  )
  assert.deepEqual(entriesOf(db.columnFamily('after'), golden.passing), [[2, 'both or neither']])
}

for (const database of [CLOSED, UNCLEAN]) {
  for (const version of VERSIONS) {
    test(`the golden database '${database.name}' of ${version} opens, holds what it held, and takes writes`, async () => {
      if (REWRITES && version === CURRENT) writeGolden(database, await written(database, 'sync'))
      const disk = diskOf(readGolden(database, version))
      for (let round = 0; round < 3; round++) {
        const db = await Database.open(golden.GOLDEN_PATH, { fileSystem: disk, createIfMissing: false })
        database.check(db)
        await db.columnFamily(`round ${round}`).table(golden.wide).put('key', round)
        await db.dropColumnFamily(`round ${round}`)
        await db.close()
      }
      checkPages(disk, golden.GOLDEN_PATH)
    })
  }

  for (const mode of ['sync', 'async'] as const) {
    test(`the script of '${database.name}' writes the golden bytes, journal '${mode}'`, async () => {
      const [found, expected] = [await written(database, mode), readGolden(database)]
      assert.deepEqual([...found.keys()], [...expected.keys()])
      const differences = [...expected].map(([suffix, bytes]) =>
        firstDifference(goldenName(suffix), found.get(suffix)!, bytes),
      )
      assert.deepEqual(
        differences.filter(difference => difference !== undefined),
        [],
      )
    })
  }
}

test('the golden databases have what the format has', () => {
  const disk = diskOf(readGolden(CLOSED))
  const pager = Pager.openSync(disk, golden.GOLDEN_PATH, false)
  const heights = pager.catalog.tables.map(({ root }) => root.height)
  assert.equal(Math.max(...heights), 3, 'a branch above branches')
  assert.ok(heights.includes(1), 'a leaf alone')
  assert.ok(
    pager.catalog.tables.some(({ root }) => root.overflow),
    'overflow extents',
  )
  assert.ok(pager.freeSpace.extents().length > 0, 'free pages')
  assert.equal(pager.header.clean, true)
  pager.closeSync()
  assert.equal(Pager.openSync(diskOf(readGolden(UNCLEAN)), golden.GOLDEN_PATH, false).header.clean, false)
  assert.ok(readGolden(UNCLEAN).size > 3, 'a log of several segments')
})

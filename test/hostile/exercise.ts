import assert from 'node:assert/strict'
import type { Database, ErrorCode, KeyCodec } from '../../src/index.ts'
import { DatabaseError, table } from '../../src/index.ts'
import type { Bytes } from '../../src/index.ts'
import { salvage, verify } from '../../src/repair.ts'
import type { SimulatedDisk } from '../../src/platform/simulated/disk.ts'
import { openOn, PATH, words } from '../support/open.ts'
import { REFUSALS } from './contents.ts'
import { boundReads } from './watch.ts'

/** What stored bytes that do not fit their codec are refused with. */
const MISFITS: readonly ErrorCode[] = ['MANIFOLD_INVALID_KEY', 'MANIFOLD_INVALID_VALUE']
/** A name that no caller could have given. */
const NAMES: readonly ErrorCode[] = ['MANIFOLD_INVALID_ARGUMENT']
const FULL: readonly ErrorCode[] = ['MANIFOLD_NO_SPACE']

/** Calls that read which a hostile file of a few dozen pages may cost. */
const READS_MAX = 20_000
/** Entries of one table that it can have, however often its pages are reached. */
const ENTRIES_MAX = 20_000

/** Runs a step; what it throws must be one of the codes. */
async function tolerate<R>(
  what: string,
  codes: readonly ErrorCode[],
  step: () => R | Promise<R>,
): Promise<R | undefined> {
  try {
    return await step()
  } catch (error) {
    if (error instanceof assert.AssertionError) throw error
    assert.ok(error instanceof DatabaseError, `${what}: ${error instanceof Error ? error.stack : String(error)}`)
    assert.ok(
      REFUSALS.has(error.code) || codes.includes(error.code),
      `${what}: ${error.code}: ${error.stack} ${causeOf(error)}`,
    )
    return undefined
  }
}

function causeOf({ cause }: DatabaseError): string {
  return cause instanceof Error ? `cause: ${cause.stack}` : ''
}

function rawCodec(id: string): KeyCodec<Bytes> {
  return { id, ordered: true, encode: bytes => bytes, decode: bytes => bytes }
}

/** Reads a table by the codecs that it says it has. */
function readTable(db: Database, family: string, name: string): void {
  let definition = table<unknown, unknown>(name, words as never)
  try {
    db.columnFamily(family).table(definition)
  } catch (error) {
    if (!(error instanceof DatabaseError) || error.code !== 'MANIFOLD_TABLE_MISMATCH') throw error
    const [key, value] = error.expected!.split(', ')
    definition = table(name, { key: rawCodec(key!), value: rawCodec(value!) }) as never
  }
  const target = db.columnFamily(family).table(definition)
  let entries = 0
  for (const _ of target.range()) assert.ok(++entries < ENTRIES_MAX, `${family}/${name} has no end`)
  for (const _ of target.range({ reverse: true }))
    assert.ok(++entries < 2 * ENTRIES_MAX, `${family}/${name} has no beginning`)
  target.count()
}

/** Opens the files, reads all of it, writes to each family, checkpoints and closes. Every step may be refused. */
export async function exercise(disk: SimulatedDisk): Promise<void> {
  boundReads(disk, READS_MAX)
  const db = await tolerate('open', FULL, () => openOn(disk, 'sync', { createIfMissing: false }))
  if (db === undefined) return
  for (const family of db.columnFamilies()) {
    const names = await tolerate('tables', NAMES, () => db.columnFamily(family).tables())
    for (const name of names ?? []) await tolerate('read', [...MISFITS, ...NAMES], () => readTable(db, family, name))
  }
  await tolerate('write', [...FULL, 'MANIFOLD_TABLE_MISMATCH', ...NAMES], () => db.table(words).put('new', 'value'))
  await tolerate('checkpoint', [...FULL, 'MANIFOLD_POISONED'], () => db.checkpoint())
  for (const family of db.columnFamilies()) {
    await tolerate('drop', [...FULL, 'MANIFOLD_POISONED', ...NAMES], () => db.dropColumnFamily(family))
  }
  await tolerate('close', [...FULL, 'MANIFOLD_POISONED'], () => db.close())
}

/** Verifies the files and salvages them. */
export async function examine(disk: SimulatedDisk): Promise<void> {
  boundReads(disk, READS_MAX)
  await tolerate('verify', [], () => verify(PATH, { fileSystem: disk }))
  boundReads(disk, READS_MAX)
  await tolerate('salvage', FULL, () => salvage(PATH, '/data/salvaged', { fileSystem: disk, unverified: true }))
}

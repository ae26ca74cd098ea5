import type { Bytes, JournalMode, OpenOptions, Table } from '../../src/index.ts'
import { bytes, Database, json, table, tuple, uint, utf8 } from '../../src/index.ts'
import { SimulatedDisk } from '../../src/platform/simulated/disk.ts'
import type { SimulatedDiskOptions } from '../../src/platform/simulated/disk.ts'

/** Where the tests' databases lie on a simulated disk. */
export const PATH = '/data/app.manifold'

export const words = table('words', { key: utf8, value: utf8 })
export const numbers = table('numbers', { key: uint, value: uint })
export const blobs = table('blobs', { key: uint, value: bytes })
export const documents = table('documents', { key: utf8, value: json() })
export const visits = table('visits', { key: tuple(utf8, uint), value: utf8 })

const RUNS = Number(process.env['MANIFOLD_TEST_RUNS'] ?? 1)
/** What MANIFOLD_TEST_RUNS is in a long run that sets none. */
const LONG_RUNS = 50

/**
 * How often a test of chance runs: its own default, times MANIFOLD_TEST_RUNS. With a number of its own for the long run,
 * MANIFOLD_TEST_RUNS=50, it is in between for what is in between.
 */
export function runs(usual: number, long: number = usual * LONG_RUNS): number {
  return Math.ceil(RUNS <= 1 ? usual * RUNS : usual + ((long - usual) * (RUNS - 1)) / (LONG_RUNS - 1))
}

export function newDisk(options?: SimulatedDiskOptions): SimulatedDisk {
  return new SimulatedDisk(options)
}

/** Opens the database on the disk, with small segments, so that tests reach their ends. */
export function openOn(
  disk: SimulatedDisk,
  journal: JournalMode,
  options: OpenOptions = {},
  path: string = PATH,
): Promise<Database> {
  return Database.open(path, {
    fileSystem: disk,
    journal: { mode: journal, segmentBytes: 64 * 1024 },
    pageCacheBytes: 64 * 8192,
    ...options,
  })
}

/** Runs `body` for every journal named, with a database on an empty disk of its own, which is closed afterwards. */
export async function withDatabase(
  journal: JournalMode,
  body: (db: Database, disk: SimulatedDisk) => void | Promise<void>,
  options: OpenOptions = {},
): Promise<void> {
  const disk = newDisk()
  const db = await openOn(disk, journal, options)
  try {
    await body(db, disk)
  } finally {
    await db.close()
  }
}

export const JOURNALS: readonly JournalMode[] = ['sync', 'async', 'off']
/** Those with a log. */
export const LOGS: readonly JournalMode[] = ['sync', 'async']

/** Bytes that differ from one number to the next. */
export function fill(length: number, seed: number): Bytes {
  const array = new Uint8Array(length)
  for (let i = 0; i < length; i++) array[i] = (seed * 31 + i * 7 + (i >>> 8)) & 0xff
  return array
}

/** All entries of a table of words. */
export function entriesOf(target: Pick<Table<string, string>, 'range'>): [string, string][] {
  return target.range().toArray()
}

/** Lets everything that is queued run: microtasks and a few turns of the event loop. */
export async function turns(count = 3): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise<void>(resolve => void setImmediate(resolve))
}

/** How a promise stands after some turns: whether it has settled, and how. */
export async function stateOf(promise: Promise<unknown>, count = 5): Promise<'pending' | 'resolved' | 'rejected'> {
  let state: 'pending' | 'resolved' | 'rejected' = 'pending'
  promise.then(
    () => (state = 'resolved'),
    () => (state = 'rejected'),
  )
  await turns(count)
  return state
}

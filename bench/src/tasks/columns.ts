import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { Database } from '../engine.ts'
import type { Durability } from '../engine.ts'
import type { Figures } from '../processes.ts'
import { Values, keysOf } from '../workload.ts'
import type { Order } from '../workload.ts'
import { report } from './report.ts'
import { databasePath, familyName, writeStream } from './store.ts'

export interface ColumnsParameters {
  readonly directory: string
  readonly families: number
  /** Entries per family. */
  readonly writes: number
  readonly batch: number
  readonly valueBytes: number
  readonly order: Order
  readonly durability: Durability
  /** Default: the database's own. */
  readonly journal?: 'sync' | 'async'
  /** Repeats until this much write time has been measured. */
  readonly milliseconds: number
  /** Starts no repetition after this much time, set-up and closing included. */
  readonly millisecondsMax?: number
  /** Leaves the last repetition's database, closed, in `directory`/last. */
  readonly keepLast?: boolean
}

/** Not counted: the first repetitions meet cold memory and code that is not compiled yet. The native rivals have the same. */
const WARM_SECONDS = 0.5

/** Seconds from the first write to the last acknowledgement on a fresh database. */
async function once(
  parameters: ColumnsParameters,
  directory: string,
  keys: readonly Float64Array[],
  values: Values,
): Promise<number> {
  rmSync(directory, { recursive: true, force: true })
  mkdirSync(directory)
  const { journal } = parameters
  const db = await Database.open(databasePath(directory), journal === undefined ? {} : { journal })
  const begin = performance.now()
  await Promise.all(
    keys.map((own, i) =>
      writeStream(db.columnFamily(familyName(i)), i, own, values, parameters.batch, parameters.durability),
    ),
  )
  const seconds = (performance.now() - begin) / 1000
  await db.close()
  return seconds
}

/** The column-family benchmark: one concurrent writer per family, each awaiting its commits. */
export async function columns(parameters: ColumnsParameters): Promise<Figures> {
  const { families, writes, order, milliseconds, millisecondsMax = Infinity } = parameters
  const values = new Values(parameters.valueBytes)
  const keys = Array.from({ length: families }, (_, i) => keysOf(i, writes, order))
  const directory = join(parameters.directory, 'last')
  const begin = performance.now()
  for (let warmed = 0; warmed < WARM_SECONDS && performance.now() - begin < millisecondsMax / 2;)
    warmed += await once(parameters, directory, keys, values)
  const repetitions: number[] = []
  let seconds = 0
  do {
    const took = await once(parameters, directory, keys, values)
    seconds += took
    repetitions.push((families * writes) / took)
    report(
      String(Math.min(1, Math.max(seconds / (milliseconds / 1000), (performance.now() - begin) / millisecondsMax))),
    )
  } while (seconds * 1000 < milliseconds && performance.now() - begin < millisecondsMax)
  if (parameters.keepLast !== true) rmSync(directory, { recursive: true, force: true })
  return { entriesPerSecond: (families * writes * repetitions.length) / seconds, repetitions, seconds }
}

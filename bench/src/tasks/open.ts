import { performance } from 'node:perf_hooks'
import { Database } from '../engine.ts'
import type { Figures } from '../processes.ts'
import { Values, keyAt } from '../workload.ts'
import type { Order } from '../workload.ts'
import { report } from './report.ts'
import { ENTRIES, databasePath } from './store.ts'

export interface FillParameters {
  readonly directory: string
  readonly entries: number
  readonly valueBytes: number
  readonly order: Order
  /** Absent: the default, with checkpoints on the way. */
  readonly writeBufferBytes?: number
  /** `wait`: stays open and says so, to be killed. */
  readonly end: 'close' | 'wait'
}

/** Writes many entries without holding their keys. */
export async function fill(parameters: FillParameters): Promise<Figures> {
  const { directory, entries, order, writeBufferBytes } = parameters
  const values = new Values(parameters.valueBytes)
  const db = await Database.open(databasePath(directory), writeBufferBytes === undefined ? {} : { writeBufferBytes })
  for (let begin = 0; begin < entries; begin += 1000) {
    const end = Math.min(entries, begin + 1000)
    await db.write(
      txn => {
        const table = txn.table(ENTRIES)
        for (let i = begin; i < end; i++) table.put(keyAt(0, i, order), values.at(0, i))
      },
      { durability: 'none' },
    )
    if (end % 100_000 === 0) report(String(end / entries))
  }
  if (parameters.end === 'close') {
    await db.close()
    return {}
  }
  report('open')
  // A timer holds the process until it is killed.
  return new Promise(() => setInterval(() => {}, 60_000))
}

/** Opens a database that was killed, in a process that has not run the engine before, as after a real crash. */
export async function recover(parameters: {
  readonly directory: string
  readonly entries: number
  readonly writeBufferBytes: number
}): Promise<Figures> {
  const begin = performance.now()
  const db = await Database.open(databasePath(parameters.directory), { writeBufferBytes: parameters.writeBufferBytes })
  const seconds = (performance.now() - begin) / 1000
  const count = db.table(ENTRIES).count()
  if (count !== parameters.entries)
    throw new Error(`recovery brought ${count} entries instead of ${parameters.entries}`)
  return { seconds, entriesPerSecond: count / seconds }
}

/** Opens and closes, again and again; the first time stands apart because the code is not compiled yet. */
export async function openTimes(parameters: {
  readonly directory: string
  readonly milliseconds: number
}): Promise<Figures> {
  const times: number[] = []
  const begin = performance.now()
  do {
    const opened = performance.now()
    const db = await Database.open(databasePath(parameters.directory))
    times.push((performance.now() - opened) / 1000)
    // A read proves that what was opened is usable.
    if (db.table(ENTRIES).first() === undefined) throw new Error('the database that was opened is empty')
    await db.close()
  } while (performance.now() - begin < parameters.milliseconds)
  const [first, ...warm] = times
  return {
    firstSeconds: first,
    warmSeconds: warm.length === 0 ? first : warm.toSorted((a, b) => a - b)[warm.length >> 1],
    opens: times.length,
  }
}

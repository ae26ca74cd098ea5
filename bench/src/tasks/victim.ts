import { Database } from '../engine.ts'
import type { Durability } from '../engine.ts'
import type { Figures } from '../processes.ts'
import { Values, keysOf } from '../workload.ts'
import type { Order } from '../workload.ts'
import { report } from './report.ts'
import { ENTRIES, databasePath, familyName } from './store.ts'

export interface VictimParameters {
  readonly directory: string
  readonly families: number
  readonly writes: number
  readonly batch: number
  readonly valueBytes: number
  readonly order: Order
  readonly durability: Durability
}

/**
 * The column-family run of a process that will be killed: each transaction is reported when it is issued and when it is
 * acknowledged.
 */
export async function victim(parameters: VictimParameters): Promise<Figures> {
  const { directory, families, writes, batch, order, durability } = parameters
  const values = new Values(parameters.valueBytes)
  const db = await Database.open(databasePath(directory))
  const run = async (stream: number): Promise<void> => {
    const keys = keysOf(stream, writes, order)
    const family = db.columnFamily(familyName(stream))
    for (let begin = 0; begin < writes; begin += batch) {
      report(`issued ${stream}`)
      await family.write(
        txn => {
          const entries = txn.table(ENTRIES)
          for (let i = begin; i < begin + batch; i++) entries.put(keys[i]!, values.at(stream, i))
        },
        { durability },
      )
      report(`acknowledged ${stream}`)
    }
  }
  await Promise.all(Array.from({ length: families }, (_, i) => run(i)))
  await db.close()
  return {}
}

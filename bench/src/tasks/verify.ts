import { performance } from 'node:perf_hooks'
import { Database } from '../engine.ts'
import type { ColumnFamily } from '../engine.ts'
import type { Figures } from '../processes.ts'
import { Values, keyAt } from '../workload.ts'
import type { Order } from '../workload.ts'
import { ENTRIES, databasePath, familyName } from './store.ts'

/**
 * How many transactions of one family may be there: none that was acknowledged is lost, none that was never issued
 * appears.
 */
export interface Issued {
  readonly acknowledged: number
  readonly issued: number
}

export interface VerifyParameters {
  readonly directory: string
  readonly batch: number
  readonly valueBytes: number
  readonly order: Order
  readonly families: readonly Issued[]
}

/** A family holds a whole number of transactions, a prefix of what was issued, every entry with its own value. */
function verifyFamily(
  family: ColumnFamily,
  stream: number,
  bounds: Issued,
  parameters: VerifyParameters,
  values: Values,
): string[] {
  const entries = family.table(ENTRIES)
  const { batch, order } = parameters
  const count = entries.count()
  const transactions = Math.floor(count / batch)
  const faults: string[] = []
  if (count % batch !== 0) faults.push(`${family.name} holds ${count} entries, not a whole number of transactions`)
  if (transactions < bounds.acknowledged)
    faults.push(`${family.name} lost acknowledged transactions: ${transactions} of ${bounds.acknowledged}`)
  if (transactions > bounds.issued)
    faults.push(`${family.name} holds ${transactions} transactions, more than the ${bounds.issued} issued`)
  let wrong = 0
  for (let i = 0; i < transactions * batch; i++) {
    const found = entries.get(keyAt(stream, i, order))
    if (found === undefined || Buffer.compare(found, values.at(stream, i)) !== 0) wrong++
  }
  if (wrong > 0) faults.push(`${family.name}: ${wrong} entries are missing or hold another value`)
  return faults
}

export async function verify(parameters: VerifyParameters): Promise<Figures> {
  const values = new Values(parameters.valueBytes)
  const begin = performance.now()
  const db = await Database.open(databasePath(parameters.directory), { createIfMissing: false })
  const openSeconds = (performance.now() - begin) / 1000
  const faults = parameters.families.flatMap((bounds, i) =>
    verifyFamily(db.columnFamily(familyName(i)), i, bounds, parameters, values),
  )
  const entries = parameters.families.reduce(
    (sum, _, i) => sum + db.columnFamily(familyName(i)).table(ENTRIES).count(),
    0,
  )
  const verifySeconds = (performance.now() - begin) / 1000 - openSeconds
  await db.close()
  return { faults, entries, openSeconds, verifySeconds }
}

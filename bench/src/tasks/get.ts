import type { Figures } from '../processes.ts'
import { lookupsOf } from '../workload.ts'
import { filled } from './filled.ts'
import type { FilledParameters } from './filled.ts'
import { measure, sink } from './measure.ts'
import { ENTRIES } from './store.ts'

/** Random gets of keys that are there; each returns a copy of the value. */
export async function get(parameters: FilledParameters & { readonly milliseconds: number }): Promise<Figures> {
  const db = await filled(parameters)
  const entries = db.table(ENTRIES)
  const lookups = lookupsOf(parameters.entries)
  const getsPerSecond = measure(parameters.milliseconds, lookups.length, () => {
    for (let i = 0; i < lookups.length; i++) {
      const value = entries.get(lookups[i]!)
      if (value === undefined) throw new Error(`the key ${lookups[i]} is not found`)
      sink.sum += value.length + value[0]!
    }
  })
  await db.close()
  return { getsPerSecond }
}

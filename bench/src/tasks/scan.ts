import type { Bytes, ReadTable } from '../engine.ts'
import type { Figures } from '../processes.ts'
import { filled } from './filled.ts'
import type { FilledParameters } from './filled.ts'
import { checkSeen, measure, sink } from './measure.ts'
import { ENTRIES } from './store.ts'

function byRange(entries: ReadTable<number, Bytes>): number {
  let seen = 0
  for (const [key, value] of entries.range()) {
    sink.sum += key + value.length + value[0]!
    seen++
  }
  return seen
}

function byScan(entries: ReadTable<number, Bytes>): number {
  let seen = 0
  entries.scan({}, (key, value) => {
    sink.sum += key + value.length + value[0]!
    seen++
  })
  return seen
}

/** All entries in key order, key and value read. */
export async function scan(
  parameters: FilledParameters & { readonly milliseconds: number; readonly method: 'range' | 'scan' },
): Promise<Figures> {
  const db = await filled(parameters)
  const entries = db.table(ENTRIES)
  const pass = parameters.method === 'range' ? byRange : byScan
  const entriesPerSecond = measure(parameters.milliseconds, parameters.entries, () => {
    checkSeen(pass(entries), parameters.entries, parameters.method)
  })
  await db.close()
  return { entriesPerSecond }
}

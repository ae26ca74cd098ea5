import type { Figures } from '../processes.ts'
import { openStore } from '../stores/open.ts'
import { fillStore, fullScans } from './reads.ts'
import type { ReadsParameters } from './reads.ts'

/** All entries of a rival in key order, key and value read. */
export async function storeRange(parameters: ReadsParameters): Promise<Figures> {
  const store = await openStore(parameters.store, parameters)
  await fillStore(store, parameters.entries, parameters.valueBytes)
  await store.settle()
  const entriesPerSecond = await fullScans(store, parameters.entries, parameters.milliseconds)
  await store.close()
  return { entriesPerSecond }
}

import { performance } from 'node:perf_hooks'
import type { Figures } from '../processes.ts'
import { openStore } from '../stores/open.ts'
import type { StoreName } from '../stores/open.ts'
import type { StoreOptions } from '../stores/store.ts'
import { keyAt } from '../workload.ts'
import { fillStore } from './reads.ts'

export interface ReopenParameters extends StoreOptions {
  readonly store: StoreName
  readonly entries: number
  readonly valueBytes: number
}

/** Leaves a closed database. */
export async function leaveClosed(parameters: ReopenParameters): Promise<Figures> {
  const store = await openStore(parameters.store, parameters)
  await fillStore(store, parameters.entries, parameters.valueBytes)
  await store.close()
  return {}
}

/** Leaves what a killed process leaves. */
export async function leaveKilled(parameters: ReopenParameters): Promise<Figures> {
  const store = await openStore(parameters.store, parameters)
  await fillStore(store, parameters.entries, parameters.valueBytes)
  process.kill(process.pid, 'SIGKILL')
  return new Promise(() => setInterval(() => {}, 60_000))
}

/** Opens until the last entry that was written has been read. */
export async function reopen(parameters: ReopenParameters): Promise<Figures> {
  const begin = performance.now()
  const store = await openStore(parameters.store, parameters)
  const last = await store.get(keyAt(0, parameters.entries - 1, 'random'))
  const millis = performance.now() - begin
  if (last?.length !== parameters.valueBytes) throw new Error(`${parameters.store} has lost the last entry`)
  await store.close()
  return { millis }
}

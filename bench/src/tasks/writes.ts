import type { Figures } from '../processes.ts'
import type { StoreName } from '../stores/open.ts'
import { openStore } from '../stores/open.ts'
import type { Store, StoreOptions } from '../stores/store.ts'
import { Source, mix32 } from '../workload.ts'
import type { Order } from '../workload.ts'
import { sink } from './measure.ts'
import { inTurns } from './turns.ts'
import type { Step, TurnsParameters } from './turns.ts'

export interface WritesParameters extends StoreOptions, TurnsParameters {
  readonly store: StoreName
  readonly order: Order
  readonly valueBytes: number
  /** The writers get and overwrite, in turn, so many entries that were there before. */
  readonly mixedOver?: number
}

function stepOf(store: Store, parameters: WritesParameters): Step {
  const { batch, order, valueBytes, mixedOver } = parameters
  const source = new Source(order, valueBytes)
  if (mixedOver !== undefined) {
    return turn => {
      const index = mix32(turn) % mixedOver
      if (turn % 2 === 1) return store.put(source.key(index), source.value(turn))
      const found = store.get(source.key(index))
      if (found instanceof Promise) return found.then(value => void (sink.sum += value!.length))
      sink.sum += found!.length
      return undefined
    }
  }
  if (batch === 1) return turn => store.put(source.key(turn), source.value(turn))
  return turn => store.batch(source, turn * batch, (turn + 1) * batch)
}

async function preload(store: Store, parameters: WritesParameters): Promise<void> {
  const { mixedOver = 0, order, valueBytes } = parameters
  const source = new Source(order, valueBytes)
  for (let begin = 0; begin < mixedOver; begin += 1000) {
    await store.batch(source, begin, Math.min(mixedOver, begin + 1000))
  }
  if (mixedOver > 0) await store.settle()
}

/** Awaiting writers over the keys of one stream, each taking the next turn that no other has. */
export async function writes(parameters: WritesParameters): Promise<Figures> {
  const store = await openStore(parameters.store, parameters)
  await preload(store, parameters)
  const figures = await inTurns(parameters, stepOf(store, parameters))
  const grouping = parameters.level === 'synced' ? store.grouping?.() : undefined
  await store.close()
  return { ...figures, ...(grouping && { groupBytes: grouping.bytes, groupCommits: grouping.commits }) }
}

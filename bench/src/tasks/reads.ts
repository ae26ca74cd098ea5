import { performance } from 'node:perf_hooks'
import type { Figures } from '../processes.ts'
import { openStore } from '../stores/open.ts'
import type { StoreName } from '../stores/open.ts'
import type { Store, StoreOptions } from '../stores/store.ts'
import { Source, keysOf, lookupsOf } from '../workload.ts'
import { checkSeen, sink } from './measure.ts'

export interface ReadsParameters extends StoreOptions {
  readonly store: StoreName
  readonly entries: number
  readonly valueBytes: number
  readonly milliseconds: number
}

const RANGE_ENTRIES = 100
/** How often the clock is read: seldom enough not to be seen in the figure. */
const STRIDE = 100

export async function fillStore(store: Store, entries: number, valueBytes: number): Promise<void> {
  const source = new Source('random', valueBytes)
  for (let begin = 0; begin < entries; begin += 1000) await store.batch(source, begin, Math.min(entries, begin + 1000))
}

/** Operations per second over all `keys`, again and again, after as many as a third of the time holds. */
async function rate(
  keys: Float64Array,
  milliseconds: number,
  read: (key: number) => void | Promise<void>,
): Promise<number> {
  let position = 0
  const during = async (millis: number): Promise<number> => {
    const begin = performance.now()
    for (let count = 0; ;) {
      for (let i = 0; i < STRIDE; i++) {
        const answer = read(keys[position]!)
        if (answer instanceof Promise) await answer
        position = position + 1 === keys.length ? 0 : position + 1
      }
      count += STRIDE
      const elapsed = performance.now() - begin
      if (elapsed >= millis) return (count * 1000) / elapsed
    }
  }
  await during(milliseconds / 3)
  return during(milliseconds)
}

function reader(store: Store, expectedBytes: number | undefined): (key: number) => void | Promise<void> {
  const check = (value: Uint8Array | undefined): void => {
    if (value?.length !== expectedBytes) throw new Error(`a value of ${value?.length} bytes, not of ${expectedBytes}`)
    if (value !== undefined) sink.sum += value.length + value[0]!
  }
  return key => {
    const found = store.get(key)
    return found instanceof Promise ? found.then(check) : check(found)
  }
}

/** Entries per second, after one pass that is not counted. */
export async function fullScans(store: Store, entries: number, milliseconds: number): Promise<number> {
  checkSeen(await store.range(0, Infinity), entries, 'a full range')
  const begin = performance.now()
  let passes = 0
  do {
    checkSeen(await store.range(0, Infinity), entries, 'a full range')
    passes++
  } while (performance.now() - begin < milliseconds)
  return (entries * passes * 1000) / (performance.now() - begin)
}

/** Random gets of keys that are there and that are not, short ranges and whole ones, everything warm. */
export async function reads(parameters: ReadsParameters): Promise<Figures> {
  const { entries, valueBytes, milliseconds } = parameters
  const store = await openStore(parameters.store, parameters)
  await fillStore(store, entries, valueBytes)
  await store.settle()
  const present = lookupsOf(entries)
  const hits = await rate(present, milliseconds, reader(store, valueBytes))
  // Another stream's keys; no one of them is in stream 0.
  const misses = await rate(keysOf(1, entries, 'random'), milliseconds, reader(store, undefined))
  const shortRange = (key: number): void | Promise<void> => {
    const seen = store.range(key, RANGE_ENTRIES)
    if (seen instanceof Promise) return seen.then(count => void (sink.sum += count))
    sink.sum += seen
  }
  const ranges = await rate(present, milliseconds, shortRange)
  const scanned = await fullScans(store, entries, milliseconds)
  await store.close()
  return { hits, misses, ranges: ranges * RANGE_ENTRIES, scanned }
}

import type { Database } from '../../src/index.ts'
import { Chance } from './chance.ts'
import { check } from './checker.ts'
import { Keeper } from './keeper.ts'
import { Reader } from './reader.ts'
import type { Recorder } from './recorder.ts'
import { Writer } from './writer.ts'

const WRITERS = 8
const READERS = 5
const STEPS = 60

/** Lets clients write, read, drop, rename and checkpoint at the same time, until all have done their steps. */
export async function work(db: Database, recorder: Recorder, seed: number): Promise<void> {
  const chance = (client: number): Chance => new Chance(seed * 1000 + client)
  const clients: Promise<void>[] = []
  for (let i = 0; i < WRITERS; i++) clients.push(new Writer(`writer ${i}`, db, recorder, chance(i)).run(STEPS))
  for (let i = 0; i < READERS; i++) clients.push(new Reader(`reader ${i}`, db, recorder, chance(100 + i)).run(STEPS))
  clients.push(new Keeper(db, recorder, chance(200)).run(STEPS / 2))
  await Promise.all(clients)
}

/** Anomalies that are shown of one history: the first ones say most. */
const SHOWN_MAX = 3

/** Throws what is wrong with the history. */
export function assertIsolated({ history }: Recorder): void {
  const anomalies = check(history)
  if (anomalies.length === 0) return
  const shown = anomalies.slice(0, SHOWN_MAX).map(({ text }) => text)
  throw new Error([`${anomalies.length} anomalies`, ...shown].join('\n\n'))
}

/** Rejects, in real time, where `run` hangs. */
export async function inTime<R>(run: Promise<R>, millis: number): Promise<R> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`it hangs: not done after ${millis} ms`)), millis)
  })
  try {
    return await Promise.race([run, late])
  } finally {
    clearTimeout(timer)
  }
}

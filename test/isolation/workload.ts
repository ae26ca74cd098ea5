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

/** Turns of the event loop in which everything on a simulated machine is done many times over. */
const TURNS_MAX = 3_000_000

/** Rejects where `run` hangs: however slow the machine is, what has not ended after so many turns never will. */
export async function withinTurns<R>(run: Promise<R>): Promise<R> {
  let isOver = false
  const late = new Promise<never>((_, reject) => {
    let turns = 0
    const turn = (): void => {
      if (isOver) return
      if (++turns > TURNS_MAX) reject(new Error(`it hangs: not done after ${TURNS_MAX} turns of the event loop`))
      else setImmediate(turn)
    }
    turn()
  })
  try {
    return await Promise.race([run, late])
  } finally {
    isOver = true
  }
}

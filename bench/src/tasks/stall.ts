import { performance } from 'node:perf_hooks'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { Database } from '../engine.ts'
import type { Figures } from '../processes.ts'
import { Values, keyAt } from '../workload.ts'
import { ENTRIES, databasePath } from './store.ts'

export interface StallParameters {
  readonly directory: string
  readonly entries: number
  readonly valueBytes: number
  readonly milliseconds: number
  /** `busy`: a writer commits small transactions while the checkpoint runs. */
  readonly load: 'idle' | 'busy'
}

/** The longest time, in milliseconds, for which the event loop took no turn while `work` ran. */
async function longestGap(work: Promise<unknown>): Promise<number> {
  const ended = { yet: false }
  const done = work.finally(() => {
    ended.yet = true
  })
  let longest = 0
  let last = performance.now()
  while (!ended.yet) {
    await nextTurn()
    const now = performance.now()
    longest = Math.max(longest, now - last)
    last = now
  }
  await done
  return longest
}

async function writeUntil(ended: { yet: boolean }, db: Database, values: Values): Promise<void> {
  for (let i = 0; !ended.yet; i += 100) {
    await db.write(
      txn => {
        const table = txn.table(ENTRIES)
        for (let j = i; j < i + 100; j++) table.put(keyAt(1, j, 'random'), values.at(1, j))
      },
      { durability: 'none' },
    )
    // Commits that are settled in microtasks alone would keep the loop from turning, and that is the caller's doing.
    await nextTurn()
  }
}

/** Checkpoints of `entries` changed entries each, until the time is measured. */
export async function stall(parameters: StallParameters): Promise<Figures> {
  const { directory, entries, load, milliseconds } = parameters
  const values = new Values(parameters.valueBytes)
  const db = await Database.open(databasePath(directory), { writeBufferBytes: 1 << 30 })
  const gaps: number[] = []
  const quietGaps: number[] = []
  let measured = 0
  for (let round = 0; measured < milliseconds; round++) {
    for (let begin = 0; begin < entries; begin += 1000) {
      await db.write(
        txn => {
          const table = txn.table(ENTRIES)
          for (let i = begin; i < begin + 1000; i++) table.put(keyAt(0, i, 'random'), values.at(round, i))
        },
        { durability: 'none' },
      )
    }
    const ended = { yet: false }
    const begin = performance.now()
    const checkpoint = db.checkpoint().finally(() => {
      ended.yet = true
    })
    const writer = load === 'busy' ? writeUntil(ended, db, values) : undefined
    gaps.push(await longestGap(checkpoint))
    const took = performance.now() - begin
    await writer
    measured += took
    // The same meter for the same time without a checkpoint: what the machine and the collector do by themselves.
    quietGaps.push(await longestGap(new Promise(resolve => setTimeout(resolve, took))))
  }
  await db.close()
  return {
    longestMillis: Math.max(...gaps),
    gaps,
    quietMillis: Math.max(...quietGaps),
    checkpoints: gaps.length,
    milliseconds: measured,
  }
}

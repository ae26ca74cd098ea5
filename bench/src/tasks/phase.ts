import { Database } from '../engine.ts'
import type { ColumnFamily, Transaction } from '../engine.ts'
import type { Figures } from '../processes.ts'
import { Source } from '../workload.ts'
import type { Order } from '../workload.ts'
import { ENTRIES, databasePath, familyName } from './store.ts'
import { inTurns } from './turns.ts'
import type { TurnsParameters } from './turns.ts'

export type Phase = 'current' | '1' | '2' | '3'

export interface PhaseParameters extends TurnsParameters {
  readonly directory: string
  readonly phase: Phase
  readonly families: number
  readonly order: Order
  readonly valueBytes: number
  /** `inside`: a commit is acknowledged only after a checkpoint has merged it into the trees. */
  readonly merge: 'inside' | 'behind'
}

/** One at a time, in the order of asking. */
class Turnstile {
  #last: Promise<unknown> = Promise.resolve()

  pass<R>(body: () => Promise<R>): Promise<R> {
    const passed = this.#last.then(body)
    this.#last = passed.catch(() => {})
    return passed
  }
}

/** Commits a body in a phase's way; resolves when it is durable. */
type Committer = (family: ColumnFamily, index: number, body: (txn: Pick<Transaction, 'table'>) => void) => Promise<void>

/**
 * `current`: the family's next transaction waits until this one is durable, and no commit shares its write and its sync
 * with another one. `1`: the family waits, the background thread syncs what all families have. `2` and `3`: the engine's
 * own way.
 */
function committerOf(name: Phase, families: number): Committer {
  const held = Array.from({ length: families }, () => new Turnstile())
  const log = new Turnstile()
  if (name === 'current') {
    return (family, index, body) =>
      held[index]!.pass(async () => {
        const txn = await family.beginWrite()
        body(txn)
        await log.pass(() => txn.commit())
      })
  }
  if (name === '1') return (family, index, body) => held[index]!.pass(() => family.write(body))
  return (family, _, body) => family.write(body)
}

/** Several awaiting writers for each family, all commits `immediate`. */
export async function phase(parameters: PhaseParameters): Promise<Figures> {
  const { phase: name, families, batch, order, valueBytes, merge } = parameters
  const source = new Source(order, valueBytes)
  const journal = name === 'current' ? 'sync' : 'async'
  const db = await Database.open(databasePath(parameters.directory), { journal })
  const handles = Array.from({ length: families }, (_, i) => db.columnFamily(familyName(i)))
  const commit = committerOf(name, families)
  const figures = await inTurns(parameters, async (turn, writer) => {
    const index = writer % families
    await commit(handles[index]!, index, txn => {
      const entries = txn.table(ENTRIES)
      for (let i = turn * batch; i < (turn + 1) * batch; i++) entries.put(source.key(i), source.value(i))
    })
    if (merge === 'inside') await db.checkpoint()
  })
  const { commitsPerGroup } = db.stats().log
  await db.close()
  return { ...figures, commitsPerGroup }
}

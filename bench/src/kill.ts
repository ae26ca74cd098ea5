import type { Order } from './workload.ts'
import { figure, runTask, runVictim } from './processes.ts'
import type { Scratch } from './scratch.ts'

/** The shape of a column-family run. */
export interface Shape {
  readonly families: number
  readonly writes: number
  readonly batch: number
  readonly valueBytes: number
}

export interface KillOutcome {
  readonly order: Order
  readonly durability: 'none' | 'immediate'
  readonly acknowledged: number
  readonly issued: number
  /** Transactions found after recovery. */
  readonly recovered: number
  readonly recoverySeconds: number
  readonly faults: readonly string[]
}

interface Journal {
  readonly families: { acknowledged: number; issued: number }[]
  acknowledged: number
  issued: number
}

/** Notes one line of a victim; returns false for a line that is none of its reports. */
function note(journal: Journal, line: string): boolean {
  const [what, stream] = line.split(' ')
  const family = journal.families[Number(stream)]
  if (family === undefined || (what !== 'issued' && what !== 'acknowledged')) return false
  family[what]++
  journal[what]++
  return true
}

/**
 * Kills a process with SIGKILL in the middle of a column-family run, opens its database in another process and verifies
 * it there. The parent keeps the list of what was acknowledged, so nothing that the victim forgets can go unnoticed.
 * Everything must survive this, also with `none`: what the operating system was given outlives the process.
 */
export async function killAndRecover(
  scratch: Scratch,
  shape: Shape,
  order: Order,
  durability: 'none' | 'immediate',
): Promise<KillOutcome> {
  const directory = scratch.fresh('kill')
  const transactions = (shape.families * shape.writes) / shape.batch
  const killAt = Math.floor(transactions * (0.25 + Math.random() * 0.5))
  const journal: Journal = {
    families: Array.from({ length: shape.families }, () => ({ acknowledged: 0, issued: 0 })),
    acknowledged: 0,
    issued: 0,
  }
  const faults: string[] = []
  const wasKilled = await runVictim(
    'victim',
    { ...shape, directory, order, durability },
    {
      onReport: (line, kill) => {
        if (!note(journal, line)) faults.push(`the victim reported ${JSON.stringify(line)}`)
        if (journal.acknowledged === killAt) kill()
      },
    },
  )
  if (!wasKilled)
    faults.push(`the victim ended before it was killed, at ${journal.acknowledged} of ${transactions} transactions`)
  const { batch, valueBytes } = shape
  const figures = await runTask('verify', { directory, batch, valueBytes, order, families: journal.families })
  scratch.discard(directory)
  return {
    order,
    durability,
    acknowledged: journal.acknowledged,
    issued: journal.issued,
    recovered: figure(figures, 'entries') / batch,
    recoverySeconds: figure(figures, 'openSeconds'),
    faults: [...faults, ...(figures['faults'] as string[])].map(
      fault => `killed, ${order} keys, ${durability}: ${fault}`,
    ),
  }
}

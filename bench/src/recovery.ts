import { cp } from 'node:fs/promises'
import { alternate } from './benchmark.ts'
import type { Benchmark, Context, Outcome } from './benchmark.ts'
import { figure, runTask, runVictim } from './processes.ts'

const ENTRIES = 2_000_000
const VALUE_BYTES = 150
/** So much that the whole log is still to be replayed when the process is killed. */
const WRITE_BUFFER_BYTES = 2 ** 31

/** A database whose process was killed with everything in the log. */
async function killed(context: Context, entries: number): Promise<string> {
  const directory = context.scratch.fresh('killed')
  const parameters = {
    directory,
    entries,
    valueBytes: VALUE_BYTES,
    order: 'random',
    writeBufferBytes: WRITE_BUFFER_BYTES,
    end: 'wait',
  }
  const wasKilled = await runVictim('fill', parameters, {
    onReport: (line, kill) => {
      if (line === 'open') kill()
    },
  })
  if (!wasKilled) throw new Error('the process that was to be killed ended by itself')
  return directory
}

async function run(context: Context): Promise<Outcome> {
  const entries = context.entries ?? ENTRIES
  context.progress.start(context.rounds + 1)
  context.progress.step('writing the log')
  const origin = await killed(context, entries)
  const recoverCopy = async (): Promise<number> => {
    const directory = context.scratch.fresh('recovery')
    await cp(origin, directory, { recursive: true })
    const figures = await runTask('recover', { directory, entries, writeBufferBytes: WRITE_BUFFER_BYTES })
    context.scratch.discard(directory)
    return figure(figures, 'entriesPerSecond')
  }
  const [own] = await alternate(context, 'recovery', [{ name: 'Manifold', run: recoverCopy }])
  return {
    rows: [
      {
        work: 'recovery from the log',
        unit: 'entries/s',
        better: 'more',
        own: own!,
        others: [],
        target: { of: 'figure', must: 1e6, aim: 3e6 },
      },
    ],
    rivals: [],
    notes: [
      `${entries} random entries of 8 + ${VALUE_BYTES} bytes in transactions of 1000`,
      'each time a copy of the files that a killed process left, opened in a new process',
    ],
  }
}

export const recoveryBenchmark: Benchmark = { summary: 'entries replayed per second when a killed database opens', run }

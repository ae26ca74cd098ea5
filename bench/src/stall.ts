import { alternate } from './benchmark.ts'
import type { Benchmark, Context, Measured, Outcome, Row } from './benchmark.ts'
import { figure, runTask } from './processes.ts'
import type { Figures } from './processes.ts'
import { summarize } from './statistics.ts'

const ENTRIES = 400_000
const VALUE_BYTES = 150

async function measured(context: Context, entries: number, load: 'idle' | 'busy'): Promise<Row> {
  const quiet: number[] = []
  const runOnce = async (): Promise<number> => {
    const directory = context.scratch.fresh('stall')
    const figures: Figures = await runTask('stall', {
      directory,
      entries,
      valueBytes: VALUE_BYTES,
      load,
      milliseconds: context.milliseconds,
    })
    context.scratch.discard(directory)
    quiet.push(figure(figures, 'quietMillis'))
    return figure(figures, 'longestMillis')
  }
  const [own] = await alternate(context, `checkpoint, ${load}`, [{ name: 'Manifold', run: runOnce }])
  const without: Measured = { name: 'without a checkpoint', summary: summarize(quiet) }
  const work = load === 'idle' ? 'checkpoint, caller idle' : 'checkpoint, caller writing'
  return { work, unit: 'ms', better: 'less', own: own!, others: [without], target: { of: 'figure', must: 20, aim: 5 } }
}

async function run(context: Context): Promise<Outcome> {
  const entries = context.entries ?? ENTRIES
  context.progress.start(2 * context.rounds)
  return {
    rows: [await measured(context, entries, 'idle'), await measured(context, entries, 'busy')],
    rivals: [],
    notes: [
      `longest time without a turn of the event loop while checkpoints of ${entries} random entries run`,
      'writing: random keys in transactions of 100, without sync',
    ],
  }
}

export const stallBenchmark: Benchmark = { summary: 'how long a checkpoint holds up the event loop', run }

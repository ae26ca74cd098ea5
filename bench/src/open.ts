import type { Benchmark, Context, Measured, Outcome } from './benchmark.ts'
import { figure, runTask } from './processes.ts'
import { summarize } from './statistics.ts'

const ENTRIES_MANY = 10_000_000
const ENTRIES_FEW = 10_000
const VALUE_BYTES = 150

async function closedDatabase(context: Context, entries: number): Promise<string> {
  const directory = context.scratch.fresh('closed')
  const parameters = { directory, entries, valueBytes: VALUE_BYTES, order: 'random', end: 'close' }
  await runTask('fill', parameters, {
    onReport: line => context.progress.at(Number(line), `writing ${entries} entries`),
  })
  return directory
}

/** Opening times of both databases in turn: of the first open in a process and of the later ones. */
async function openInTurn(
  context: Context,
  many: string,
  few: string,
): Promise<{ first: Measured[]; warm: Measured[] }> {
  const directories = [many, few]
  const first = directories.map((): number[] => [])
  const warm = directories.map((): number[] => [])
  for (let round = 0; round < context.rounds; round++) {
    for (const [i, directory] of directories.entries()) {
      context.progress.step('opening')
      const figures = await runTask('openTimes', { directory, milliseconds: context.milliseconds })
      first[i]!.push(figure(figures, 'firstSeconds') * 1000)
      warm[i]!.push(figure(figures, 'warmSeconds') * 1000)
    }
  }
  const measured = (runs: number[][]): Measured[] =>
    runs.map((own, i) => ({ name: i === 0 ? 'Manifold' : `${ENTRIES_FEW} entries`, summary: summarize(own) }))
  return { first: measured(first), warm: measured(warm) }
}

async function run(context: Context): Promise<Outcome> {
  const entries = context.entries ?? ENTRIES_MANY
  context.progress.start(1 + 2 * context.rounds)
  const few = await closedDatabase(context, ENTRIES_FEW)
  const many = await closedDatabase(context, entries)
  const { first, warm } = await openInTurn(context, many, few)
  const target = { of: 'ratio', must: 2, aim: 1.1 } as const
  return {
    rows: [
      {
        work: `opening ${entries} entries, first in its process`,
        unit: 'ms',
        better: 'less',
        own: first[0]!,
        others: [first[1]!],
        target,
      },
      {
        work: `opening ${entries} entries, later`,
        unit: 'ms',
        better: 'less',
        own: warm[0]!,
        others: [warm[1]!],
        target,
      },
    ],
    rivals: [],
    notes: [
      `cleanly closed databases of ${entries} and of ${ENTRIES_FEW} entries, opened in turn`,
      '"the same time" is taken as within a tenth',
    ],
  }
}

export const openBenchmark: Benchmark = {
  summary: 'opening a cleanly closed database of 10 M entries against one of 10 K',
  run,
}

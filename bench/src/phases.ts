import { runInTurn } from './benchmark.ts'
import type { Benchmark, Contestant, Context, Measured, Outcome, Row } from './benchmark.ts'
import { formatFigure, formatPlain } from './format.ts'
import { figure, runTask } from './processes.ts'
import type { Figures } from './processes.ts'
import { spread, summarize } from './statistics.ts'
import type { Phase, PhaseParameters } from './tasks/phase.ts'

const FAMILIES = 8
const WRITERS = 32
const VALUE_BYTES = 150
const WARM_SHARE = 0.5

interface PhasePlan {
  readonly phase: Phase
  readonly merge: PhaseParameters['merge']
  readonly what: string
}

/** Up to phase 2 a commit that is acknowledged is in the trees, as it is in a database that has no memtable. */
const PLANS: readonly PhasePlan[] = [
  { phase: 'current', merge: 'inside', what: 'current: each commit writes, syncs and merges alone' },
  { phase: '1', merge: 'inside', what: '1: a background thread syncs in groups, the lock held until durable' },
  { phase: '2', merge: 'inside', what: '2: the lock is freed at append' },
  { phase: '3', merge: 'behind', what: '3: memtable, merged in the background' },
  { phase: 'current', merge: 'behind', what: 'current, merged in the background' },
  { phase: '1', merge: 'behind', what: '1, merged in the background' },
]

/** Times the first plan's figure. */
const TARGETS: Readonly<Record<Phase, string>> = { current: '1x', '1': '1.5-2x', '2': '2.5-3.5x', '3': '3.5-4.5x' }

const LOADS = [
  { name: 'batches of 1,000, ordered keys', batch: 1000, order: 'ordered' },
  { name: 'single puts, random keys', batch: 1, order: 'random' },
] as const

type Load = (typeof LOADS)[number]

function contestant(context: Context, load: Load, { phase, merge, what }: PhasePlan): Contestant<Figures> {
  return {
    name: what,
    async run() {
      const directory = context.scratch.fresh('phase')
      const parameters: PhaseParameters = {
        directory,
        phase,
        merge,
        families: FAMILIES,
        writers: WRITERS,
        batch: load.batch,
        order: load.order,
        valueBytes: VALUE_BYTES,
        warmMillis: context.milliseconds * WARM_SHARE,
        milliseconds: context.milliseconds,
      }
      const figures = await runTask('phase', { ...parameters })
      context.scratch.discard(directory)
      return figures
    },
  }
}

function formatPhases(results: readonly (readonly [Load, readonly Measured[], readonly number[]])[]): string {
  return results
    .map(([load, measured, groups]) => {
      const rows = measured.map(({ name, summary }, i) => [
        name,
        `${formatFigure(summary.median, 'entries/s')} ±${Math.round(spread(summary) * 100)} %`,
        groups[i]!.toFixed(1),
        `${(summary.median / measured[0]!.summary.median).toFixed(2)}x`,
        PLANS[i]!.merge === 'inside' || PLANS[i]!.phase === '3' ? TARGETS[PLANS[i]!.phase] : '',
      ])
      return `${load.name}\n${formatPlain(['phase', 'measured', 'commits a sync', 'of current', 'target'], rows)}`
    })
    .join('\n\n')
}

async function run(context: Context): Promise<Outcome> {
  context.progress.start(LOADS.length * PLANS.length * context.rounds)
  const results: [Load, Measured[], number[]][] = []
  for (const load of LOADS) {
    const contestants = PLANS.map(plan => contestant(context, load, plan))
    const runs = await runInTurn(context, load.name, contestants)
    const of = (name: string) => (own: readonly Figures[]) => summarize(own.map(figures => figure(figures, name)))
    const measured = PLANS.map(({ what }, i) => ({ name: what, summary: of('entriesPerSecond')(runs[i]!) }))
    results.push([load, measured, runs.map(own => of('commitsPerGroup')(own).median)])
  }
  const rows = results.flatMap(([load, [current, ...phases]]) =>
    phases.map((own): Row => ({
      work: `${load.name}, ${own.name}`,
      unit: 'entries/s',
      better: 'more',
      own,
      others: [current!],
    })),
  )
  return {
    text: formatPhases(results),
    rows,
    rivals: [],
    notes: [
      `${FAMILIES} column families, ${WRITERS / FAMILIES} awaiting writers each, 8 + ${VALUE_BYTES} bytes, every commit immediate`,
      'merged inside: a commit is acknowledged after a checkpoint that holds it; commits that wait together share one',
    ],
  }
}

export const phasesBenchmark: Benchmark = {
  summary: "the log's phases: alone, grouped, pipelined, with the merge in the background",
  run,
}

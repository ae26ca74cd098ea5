import { runInTurn } from '../benchmark.ts'
import type { Benchmark, Contestant, Context, Outcome } from '../benchmark.ts'
import { describeMachine } from '../machine.ts'
import { figure, runTask } from '../processes.ts'
import type { Figures } from '../processes.ts'
import { median, summarize } from '../statistics.ts'
import { gather } from './contestants.ts'
import type { Command, Entrant, Field, Parameters } from './contestants.ts'
import { judged } from './measured-row.ts'
import type { Latency, MeasuredRow, Result } from './measured-row.ts'
import { publish } from './publish.ts'
import { formatComparison, formatJudged } from './tables.ts'
import { WORKS } from './works.ts'
import type { Work } from './works.ts'

/** The part of a run that is not counted, as a share of the part that is. */
const WARM_SHARE = 0.5

function parametersOf(context: Context, work: Work): Parameters {
  const { milliseconds, entries } = context
  const own = work.parameters
  return {
    ...own,
    level: work.level,
    milliseconds,
    warmMillis: milliseconds * WARM_SHARE,
    ...(entries !== undefined && own.entries !== undefined ? { entries } : {}),
  }
}

/** One run, in a directory of its own that is gone afterwards. */
async function inFresh<T>(context: Context, body: (directory: string) => Promise<T>): Promise<T> {
  const directory = context.scratch.fresh('compare')
  try {
    return await body(directory)
  } finally {
    context.scratch.discard(directory)
  }
}

async function runOnce(entrant: Entrant, work: Work, directory: string, parameters: Parameters): Promise<Figures> {
  if (work.kind === 'writes' || work.kind === 'reads') return entrant.run(work.kind, directory, parameters)
  if (work.kind === 'closed') await entrant.run('leaveClosed', directory, parameters)
  else if (!(await entrant.die(directory, parameters))) throw new Error(`${entrant.name} was to be killed`)
  return entrant.run('reopen', directory, parameters)
}

interface Runner extends Contestant<Figures>, Pick<Result, 'column' | 'kind'> {}

/** The bytes of Manifold's log in as many synced writes as its fastest run so far has made of them, and nothing else. */
function rawRunners(context: Context, work: Work, fastest: () => Figures): Runner[] {
  if (work.hasRaw !== true) return []
  return (['dsync', 'direct', 'fdatasync'] as const).map(method => ({
    name: `raw (${method})`,
    column: 'raw',
    kind: 'raw',
    async run() {
      const { milliseconds, warmMillis } = parametersOf(context, work)
      const own = fastest()
      const bytes = Math.round(figure(own, 'groupBytes'))
      const figures = await inFresh(context, directory =>
        runTask('raw', { directory, bytes, milliseconds, warmMillis, method }),
      )
      const entries = figure(own, 'groupCommits') * work.parameters.batch!
      return { entriesPerSecond: figure(figures, 'writesPerSecond') * entries }
    },
  }))
}

const COMMANDS: Readonly<Record<Work['kind'], Command>> = {
  writes: 'writes',
  reads: 'reads',
  closed: 'reopen',
  killed: 'reopen',
}

function isFaster(one: Figures | undefined, other: Figures): boolean {
  return one !== undefined && figure(one, 'entriesPerSecond') > figure(other, 'entriesPerSecond')
}

function runnersOf(context: Context, field: Field, work: Work): Runner[] {
  const parameters = parametersOf(context, work)
  let fastest: Figures | undefined
  const entrants = field.entrants(COMMANDS[work.kind], work.level).map((entrant): Runner => {
    const { name, column, kind } = entrant
    const runEntrant = async (): Promise<Figures> => {
      const figures = await inFresh(context, own => runOnce(entrant, work, own, parameters))
      if (kind === 'manifold' && work.hasRaw === true && !isFaster(fastest, figures)) fastest = figures
      return figures
    }
    return { name, column, kind, run: runEntrant }
  })
  return [...entrants, ...rawRunners(context, work, () => fastest!)]
}

/** Of single puts only: a batch's latency is its size's, and a mixture's is two. */
function latencyOf(work: Work, own: readonly Figures[]): { latency?: Latency } {
  const { batch, mixedOver } = work.parameters
  if (batch !== 1 || mixedOver !== undefined || typeof own[0]!['p50'] !== 'number') return {}
  const of = (name: string): number => median(own.map(figures => figure(figures, name)))
  return { latency: { p50: of('p50'), p99: of('p99'), p999: of('p999') } }
}

async function measureWork(context: Context, field: Field, work: Work): Promise<MeasuredRow[]> {
  const runners = runnersOf(context, field, work)
  const runs = await runInTurn(context, work.metrics[0]!.id, runners)
  const { command, rounds, milliseconds } = context
  const machine = describeMachine(context.scratch.directory)
  return work.metrics.map(({ id, title, unit, better, of }) => ({
    id,
    section: work.section,
    title,
    level: work.level,
    unit,
    better,
    command,
    rounds,
    milliseconds,
    machine,
    rivals: field.rivals,
    results: runners.map(({ name, column, kind }, i) => ({
      name,
      column,
      kind,
      summary: summarize(runs[i]!.map(of)),
      ...latencyOf(work, runs[i]!),
    })),
  }))
}

function chosenWorks(pattern: RegExp | undefined): Work[] {
  const chosen = WORKS.filter(work =>
    pattern === undefined ? work.long !== true : work.metrics.some(({ id }) => pattern.test(id)),
  )
  if (chosen.length === 0) {
    const ids = WORKS.flatMap(work => work.metrics.map(({ id }) => id))
    throw new Error(`no row matches ${pattern}; there are ${ids.join(', ')}`)
  }
  return chosen
}

async function run(context: Context): Promise<Outcome> {
  const works = chosenWorks(context.rows)
  const field = await gather()
  const count = works.reduce((sum, work) => sum + runnersOf(context, field, work).length, 0)
  context.progress.start(count * context.rounds)
  const rows: MeasuredRow[] = []
  for (const work of works) {
    rows.push(...(await measureWork(context, field, work)))
    // Row by row, so that a run that is cut off has not measured in vain.
    await publish(rows)
  }
  const judgedRows = judged(rows)
  return {
    text: `${formatComparison(rows)}\n\n${formatJudged(judgedRows)}`,
    rows: judgedRows,
    rivals: field.rivals,
    details: rows,
    notes: ['every row is merged into bench/results/compare.json, from which compare.md and the charts are made'],
  }
}

export const compareBenchmark: Benchmark = {
  summary: 'all kinds of work against native RocksDB, native LMDB and npm packages; writes bench/results/compare.md',
  run,
}

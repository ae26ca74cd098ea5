import { runInTurn } from './benchmark.ts'
import type { Benchmark, Contestant, Context, Measured, Outcome, Row, Unit } from './benchmark.ts'
import { ROCKSDB_CONFIGURATIONS, nativeRival, runNative } from './native.ts'
import { figure, runTask } from './processes.ts'
import type { Figures } from './processes.ts'
import { summarize } from './statistics.ts'

const ENTRIES = 10_000_000
const BATCH = 1000
const VALUE_BYTES = 150
const MEMORY_MB = 700

interface Loads {
  readonly name: string
  readonly runs: readonly Figures[]
}

function manifold(context: Context, entries: number): Contestant<Figures> {
  return {
    name: 'Manifold',
    async run() {
      const directory = context.scratch.fresh('load')
      const figures = await runTask('load', { directory, entries, batch: BATCH, valueBytes: VALUE_BYTES })
      context.scratch.discard(directory)
      return figures
    },
  }
}

function rocksdb(context: Context, config: string, entries: number): Contestant<Figures> {
  return {
    name: `RocksDB ${config}`,
    run() {
      const directory = context.scratch.fresh('rocksdb')
      const parameters = { directory, config, entries, batch: BATCH, value: VALUE_BYTES, 'memory-mb': MEMORY_MB }
      return runNative('rocksdb', 'load', parameters)
    },
  }
}

function derived(
  loads: readonly Loads[],
  work: string,
  unit: Unit,
  better: 'more' | 'less',
  of: (figures: Figures) => number,
): Row {
  const [own, ...others] = loads.map(({ name, runs }): Measured => ({ name, summary: summarize(runs.map(of)) }))
  return { work, unit, better, own: own!, others }
}

async function run(context: Context): Promise<Outcome> {
  const rival = await nativeRival('rocksdb')
  const entries = context.entries ?? ENTRIES
  const configurations = rival.missing === undefined ? ROCKSDB_CONFIGURATIONS : []
  const contestants = [manifold(context, entries), ...configurations.map(config => rocksdb(context, config, entries))]
  context.progress.start(contestants.length * context.rounds)
  const results = await runInTurn(context, `${entries} writes`, contestants)
  const loads = contestants.map(({ name }, i): Loads => ({ name, runs: results[i]! }))
  const amplification =
    (name: string) =>
    (figures: Figures): number =>
      figure(figures, name) / figure(figures, 'logicalBytes')
  return {
    rows: [
      {
        ...derived(
          loads,
          'until the last write returned',
          'entries/s',
          'more',
          figures => entries / figure(figures, 'writeSeconds'),
        ),
        target: { of: 'ratio', must: 0.7, aim: 1 },
      },
      derived(
        loads,
        'until all is merged',
        'entries/s',
        'more',
        figures => entries / figure(figures, 'settledSeconds'),
      ),
      {
        ...derived(loads, 'peak memory', 'bytes', 'less', figures => figure(figures, 'peakRssBytes')),
        target: { of: 'figure', must: MEMORY_MB * 1e6, aim: MEMORY_MB * 1e6 },
      },
      derived(loads, 'write amplification', 'times', 'less', amplification('writtenBytes')),
      derived(loads, 'space amplification', 'times', 'less', amplification('diskBytes')),
      {
        work: 'longest single transaction',
        unit: 'ms',
        better: 'less',
        own: {
          name: 'Manifold',
          summary: summarize(loads[0]!.runs.map(figures => figure(figures, 'longestWriteMillis'))),
        },
        others: [],
      },
    ],
    rivals: [rival],
    details: Object.fromEntries(loads.map(({ name, runs }) => [name, runs])),
    notes: [
      `${entries} random keys, 8 + ${VALUE_BYTES} bytes, one writer, transactions of ${BATCH}, no sync`,
      `Manifold with its defaults, RocksDB with its own or tuned within ${MEMORY_MB} MB`,
      'merged: a checkpoint after the last write, or a flush and the end of all compactions',
      'amplifications are counted after that, against the bytes of keys and values',
    ],
  }
}

export const loadBenchmark: Benchmark = {
  summary: '10 M random writes with default budgets, against native RocksDB',
  run,
}

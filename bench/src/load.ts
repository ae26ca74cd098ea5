import { alternate } from './benchmark.ts'
import type { Benchmark, Contestant, Context, Measured, Outcome, Row, Unit } from './benchmark.ts'
import { ROCKSDB_CONFIGURATIONS, nativeRocksDB, runNative } from './native.ts'
import { figure, runTask } from './processes.ts'
import type { Figures } from './processes.ts'
import { summarize } from './statistics.ts'

const ENTRIES = 10_000_000
const BATCH = 1000
const VALUE_BYTES = 150
const MEMORY_MB = 700

/** A contestant that keeps everything a run says, because one load answers several rows. */
interface Loader extends Contestant {
  readonly runs: Figures[]
}

function loader(name: string, entries: number, load: () => Promise<Figures>): Loader {
  const runs: Figures[] = []
  return {
    name,
    runs,
    async run() {
      const figures = await load()
      runs.push(figures)
      return entries / figure(figures, 'writeSeconds')
    },
  }
}

function manifold(context: Context, entries: number): Loader {
  return loader('Manifold', entries, async () => {
    const directory = context.scratch.fresh('load')
    const figures = await runTask('load', { directory, entries, batch: BATCH, valueBytes: VALUE_BYTES })
    context.scratch.discard(directory)
    return figures
  })
}

function rocksdb(context: Context, config: string, entries: number): Loader {
  return loader(`RocksDB ${config}`, entries, () => {
    const directory = context.scratch.fresh('rocksdb')
    return runNative('load', { directory, config, entries, batch: BATCH, value: VALUE_BYTES, 'memory-mb': MEMORY_MB })
  })
}

function derived(
  loaders: readonly Loader[],
  work: string,
  unit: Unit,
  better: 'more' | 'less',
  of: (figures: Figures) => number,
): Row {
  const [own, ...others] = loaders.map(({ name, runs }): Measured => ({ name, summary: summarize(runs.map(of)) }))
  return { work, unit, better, own: own!, others }
}

async function run(context: Context): Promise<Outcome> {
  const rival = await nativeRocksDB()
  const entries = context.entries ?? ENTRIES
  const configurations = rival.missing === undefined ? ROCKSDB_CONFIGURATIONS : []
  const loaders = [manifold(context, entries), ...configurations.map(config => rocksdb(context, config, entries))]
  context.progress.start(loaders.length * context.rounds)
  const [own, ...others] = await alternate(context, `${entries} writes`, loaders)
  const amplification =
    (name: string) =>
    (figures: Figures): number =>
      figure(figures, name) / figure(figures, 'logicalBytes')
  return {
    rows: [
      {
        work: 'until the last write returned',
        unit: 'entries/s',
        better: 'more',
        own: own!,
        others,
        target: { of: 'ratio', must: 0.7, aim: 1 },
      },
      derived(
        loaders,
        'until all is merged',
        'entries/s',
        'more',
        figures => entries / figure(figures, 'settledSeconds'),
      ),
      {
        ...derived(loaders, 'peak memory', 'bytes', 'less', figures => figure(figures, 'peakRssBytes')),
        target: { of: 'figure', must: MEMORY_MB * 1e6, aim: MEMORY_MB * 1e6 },
      },
      derived(loaders, 'write amplification', 'times', 'less', amplification('writtenBytes')),
      derived(loaders, 'space amplification', 'times', 'less', amplification('diskBytes')),
      {
        work: 'longest single transaction',
        unit: 'ms',
        better: 'less',
        own: {
          name: 'Manifold',
          summary: summarize(loaders[0]!.runs.map(figures => figure(figures, 'longestWriteMillis'))),
        },
        others: [],
      },
    ],
    rivals: [rival],
    details: Object.fromEntries(loaders.map(({ name, runs }) => [name, runs])),
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

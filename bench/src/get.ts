import { alternate } from './benchmark.ts'
import type { Benchmark, Contestant, Context, Outcome, Row, Target } from './benchmark.ts'
import { ROCKSDB_CONFIGURATIONS, nativeRival, runNative } from './native.ts'
import { figure, runTask } from './processes.ts'

const ENTRIES = 400_000
const VALUE_BYTES = 150

interface Setting {
  readonly state: 'memtable' | 'tree'
  readonly from: 'memtable' | 'files'
  readonly target: Target
}

const SETTINGS: readonly Setting[] = [
  { state: 'memtable', from: 'memtable', target: { of: 'ratio', must: 4, aim: 7 } },
  { state: 'tree', from: 'files', target: { of: 'ratio', must: 1.8, aim: 3 } },
]

function manifold(context: Context, state: string, entries: number): Contestant {
  return {
    name: 'Manifold',
    async run() {
      const directory = context.scratch.fresh('get')
      const figures = await runTask('get', {
        directory,
        entries,
        valueBytes: VALUE_BYTES,
        state,
        milliseconds: context.milliseconds,
      })
      context.scratch.discard(directory)
      return figure(figures, 'getsPerSecond')
    },
  }
}

function rocksdb(context: Context, config: string, from: string, entries: number): Contestant {
  return {
    name: `RocksDB ${config}`,
    async run() {
      const directory = context.scratch.fresh('rocksdb')
      const { milliseconds } = context
      return figure(
        await runNative('rocksdb', 'get', { directory, config, from, entries, value: VALUE_BYTES, milliseconds }),
        'getsPerSecond',
      )
    },
  }
}

async function run(context: Context): Promise<Outcome> {
  const rival = await nativeRival('rocksdb')
  const configurations = rival.missing === undefined ? ROCKSDB_CONFIGURATIONS : []
  const entries = context.entries ?? ENTRIES
  context.progress.start(SETTINGS.length * (1 + configurations.length) * context.rounds)
  const rows: Row[] = []
  for (const { state, from, target } of SETTINGS) {
    const work = `get from the ${state}`
    const contestants = [
      manifold(context, state, entries),
      ...configurations.map(config => rocksdb(context, config, from, entries)),
    ]
    const [own, ...others] = await alternate(context, work, contestants)
    rows.push({ work, unit: 'gets/s', better: 'more', own: own!, others, target })
  }
  const notes = [
    `random gets of ${VALUE_BYTES} bytes among ${entries} random keys, everything warm; Manifold copies each value`,
    'RocksDB: the faster of a pinned slice and a copy into a string; files are compacted and in the block cache',
  ]
  return { rows, rivals: [rival], notes }
}

export const getBenchmark: Benchmark = {
  summary: 'random gets from the memtable and from a warm tree, against native RocksDB',
  run,
}

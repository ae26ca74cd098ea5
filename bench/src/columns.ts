import { alternate } from './benchmark.ts'
import type { Benchmark, Contestant, Context, Outcome, Row, Target } from './benchmark.ts'
import { ROCKSDB_CONFIGURATIONS, nativeRival, runNative } from './native.ts'
import { figure, runTask } from './processes.ts'
import type { Order } from './workload.ts'

const FAMILIES = 8
const WRITES = 50_000
const BATCH = 1000
const VALUE_BYTES = 150

interface Setting {
  readonly order: Order
  /** `none` is compared with RocksDB's log without sync, `immediate` with its sync of every batch. */
  readonly durability: 'none' | 'immediate'
  readonly target: Target
}

const SETTINGS: readonly Setting[] = [
  { order: 'ordered', durability: 'none', target: { of: 'ratio', must: 2.5, aim: 5 } },
  { order: 'ordered', durability: 'immediate', target: { of: 'ratio', must: 2, aim: 4 } },
  { order: 'random', durability: 'none', target: { of: 'ratio', must: 2, aim: 4 } },
  { order: 'random', durability: 'immediate', target: { of: 'ratio', must: 1.6, aim: 3 } },
]

/** Both journals are shown, each against the same runs of the rival. */
const JOURNALS = ['sync', 'async'] as const

function manifold(
  context: Context,
  journal: (typeof JOURNALS)[number],
  { order, durability }: Setting,
  writes: number,
): Contestant {
  return {
    name: `Manifold ${journal}`,
    async run() {
      const directory = context.scratch.fresh('columns')
      const { milliseconds } = context
      const parameters = {
        directory,
        families: FAMILIES,
        writes,
        batch: BATCH,
        valueBytes: VALUE_BYTES,
        order,
        durability,
        journal,
        milliseconds,
      }
      const figures = await runTask('columns', parameters)
      context.scratch.discard(directory)
      return figure(figures, 'entriesPerSecond')
    },
  }
}

function rocksdb(context: Context, config: string, { order, durability }: Setting, writes: number): Contestant {
  return {
    name: `RocksDB ${config}`,
    async run() {
      const figures = await runNative('rocksdb', 'cf', {
        directory: context.scratch.fresh('rocksdb'),
        config,
        families: FAMILIES,
        writes,
        batch: BATCH,
        value: VALUE_BYTES,
        order,
        sync: durability === 'immediate' ? 1 : 0,
        milliseconds: context.milliseconds,
      })
      return figure(figures, 'entriesPerSecond')
    },
  }
}

async function run(context: Context): Promise<Outcome> {
  const rival = await nativeRival('rocksdb')
  const configurations = rival.missing === undefined ? ROCKSDB_CONFIGURATIONS : []
  const writes = context.entries === undefined ? WRITES : Math.ceil(context.entries / FAMILIES)
  context.progress.start(SETTINGS.length * (JOURNALS.length + configurations.length) * context.rounds)
  const rows: Row[] = []
  for (const setting of SETTINGS) {
    const work = `${setting.order} keys, ${setting.durability}`
    const contestants = [
      ...JOURNALS.map(journal => manifold(context, journal, setting, writes)),
      ...configurations.map(config => rocksdb(context, config, setting, writes)),
    ]
    const results = await alternate(context, work, contestants)
    const others = results.slice(JOURNALS.length)
    JOURNALS.forEach((journal, i) => {
      const own = results[i]!
      rows.push({
        work: `${work}, journal '${journal}'`,
        unit: 'entries/s',
        better: 'more',
        own,
        others,
        target: setting.target,
      })
    })
  }
  const notes = [
    `${FAMILIES} column families, one concurrent writer each, ${writes} writes of 8 + ${VALUE_BYTES} bytes per family`,
    `transactions of ${BATCH}, a fresh database each time`,
    'RocksDB writes with one thread per family; none = its log without sync, immediate = sync of every batch',
  ]
  return { rows, rivals: [rival], notes }
}

export const columnsBenchmark: Benchmark = { summary: 'the column-family benchmark against native RocksDB', run }

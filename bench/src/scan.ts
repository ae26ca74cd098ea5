import { alternate } from './benchmark.ts'
import type { Benchmark, Contestant, Context, Outcome } from './benchmark.ts'
import { ROCKSDB_CONFIGURATIONS, nativeRival, runNative } from './native.ts'
import { figure, runTask } from './processes.ts'
import { npmRival } from './rivals.ts'

const ENTRIES = 400_000
const VALUE_BYTES = 150
/** How lmdb is given its keys; the faster counts. */
const LMDB_KEYS = ['ordered', 'binary'] as const

function task(
  context: Context,
  name: string,
  taskName: string,
  entries: number,
  extra: Readonly<Record<string, string>>,
): Contestant {
  return {
    name,
    async run() {
      const directory = context.scratch.fresh('scan')
      const { milliseconds } = context
      const figures = await runTask(taskName, { directory, entries, valueBytes: VALUE_BYTES, milliseconds, ...extra })
      context.scratch.discard(directory)
      return figure(figures, 'entriesPerSecond')
    },
  }
}

function rocksdb(context: Context, config: string, entries: number): Contestant {
  return {
    name: `RocksDB ${config}`,
    async run() {
      const directory = context.scratch.fresh('rocksdb')
      const { milliseconds } = context
      return figure(
        await runNative('rocksdb', 'scan', { directory, config, entries, value: VALUE_BYTES, milliseconds }),
        'entriesPerSecond',
      )
    },
  }
}

async function run(context: Context): Promise<Outcome> {
  const [native, lmdb] = [await nativeRival('rocksdb'), await npmRival('lmdb')]
  const entries = context.entries ?? ENTRIES
  const ranges =
    lmdb.missing !== undefined
      ? []
      : LMDB_KEYS.map(keys =>
          task(context, `lmdb-js, ${keys} keys`, 'storeRange', entries, {
            store: 'lmdb',
            level: 'unsynced',
            config: keys,
          }),
        )
  const iterators =
    native.missing !== undefined ? [] : ROCKSDB_CONFIGURATIONS.map(config => rocksdb(context, config, entries))
  context.progress.start((2 + ranges.length + iterators.length) * context.rounds)
  const byRange = task(context, 'Manifold', 'scan', entries, { state: 'tree', method: 'range' })
  const byScan = task(context, 'Manifold', 'scan', entries, { state: 'tree', method: 'scan' })
  const [range, ...rangeOthers] = await alternate(context, 'range', [byRange, ...ranges])
  const [scan, ...scanOthers] = await alternate(context, 'scan', [byScan, ...iterators])
  return {
    rows: [
      {
        work: 'range over the tree',
        unit: 'entries/s',
        better: 'more',
        own: range!,
        others: rangeOthers,
        target: { of: 'ratio', must: 1.5, aim: 2.5 },
      },
      {
        work: 'scan over the tree',
        unit: 'entries/s',
        better: 'more',
        own: scan!,
        others: scanOthers,
        target: { of: 'ratio', must: 0.7, aim: 1 },
      },
    ],
    rivals: [native, lmdb],
    notes: [
      `all ${entries} entries in key order, key and value read, everything warm`,
      'range returns copies, as getRange of lmdb-js does; scan passes views, as the iterator of RocksDB does',
    ],
  }
}

export const scanBenchmark: Benchmark = {
  summary: 'range against lmdb-js, scan against a native RocksDB iterator',
  run,
}

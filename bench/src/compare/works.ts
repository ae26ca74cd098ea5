import type { Target, Unit } from '../benchmark.ts'
import { figure } from '../processes.ts'
import type { Figures } from '../processes.ts'
import type { Level } from '../stores/store.ts'
import type { Parameters } from './contestants.ts'

export const SECTIONS = {
  batches: 'Batches of 1,000 entries of 8 + 150 bytes, each batch awaited',
  puts: 'Single puts of 8 + 150 bytes, each awaited',
  values: 'Single puts of other values, 8 awaiting writers',
  mixed: 'Gets and overwriting puts in turn, 8 awaiting writers',
  reads: 'Reads of 8 + 150 bytes, everything merged and warm',
  reopen: 'Opening',
  load: 'Sustained load',
} as const

export type Section = keyof typeof SECTIONS

/** One row of a table: a figure of every run of a work. */
export interface Metric {
  readonly id: string
  readonly title: string
  readonly unit: Unit
  readonly better: 'more' | 'less'
  of(figures: Figures): number
}

export interface Targets {
  /** Against native RocksDB, the better of its configurations. */
  readonly rocksdb?: Target
  /** Against the best npm package. */
  readonly npm?: Target
  readonly raw?: Target
}

/** What every contestant does in one run, and the rows that come out of it. */
export interface Work {
  readonly section: Section
  readonly kind: 'writes' | 'reads' | 'closed' | 'killed'
  readonly level: Level
  readonly parameters: Omit<Parameters, 'level' | 'milliseconds' | 'warmMillis'>
  readonly metrics: readonly Metric[]
  readonly targets: Targets
  /** The raw limit stands beside it. */
  readonly hasRaw?: boolean
  /** Runs for minutes: only where a pattern of rows asks for it. */
  readonly long?: boolean
}

const BATCH = 1000
const VALUE_BYTES = 150
const READ_ENTRIES = 200_000
const OPEN_ENTRIES = 500_000
const LOAD_ENTRIES = 10_000_000

const NPM: Target = { of: 'ratio', must: 1, aim: 2 }
const RAW: Target = { of: 'ratio', must: 0.5, aim: 0.8 }
const LEVEL_WORDS: Readonly<Record<Level, string>> = {
  synced: 'synced',
  eventual: 'synced within 1 ms',
  unsynced: 'not synced',
  logless: 'no log',
}

function writers(count: number): string {
  return count === 1 ? '1 writer' : `${count} writers`
}

function entriesPerSecond(id: string, title: string): Metric {
  return { id, title, unit: 'entries/s', better: 'more', of: figures => figure(figures, 'entriesPerSecond') }
}

interface Writes {
  readonly section: Section
  readonly id: string
  readonly title: string
  readonly level: Level
  readonly writers: number
  readonly batch: number
  readonly valueBytes?: number
  readonly order?: 'ordered' | 'random'
  readonly mixedOver?: number
  readonly entries?: number
  readonly targets?: Targets
}

function writesOf({ section, id, title, level, targets, ...rest }: Writes): Work {
  const { valueBytes = VALUE_BYTES, order = 'random', mixedOver } = rest
  return {
    section,
    kind: 'writes',
    level,
    parameters: { ...rest, valueBytes, order },
    metrics: [entriesPerSecond(`${id}-${level}`, `${title}, ${LEVEL_WORDS[level]}`)],
    targets: { ...(level === 'synced' || level === 'unsynced' ? { npm: NPM } : {}), ...targets },
    hasRaw: level === 'synced' && mixedOver === undefined,
  }
}

function batches(): Work[] {
  const of = (order: 'ordered' | 'random', level: Level, count: number): Work =>
    writesOf({
      section: 'batches',
      id: `batches-${order}-${count}`,
      title: `${order} keys, ${writers(count)}`,
      level,
      writers: count,
      batch: BATCH,
      order,
      targets: level === 'synced' ? { raw: RAW } : {},
    })
  const orders = ['ordered', 'random'] as const
  return [
    ...([1, 8] as const).flatMap(count =>
      (['synced', 'unsynced'] as const).flatMap(level => orders.map(order => of(order, level, count))),
    ),
    ...orders.map(order => of(order, 'logless', 1)),
  ]
}

/** What single puts must reach against native RocksDB, by level and number of writers. */
const PUT_TARGETS: Readonly<Record<string, Target>> = {
  'synced 1': { of: 'ratio', must: 0.9, aim: 1 },
  'synced 8': { of: 'ratio', must: 2, aim: 2.5 },
  'synced 64': { of: 'ratio', must: 4.5, aim: 7 },
  'unsynced 8': { of: 'ratio', must: 3, aim: 5 },
}

function puts(): Work[] {
  const of = (level: Level, count: number): Work => {
    const rocksdb = PUT_TARGETS[`${level} ${count}`]
    return writesOf({
      section: 'puts',
      id: `puts-${count}`,
      title: writers(count),
      level,
      writers: count,
      batch: 1,
      targets: rocksdb === undefined ? {} : { rocksdb },
    })
  }
  return [
    ...(['synced', 'unsynced', 'eventual'] as const).flatMap(level => [1, 8, 64, 512].map(count => of(level, count))),
    of('logless', 8),
  ]
}

const VALUE_SIZES = [
  [16, '16 B'],
  [4096, '4 KiB'],
  [1 << 20, '1 MiB'],
] as const

function values(): Work[] {
  return VALUE_SIZES.flatMap(([valueBytes, title]) =>
    (['synced', 'unsynced'] as const).map(level =>
      writesOf({ section: 'values', id: `values-${valueBytes}`, title, level, writers: 8, batch: 1, valueBytes }),
    ),
  )
}

function mixed(): Work[] {
  return (['synced', 'unsynced'] as const).map(level =>
    writesOf({
      section: 'mixed',
      id: 'mixed',
      title: `${READ_ENTRIES} entries`,
      level,
      writers: 8,
      batch: 1,
      mixedOver: READ_ENTRIES,
    }),
  )
}

function reads(): Work[] {
  const metric = (id: string, title: string, unit: Unit, name: string): Metric => ({
    id,
    title,
    unit,
    better: 'more',
    of: figures => figure(figures, name),
  })
  const parameters = { valueBytes: VALUE_BYTES, entries: READ_ENTRIES }
  const work = { section: 'reads', kind: 'reads', level: 'unsynced', parameters } as const
  return [
    {
      ...work,
      metrics: [
        metric('gets-hit', 'get, the key is there', 'gets/s', 'hits'),
        metric('gets-miss', 'get, the key is missing', 'gets/s', 'misses'),
        metric('ranges-100', 'ranges of 100 entries from a random key', 'entries/s', 'ranges'),
        metric('ranges-all', 'all entries in order', 'entries/s', 'scanned'),
      ],
      targets: { npm: NPM },
    },
  ]
}

function reopenings(): Work[] {
  const of = (kind: 'closed' | 'killed', id: string, title: string): Work => ({
    section: 'reopen',
    kind,
    level: 'unsynced',
    parameters: { valueBytes: VALUE_BYTES, entries: OPEN_ENTRIES, keepLog: kind === 'killed' },
    metrics: [{ id, title, unit: 'ms', better: 'less', of: figures => figure(figures, 'millis') }],
    targets: {},
  })
  return [
    of('closed', 'open', `after a close, ${OPEN_ENTRIES} entries`),
    of('killed', 'recovery', `after a kill, ${OPEN_ENTRIES} entries in the log where there is one`),
  ]
}

function loads(): Work[] {
  const work = writesOf({
    section: 'load',
    id: 'load',
    title: `${LOAD_ENTRIES} random keys, batches of ${BATCH}, 1 writer`,
    level: 'unsynced',
    writers: 1,
    batch: BATCH,
    entries: LOAD_ENTRIES,
  })
  return [{ ...work, long: true }]
}

/** In the order of the tables. */
export const WORKS: readonly Work[] = [
  ...batches(),
  ...puts(),
  ...values(),
  ...mixed(),
  ...reads(),
  ...reopenings(),
  ...loads(),
]

import type { Measured, Row, Unit } from '../benchmark.ts'
import type { Machine } from '../machine.ts'
import type { Rival } from '../rivals.ts'
import type { Summary } from '../statistics.ts'
import type { Level } from '../stores/store.ts'
import type { Column, Kind } from './contestants.ts'
import { WORKS } from './works.ts'
import type { Section, Targets } from './works.ts'

export interface Latency {
  /** Microseconds, medians of the runs. */
  readonly p50: number
  readonly p99: number
  readonly p999: number
}

export interface Result extends Measured {
  readonly column: Column
  readonly kind: Kind
  readonly latency?: Latency
}

/** A row as it is kept in the results' file: with everything that its figures depend on. */
export interface MeasuredRow {
  readonly id: string
  readonly section: Section
  readonly title: string
  readonly level: Level
  readonly unit: Unit
  readonly better: 'more' | 'less'
  readonly command: string
  readonly rounds: number
  readonly milliseconds: number
  readonly machine: Machine
  readonly rivals: readonly Rival[]
  readonly results: readonly Result[]
}

function bestOf(row: MeasuredRow, results: readonly Result[]): Result | undefined {
  const sign = row.better === 'more' ? 1 : -1
  return results.toSorted((a, b) => sign * (b.summary.median - a.summary.median))[0]
}

/** The best configuration of a column. */
export function cellOf(row: MeasuredRow, column: Column): Result | undefined {
  return bestOf(
    row,
    row.results.filter(result => result.column === column),
  )
}

export function bestOfKind(row: MeasuredRow, kind: Kind): Result | undefined {
  return bestOf(
    row,
    row.results.filter(result => result.kind === kind),
  )
}

/** How many times as good as the other, also where less is better. */
export function timesAsGood(row: MeasuredRow, own: Summary, other: Summary): number {
  return row.better === 'more' ? own.median / other.median : other.median / own.median
}

const TARGET_WORDS: Readonly<Record<keyof Targets, string>> = {
  rocksdb: 'native RocksDB',
  npm: 'the best npm package',
  raw: 'the raw limit',
}

function othersFor(row: MeasuredRow, against: keyof Targets): Result[] {
  if (against === 'rocksdb') return row.results.filter(({ column }) => column === 'RocksDB')
  return row.results.filter(({ kind }) => kind === against)
}

/** Each journal's row against each target that it has. */
export function judged(rows: readonly MeasuredRow[]): Row[] {
  const works = new Map(WORKS.flatMap(work => work.metrics.map(({ id }) => [id, work] as const)))
  return rows.flatMap(row => {
    const targets = Object.entries(works.get(row.id)?.targets ?? {}) as [keyof Targets, Row['target']][]
    return targets.flatMap(([against, target]) =>
      row.results
        .filter(({ kind }) => kind === 'manifold')
        .map((own): Row => {
          const journal = own.column.replace('Manifold ', '')
          const work = `${row.section}: ${row.title}, journal '${journal}', against ${TARGET_WORDS[against]}`
          // Whole ranges are reported: no package has to be beaten at them.
          const bound = row.id.startsWith('ranges') ? {} : { target: target! }
          return { work, unit: row.unit, better: row.better, own, others: othersFor(row, against), ...bound }
        }),
    )
  })
}

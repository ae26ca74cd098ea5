import { bestOther, ratioOf, verdictOf } from '../benchmark.ts'
import type { Row, Unit } from '../benchmark.ts'
import { formatFigure, formatPlain } from '../format.ts'
import { machineLine } from '../machine.ts'
import { rivalLine } from '../rivals.ts'
import { spread } from '../statistics.ts'
import { COLUMNS } from './contestants.ts'
import type { Column } from './contestants.ts'
import { bestOfKind, cellOf, judged, timesAsGood } from './measured-row.ts'
import type { MeasuredRow, Result } from './measured-row.ts'
import { SECTIONS } from './works.ts'
import type { Section } from './works.ts'

interface Table {
  readonly head: readonly string[]
  readonly rows: readonly string[][]
}

/** Without the words of a rate: the section's heading says what is counted. */
function short(value: number, unit: Unit): string {
  return formatFigure(value, unit).replace(/ (entries|gets)\/s$/, '')
}

function cellText(row: MeasuredRow, column: Column): string {
  const result = cellOf(row, column)
  if (result === undefined) return '–'
  return `${short(result.summary.median, row.unit)} ±${Math.round(spread(result.summary) * 100)} %`
}

function times(row: MeasuredRow, own: Result | undefined, other: Result | undefined): string {
  return own === undefined || other === undefined ? '–' : `${timesAsGood(row, own.summary, other.summary).toFixed(2)}x`
}

/** One line for each row, one column for each contestant that took part in any of them. */
function sectionTable(rows: readonly MeasuredRow[]): Table {
  const columns = COLUMNS.filter(column => rows.some(row => cellOf(row, column) !== undefined))
  const hasRaw = columns.includes('raw')
  const hasNpm = rows.some(row => bestOfKind(row, 'npm') !== undefined)
  return {
    head: ['work', ...columns, '×RocksDB', ...(hasNpm ? ['×best npm'] : []), ...(hasRaw ? ['of raw'] : [])],
    rows: rows.map(row => {
      const own = bestOfKind(row, 'manifold')
      return [
        row.title,
        ...columns.map(column => cellText(row, column)),
        times(row, own, cellOf(row, 'RocksDB')),
        ...(hasNpm ? [times(row, own, bestOfKind(row, 'npm'))] : []),
        ...(hasRaw ? [times(row, own, cellOf(row, 'raw'))] : []),
      ]
    }),
  }
}

function latencyTable(rows: readonly MeasuredRow[]): Table {
  const micros = (value: number): string => String(Number(value.toPrecision(3)))
  return {
    head: ['work', 'contestant', 'p50 µs', 'p99 µs', 'p99.9 µs'],
    rows: rows.flatMap(row =>
      COLUMNS.flatMap(column => {
        const result = cellOf(row, column)
        if (result?.latency === undefined) return []
        const { p50, p99, p999 } = result.latency
        return [[row.title, result.name, micros(p50), micros(p99), micros(p999)]]
      }),
    ),
  }
}

const VERDICT_WORDS = {
  aim: 'reaches the aim',
  must: 'reaches the must',
  short: '**falls short**',
  unknown: 'no rival',
  reported: 'reported',
} as const

function judgedTable(rows: readonly Row[]): Table {
  return {
    head: ['work', 'Manifold', 'against', 'ratio', 'must', 'aim', ''],
    rows: rows.map(row => {
      const other = bestOther(row)
      return [
        row.work,
        short(row.own.summary.median, row.unit),
        other === undefined ? '–' : `${other.name}: ${short(other.summary.median, row.unit)}`,
        `${ratioOf(row)?.toFixed(2) ?? '–'}x`,
        row.target === undefined ? '–' : `${row.target.must}x`,
        row.target === undefined ? '–' : `${row.target.aim}x`,
        VERDICT_WORDS[verdictOf(row)],
      ]
    }),
  }
}

function markdown({ head, rows }: Table): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map((_, i) => (i === 0 ? '---' : '---:'))), ...rows.map(line)].join('\n')
}

function sections(rows: readonly MeasuredRow[]): [Section, MeasuredRow[]][] {
  return (Object.keys(SECTIONS) as Section[])
    .map((section): [Section, MeasuredRow[]] => [section, rows.filter(row => row.section === section)])
    .filter(([, own]) => own.length > 0)
}

/** For the terminal. */
export function formatComparison(rows: readonly MeasuredRow[]): string {
  return sections(rows)
    .map(([section, own]) => {
      const { head, rows: lines } = sectionTable(own)
      return `${SECTIONS[section]}\n${formatPlain(head, lines)}`
    })
    .join('\n\n')
}

/** The rows that have targets, for the terminal. */
export function formatJudged(rows: readonly Row[]): string {
  const { head, rows: lines } = judgedTable(rows)
  return formatPlain(head, lines)
}

/** When, where and with what: one line for each way in which rows were measured. */
function origins(rows: readonly MeasuredRow[]): string[] {
  const lines = rows.map(row => {
    const versions = row.rivals.map(rivalLine).join(', ')
    const { machine, rounds, milliseconds } = row
    const runs = `${rounds} alternating runs of at least ${milliseconds} ms each`
    return `- ${machine.date.slice(0, 10)} · ${machineLine(machine)} · ${runs} · ${versions}`
  })
  return [...new Set(lines)]
}

const COMMAND = 'npm run bench -- compare'

const READING = `Figures are entries or operations a second where nothing else is said, medians, with half the distance between the extremes.
Each column has the best of its contestant's configurations: native RocksDB with its defaults, with pipelined writes, and with one
leader that inserts for its group (both with recycled log files and larger buffers); \`lmdb\` with the sync inside the commit and
behind it. The ratios are of Manifold's better journal. \`raw\` is the bytes of its log in as many synced writes as it has
made of them, to a file that was written before and with nothing else: one \`O_DSYNC\` write or a write and an \`fdatasync\`, the better. "Synced" acknowledges what survives a power cut, "not synced" what survives the end of the process, "no log" nothing. RocksDB
and LMDB run in C++ with a thread for each writer; everything from npm, Manifold too, runs on one thread of JavaScript.`

/** The results' page. The charts are named in the order in which they are to be seen. */
export function resultsPage(rows: readonly MeasuredRow[], charts: readonly string[]): string {
  const parts = [
    '# Comparison',
    `Made by \`${COMMAND}\`; \`--rows PATTERN\` makes some of its rows again. Every row is of its own run in [compare.json](compare.json):`,
    origins(rows).join('\n'),
    READING,
    ...charts.map(name => `![${name.replace('.svg', '')}](${name})`),
    ...sections(rows).flatMap(([section, own]) => [`## ${SECTIONS[section]}`, markdown(sectionTable(own))]),
    '## What is to be reached',
    markdown(judgedTable(judged(rows))),
    '## Latency of a commit',
    markdown(latencyTable(rows)),
  ]
  return `${parts.join('\n\n')}\n`
}

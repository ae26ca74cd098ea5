import Table from 'cli-table3'
import pc from 'picocolors'
import { bestOther, ratioOf, verdictOf } from './benchmark.ts'
import type { Row, Unit, Verdict } from './benchmark.ts'
import { spread } from './statistics.ts'
import type { Summary } from './statistics.ts'

const SCALES = [
  [1e9, ' G'],
  [1e6, ' M'],
  [1e3, ' K'],
] as const

function scaled(value: number): string {
  const scale = SCALES.find(([unit]) => Math.abs(value) >= unit)
  return scale === undefined ? value.toPrecision(3) : `${(value / scale[0]).toPrecision(3)}${scale[1]}`
}

export function formatFigure(value: number, unit: Unit): string {
  if (unit === 'bytes') return `${Math.round(value / 1e6)} MB`
  if (unit === 'times') return `${value.toFixed(2)}x`
  if (unit === 'ms' || unit === 's') return `${Number(value.toPrecision(3))} ${unit}`
  return `${scaled(value)} ${unit}`
}

function formatSummary(summary: Summary, unit: Unit): string {
  const figure = formatFigure(summary.median, unit)
  return summary.runs.length > 1 ? `${figure} ${pc.dim(`±${Math.round(spread(summary) * 100)} %`)}` : figure
}

const VERDICTS: Readonly<Record<Verdict, string>> = {
  aim: pc.green('reaches the aim'),
  must: pc.cyan('reaches the must'),
  short: pc.red('falls short'),
  unknown: pc.yellow('no rival'),
  reported: '',
}

function bounds(row: Row): [must: string, aim: string] {
  if (row.target === undefined) return ['', '']
  const { of, must, aim } = row.target
  const format = (value: number): string => (of === 'ratio' ? `${value}x` : formatFigure(value, row.unit))
  return [format(must), format(aim)]
}

function cells(row: Row): string[] {
  const best = bestOther(row)
  const ratio = ratioOf(row)
  const others = row.others.map(other => {
    const text = `${other.name}: ${formatSummary(other.summary, row.unit)}`
    return other === best ? text : pc.dim(text)
  })
  return [
    row.work,
    pc.bold(formatSummary(row.own.summary, row.unit)),
    others.length === 0 ? '–' : others.join('\n'),
    ratio === undefined ? '–' : pc.bold(`${ratio.toFixed(2)}x`),
    ...bounds(row),
    VERDICTS[verdictOf(row)],
  ]
}

/** Lines between rows only where cells have several lines. */
const COMPACT = { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' }

/** A table of ready cells. The table's own colours are off: they do not heed NO_COLOR. */
export function formatPlain(head: readonly string[], rows: readonly string[][]): string {
  const chars = rows.some(row => row.some(cell => cell.includes('\n'))) ? {} : COMPACT
  const table = new Table({ head: head.map(name => pc.cyan(name)), chars, style: { head: [], border: [] } })
  table.push(...rows)
  return table.toString()
}

/** Every row with what it is compared to; the contestant that counts is not dimmed. */
export function formatRows(rows: readonly Row[]): string {
  return formatPlain(['work', 'Manifold', 'against', 'ratio', 'must', 'aim', ''], rows.map(cells))
}

const BAR_WIDTH = 40

/** Horizontal bars, the longest filling the width. */
export function formatBars(
  figures: readonly { readonly name: string; readonly value: number; readonly text: string }[],
): string {
  const longest = Math.max(...figures.map(figure => figure.value), Number.MIN_VALUE)
  const width = Math.max(...figures.map(figure => figure.name.length))
  return figures
    .map(({ name, value, text }) => {
      const eighths = Math.round((value / longest) * BAR_WIDTH * 8)
      const bar = '█'.repeat(eighths >> 3) + (eighths % 8 === 0 ? '' : String.fromCharCode(0x2590 - (eighths % 8)))
      return `  ${name.padEnd(width)}  ${pc.green(bar)} ${text}`
    })
    .join('\n')
}

import { formatFigure } from '../format.ts'
import { COLUMNS } from './contestants.ts'
import type { Column } from './contestants.ts'
import { cellOf } from './measured-row.ts'
import type { MeasuredRow, Result } from './measured-row.ts'

/** The part of the npm package `echarts` that is used here; the package may be missing. */
interface ECharts {
  init(
    element: null,
    theme: null,
    options: object,
  ): {
    setOption(option: object): void
    renderToSVGString(): string
    dispose(): void
  }
}

export interface Chart {
  readonly name: string
  readonly svg: string
}

const PANELS_ACROSS = 2
const PANEL_WIDTH = 520
const LABEL_WIDTH = 112
const FIGURE_WIDTH = 76
const BAR_HEIGHT = 19
const TITLE_HEIGHT = 46
const PANEL_GAP = 40
const TEXT = { color: '#24292f', fontFamily: 'DejaVu Sans, Arial, sans-serif', fontSize: 12 }

const COLOURS: Readonly<Record<Column, string>> = {
  'Manifold async': '#0b6e4f',
  'Manifold sync': '#3aa17e',
  'Manifold off': '#8fd1b8',
  RocksDB: '#b5541c',
  LMDB: '#7a4fa3',
  lmdb: '#a98bc7',
  'classic-level': '#5b84b1',
  rocksdb: '#d9935f',
  'better-sqlite3': '#8c8c8c',
  raw: '#d0d0d0',
}

/** Contestants of a row that have a bar, the first at the top. */
interface Bar {
  readonly label: string
  readonly colour: string
  readonly result: Result
}

interface Panel {
  readonly title: string
  readonly bars: readonly Bar[]
  /** What is drawn beside the names, in the place `grid`. */
  series(grid: number): object[]
  readonly axis: object
}

function barsOf(row: MeasuredRow): Bar[] {
  return COLUMNS.flatMap(column => {
    const result = cellOf(row, column)
    const label = column === 'RocksDB' || column === 'LMDB' ? `${column} C++` : column
    return result === undefined ? [] : [{ label, colour: COLOURS[column], result }]
  })
}

function medianPanel(row: MeasuredRow): Panel {
  const bars = barsOf(row)
  return {
    title: `${row.title}, ${row.unit}`,
    bars,
    axis: { type: 'value', show: false },
    series: grid => [
      {
        type: 'bar',
        xAxisIndex: grid,
        yAxisIndex: grid,
        barWidth: BAR_HEIGHT - 6,
        data: bars.map(({ colour, result }) => ({ value: result.summary.median, itemStyle: { color: colour } })),
        label: {
          show: true,
          position: 'right',
          ...TEXT,
          fontSize: 11,
          formatter: ({ value }: { value: number }) => formatFigure(value, row.unit).replace(/ \w+\/s$/, ''),
        },
      },
    ],
  }
}

const PERCENTILES = [
  ['p50', 'circle'],
  ['p99', 'diamond'],
  ['p999', 'rect'],
] as const

/** A contestant's percentiles on one line, on an axis of powers of ten. */
function latencyPanel(row: MeasuredRow): Panel {
  const bars = barsOf(row).filter(({ result }) => result.latency !== undefined)
  return {
    title: `${row.title}, µs: ● p50  ◆ p99  ■ p99.9`,
    bars,
    axis: { type: 'log', axisLabel: { ...TEXT, fontSize: 10 }, splitLine: { lineStyle: { color: '#e6e6e6' } } },
    series: grid =>
      PERCENTILES.map(([name, symbol]) => ({
        type: 'scatter',
        xAxisIndex: grid,
        yAxisIndex: grid,
        symbol,
        symbolSize: 9,
        data: bars.map(({ colour, result }, i) => ({
          value: [result.latency![name], i],
          itemStyle: { color: colour },
        })),
      })),
  }
}

/** Panels side by side; all of a row of panels are as high as the one with the most bars. */
function draw(echarts: ECharts, title: string, panels: readonly Panel[], axisHeight: number): string {
  const most = Math.max(...panels.map(({ bars }) => bars.length))
  const panelHeight = most * BAR_HEIGHT
  const step = panelHeight + axisHeight + PANEL_GAP
  const width = PANELS_ACROSS * PANEL_WIDTH
  const height = TITLE_HEIGHT + Math.ceil(panels.length / PANELS_ACROSS) * step
  const places = panels.map((panel, i) => ({
    left: (i % PANELS_ACROSS) * PANEL_WIDTH,
    top: TITLE_HEIGHT + Math.floor(i / PANELS_ACROSS) * step,
    height: panel.bars.length * BAR_HEIGHT,
  }))
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width, height })
  chart.setOption({
    animation: false,
    backgroundColor: '#ffffff',
    textStyle: TEXT,
    title: [
      { text: title, left: 12, top: 8, textStyle: { ...TEXT, fontSize: 15, fontWeight: 'bold' } },
      ...panels.map((panel, i) => ({
        text: panel.title,
        left: places[i]!.left + 12,
        top: places[i]!.top - 6,
        textStyle: { ...TEXT, fontWeight: 'bold' },
      })),
    ],
    grid: places.map(({ left, top, height: own }) => ({
      left: left + LABEL_WIDTH,
      top: top + 22,
      width: PANEL_WIDTH - LABEL_WIDTH - FIGURE_WIDTH,
      height: own,
    })),
    xAxis: panels.map(({ axis }, gridIndex) => ({ ...axis, gridIndex })),
    yAxis: panels.map(({ bars }, gridIndex) => ({
      gridIndex,
      type: 'category',
      inverse: true,
      data: bars.map(({ label }) => label),
      axisLine: { lineStyle: { color: '#c0c0c0' } },
      axisTick: { show: false },
      axisLabel: { ...TEXT, fontSize: 11 },
    })),
    series: panels.flatMap((panel, i) => panel.series(i)),
  })
  const svg = chart.renderToSVGString()
  chart.dispose()
  return `${svg}\n`
}

interface ChartPlan {
  readonly name: string
  readonly title: string
  readonly rows: readonly MeasuredRow[]
  readonly kind: 'median' | 'latency'
}

function plans(all: readonly MeasuredRow[]): ChartPlan[] {
  const plan = (
    name: string,
    title: string,
    chosen: (row: MeasuredRow) => boolean,
    kind: ChartPlan['kind'] = 'median',
  ): ChartPlan => ({ name: `${name}.svg`, title, rows: all.filter(chosen), kind })
  const of = (section: string, level?: string) => (row: MeasuredRow) =>
    row.section === section && (level === undefined || row.level === level)
  const either =
    (...tests: ((row: MeasuredRow) => boolean)[]) =>
    (row: MeasuredRow) =>
      tests.some(test => test(row))
  return [
    plan('puts-synced', 'Single puts, durable', of('puts', 'synced')),
    plan('puts-unsynced', 'Single puts, not synced', of('puts', 'unsynced')),
    plan('batches-synced', 'Batches of 1,000, durable', of('batches', 'synced')),
    plan('batches-unsynced', 'Batches of 1,000, not synced', of('batches', 'unsynced')),
    plan('values', 'Values of other sizes, 8 writers', of('values')),
    plan('reads', 'Reads, and gets between puts', either(of('reads'), of('mixed'))),
    plan('opening', 'Opening', of('reopen')),
    plan('load', 'Sustained load', of('load')),
    plan('latency-synced', 'Latency of a durable commit', of('puts', 'synced'), 'latency'),
    plan('latency-unsynced', 'Latency of a commit that is not synced', of('puts', 'unsynced'), 'latency'),
  ].filter(({ rows }) => rows.length > 0)
}

/** None where the package that draws them is missing, which is said. */
export async function drawCharts(rows: readonly MeasuredRow[]): Promise<Chart[]> {
  const name = 'echarts'
  let echarts: ECharts
  try {
    echarts = (await import(name)) as ECharts
  } catch {
    console.error(`${name}: missing, no charts are drawn (npm install --prefix bench)`)
    return []
  }
  return plans(rows).map(({ name: file, title, rows: own, kind }) => ({
    name: file,
    svg: draw(echarts, title, own.map(kind === 'median' ? medianPanel : latencyPanel), kind === 'median' ? 0 : 22),
  }))
}

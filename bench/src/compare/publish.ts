import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { drawCharts } from './charts.ts'
import type { MeasuredRow } from './measured-row.ts'
import { resultsPage } from './tables.ts'
import { WORKS } from './works.ts'

const DIRECTORY = fileURLToPath(new URL('../../results/', import.meta.url))
const ROWS_FILE = `${DIRECTORY}compare.json`
const PAGE_FILE = `${DIRECTORY}compare.md`

function earlierRows(): MeasuredRow[] {
  try {
    return JSON.parse(readFileSync(ROWS_FILE, 'utf8')) as MeasuredRow[]
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

/** In the order of the works; rows of works that there are no more are left out. */
function merged(earlier: readonly MeasuredRow[], measured: readonly MeasuredRow[]): MeasuredRow[] {
  const rows = new Map([...earlier, ...measured].map(row => [row.id, row]))
  return WORKS.flatMap(work => work.metrics.flatMap(({ id }) => rows.get(id) ?? []))
}

/** A file is replaced whole, so that one that was cut off is never read. */
function replace(path: string, text: string): void {
  writeFileSync(`${path}.new`, text)
  renameSync(`${path}.new`, path)
}

/** Puts new rows in the place of earlier ones and makes page and charts again. */
export async function publish(measured: readonly MeasuredRow[]): Promise<void> {
  mkdirSync(DIRECTORY, { recursive: true })
  const rows = merged(earlierRows(), measured)
  replace(ROWS_FILE, `${JSON.stringify(rows, null, 1)}\n`)
  const charts = await drawCharts(rows)
  for (const { name, svg } of charts) replace(DIRECTORY + name, svg)
  replace(
    PAGE_FILE,
    resultsPage(
      rows,
      charts.map(({ name }) => name),
    ),
  )
}

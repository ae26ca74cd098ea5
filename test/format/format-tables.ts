import assert from 'node:assert/strict'
import { projectText } from '../support/project.ts'

/** One row of a table, by the names of its columns. Backticks are taken off where they hold the whole cell. */
export type Row = Readonly<Record<string, string>>

function cellsOf(line: string): string[] {
  return line
    .slice(1, line.lastIndexOf('|'))
    .split('|')
    .map(cell => cell.trim().replace(/^`([^`]*)`$/, '$1'))
}

/** The first table below a heading of a page. */
export function tableBelow(file: string, heading: string): Row[] {
  const lines = projectText(file).split('\n')
  const start = lines.findIndex(line => line.replace(/^#+ /, '') === heading && line.startsWith('#'))
  assert.ok(start >= 0, `${file} has the heading '${heading}'`)
  const first = lines.findIndex((line, i) => i > start && line.startsWith('|'))
  const columns = cellsOf(lines[first]!)
  const rows: Row[] = []
  for (let i = first + 2; lines[i]?.startsWith('|'); i++) {
    const cells = cellsOf(lines[i]!)
    assert.equal(cells.length, columns.length, `${file}, '${heading}': ${lines[i]}`)
    rows.push(Object.fromEntries(columns.map((column, at) => [column, cells[at]!])))
  }
  return rows
}

/** A field of a structure. `bytes` is undefined for the rest, whose length varies. */
export interface Field {
  readonly offset: number
  readonly bytes: number | undefined
  readonly name: string
}

/** What stands in front of the first comma or colon is the field's name. */
function field(offset: string, bytes: string, text: string): Field {
  return {
    offset: Number(offset),
    bytes: bytes === '-' ? undefined : Number(bytes),
    name: text.split(/[,:]/)[0]!.trim(),
  }
}

/** The fields of a structure as docs/format.md has them, checked to leave no gap. */
export function fieldsOf(heading: string): Field[] {
  const fields = tableBelow('docs/format.md', heading).map(row => field(row['offset']!, row['bytes']!, row['field']!))
  for (const [i, { offset, bytes }] of fields.entries()) {
    const next = fields[i + 1]
    if (next !== undefined) assert.equal(offset + bytes!, next.offset, `'${heading}': what follows byte ${offset}`)
  }
  return fields
}

/** The first drawing in a source: lines of offset, bytes, field. */
export function drawingOf(source: string): Field[] {
  return [...projectText(source).matchAll(/^ \* +(\d+) +([\d-]+) {2}(\S.*)$/gm)].map(([, offset, bytes, text]) =>
    field(offset!, bytes!, text!),
  )
}

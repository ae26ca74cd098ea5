import type { Database, ReadTable } from '../../src/index.ts'
import { table, utf8 } from '../../src/index.ts'
import { stateText, tableText } from './state.ts'
import { TABLES } from './step.ts'

export const DEFINITIONS: Readonly<Record<string, ReturnType<typeof define>>> = Object.fromEntries(
  TABLES.map(name => [name, define(name)]),
)

function define(name: string) {
  return table(name, { key: utf8, value: utf8 })
}

/** All that the database shows, as the text of a state. */
export function contentsOf(db: Database): string {
  return stateText(
    db.columnFamilies(),
    family => db.columnFamily(family).tables(),
    (family, name) => readTable(db.columnFamily(family).table(DEFINITIONS[name]!)),
  )
}

export function readTable(target: ReadTable<string, string>): string {
  return tableText(target.range())
}

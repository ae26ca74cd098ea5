/** What the database should hold, in the plainest way. A state is never changed; every operation makes a new one. */
export class TableState {
  readonly entries: ReadonlyMap<string, string>
  #text: string | undefined

  constructor(entries: ReadonlyMap<string, string>) {
    this.entries = entries
  }

  /** One text for one content, made once. Keys are ASCII, whose order is that of their bytes. */
  get text(): string {
    return (this.#text ??= tableText([...this.entries].sort(([a], [b]) => (a < b ? -1 : 1))))
  }
}

export type FamilyState = ReadonlyMap<string, TableState>
export type State = ReadonlyMap<string, FamilyState>

export const EMPTY: State = new Map()

export function tableText(entries: Iterable<readonly [string, string]>): string {
  let text = ''
  for (const [key, value] of entries) text += `${key}=${value};`
  return text
}

/** One text for one state. Families and tables come in the order of their names. */
export function stateText(
  families: readonly string[],
  tables: (family: string) => readonly string[],
  text: (family: string, table: string) => string,
): string {
  return families
    .map(
      family =>
        `${family}{${tables(family)
          .map(table => `${table}[${text(family, table)}]`)
          .join('')}}`,
    )
    .join('')
}

export function textOf(state: State): string {
  return stateText(
    [...state.keys()].sort(),
    family => [...state.get(family)!.keys()].sort(),
    (family, table) => state.get(family)!.get(table)!.text,
  )
}

export function tableOf(state: State, family: string, table: string): TableState | undefined {
  return state.get(family)?.get(table)
}

export function withTable(state: State, family: string, table: string, content: TableState | undefined): State {
  const tables = new Map(state.get(family))
  if (content === undefined) tables.delete(table)
  else tables.set(table, content)
  return new Map(state).set(family, tables)
}

export function putInto(
  state: State,
  family: string,
  table: string,
  entries: Iterable<readonly [string, string]>,
): State {
  const all = new Map(tableOf(state, family, table)?.entries)
  for (const [key, value] of entries) all.set(key, value)
  return withTable(state, family, table, new TableState(all))
}

/** A deletion creates nothing. */
export function deleteFrom(state: State, family: string, table: string, gone: (key: string) => boolean): State {
  const found = tableOf(state, family, table)
  if (found === undefined) return state
  return withTable(state, family, table, new TableState(new Map([...found.entries].filter(([key]) => !gone(key)))))
}

export function withoutFamily(state: State, family: string): State {
  const families = new Map(state)
  families.delete(family)
  return families
}

export function renamed(state: State, from: string, to: string): State {
  return new Map(withoutFamily(state, from)).set(to, state.get(from)!)
}

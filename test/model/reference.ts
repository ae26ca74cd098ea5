/** What the database should hold, kept in the plainest way: sorted arrays of entries, by family and table. */
export type Entry = readonly [key: string, value: string]
export type Tables = ReadonlyMap<string, readonly Entry[]>

/** One state of a whole database. Never changed; every operation makes a new one. */
export class Reference {
  readonly families: ReadonlyMap<string, Tables>

  constructor(families: ReadonlyMap<string, Tables> = new Map()) {
    this.families = families
  }

  entries(family: string, table: string): readonly Entry[] {
    return this.families.get(family)?.get(table) ?? []
  }

  #with(family: string, table: string, entries: readonly Entry[]): Reference {
    const tables = new Map(this.families.get(family)).set(table, entries)
    return new Reference(new Map(this.families).set(family, tables))
  }

  put(family: string, table: string, key: string, value: string): Reference {
    const others = this.entries(family, table).filter(([other]) => other !== key)
    return this.#with(family, table, [...others, [key, value] as const].sort(byKey))
  }

  /** Deletions create nothing. */
  deleteWhere(family: string, table: string, gone: (key: string) => boolean): Reference {
    if (this.families.get(family)?.get(table) === undefined) return this
    return this.#with(
      family,
      table,
      this.entries(family, table).filter(([key]) => !gone(key)),
    )
  }

  dropFamily(family: string): Reference {
    const families = new Map(this.families)
    families.delete(family)
    return new Reference(families)
  }

  renameFamily(from: string, to: string): Reference {
    const families = new Map(this.families)
    families.set(to, families.get(from)!)
    families.delete(from)
    return new Reference(families)
  }

  dropTable(family: string, table: string): Reference {
    const tables = new Map(this.families.get(family))
    tables.delete(table)
    return new Reference(new Map(this.families).set(family, tables))
  }

  /** One text for one state, to tell states apart and to show them. */
  toString(): string {
    const families = [...this.families].sort(byName).map(([name, tables]) => [name, [...tables].sort(byName)])
    return JSON.stringify(families)
  }
}

/** Keys are ASCII, where the order of characters is that of bytes. */
function byKey(a: Entry, b: Entry): number {
  return a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0
}

function byName(a: readonly [string, unknown], b: readonly [string, unknown]): number {
  return a[0] < b[0] ? -1 : 1
}

export interface TestRange {
  readonly gte?: string | undefined
  readonly lt?: string | undefined
  readonly reverse?: boolean
  readonly limit?: number
  readonly offset?: number
}

export function isWithin(range: TestRange, key: string): boolean {
  return (range.gte === undefined || key >= range.gte) && (range.lt === undefined || key < range.lt)
}

export function select(entries: readonly Entry[], range: TestRange): Entry[] {
  const inside = entries.filter(([key]) => isWithin(range, key))
  if (range.reverse) inside.reverse()
  const offset = range.offset ?? 0
  return inside.slice(offset, range.limit === undefined ? undefined : offset + range.limit)
}

import { NAME_BYTES_MAX } from '../base/limits.ts'
import type { TableSchema } from '../engine/family-writer.ts'
import type { CatalogTable, TreeRoot } from '../pager/meta-format.ts'
import { EMPTY_ROOT } from '../pager/meta-format.ts'
import type { SalvagedTable } from './report.ts'
import type { SalvageTarget } from './target.ts'
import type { TreeSalvage } from './tree-walk.ts'
import { newTreeSalvage } from './tree-walk.ts'

/** What has no name any more goes into this family, and what has no codecs is bytes. */
export const LOST_FAMILY = 'lost+found'
const BYTES_CODEC = 'bytes'

/** One table on its way from the damaged database into the new one. */
export interface TableState {
  readonly familyId: number
  readonly schema: TableSchema
  readonly tree: TreeSalvage
  fromPages: number
  fromLog: number
  isStale: boolean
  readonly reasons: string[]
}

/** The families and tables, by the ids that the damaged database knows them by, as the catalog and then the log have them. */
export class TableStates {
  readonly #families: Map<number, string> = new Map()
  readonly #tables: Map<number, TableState> = new Map()
  /** Tables whose ids are not known. */
  readonly #extra: TableState[] = []

  get all(): readonly TableState[] {
    return [...this.#tables.values(), ...this.#extra]
  }

  /** The family's name; one that nothing names gets one of its own. */
  familyName(id: number): string {
    let name = this.#families.get(id)
    if (name === undefined) {
      name = id < 0 ? LOST_FAMILY : `${LOST_FAMILY}-${id}`
      this.addFamily(id, name)
    }
    return this.#families.get(id)!
  }

  /** Damage may give two families one name. */
  addFamily(id: number, name: string): void {
    const taken = new Set([...this.#families].filter(([other]) => other !== id).map(([, other]) => other))
    let unique = name === '' ? LOST_FAMILY : name
    for (let i = 2; taken.has(unique); i++) unique = `${name}~${i}`
    this.#families.set(id, unique)
  }

  dropFamily(id: number): void {
    this.#families.delete(id)
    for (const [tableId, table] of this.#tables) if (table.familyId === id) this.#tables.delete(tableId)
  }

  addCatalogTable({ id, familyId, name, keyCodec, valueCodec, root }: CatalogTable): TableState {
    return this.#add(id, familyId, { name, keyCodec, valueCodec }, root)
  }

  addLogTable(id: number, familyId: number, schema: TableSchema): TableState {
    return this.#tables.get(id) ?? this.#add(id, familyId, schema, EMPTY_ROOT)
  }

  /** A table that only its pages, or its neighbour, are known of. */
  addExtra(familyId: number, schema: TableSchema, root: TreeRoot): TableState {
    const state = newState(familyId, this.#uniqueIn(familyId, schema), root)
    this.#extra.push(state)
    return state
  }

  /** The table; one that nothing names gets a name of its own. */
  table(id: number, familyId: number): TableState {
    const known = this.#tables.get(id)
    if (known !== undefined) return known
    const schema = { name: `lost-table-${id}`, keyCodec: BYTES_CODEC, valueCodec: BYTES_CODEC }
    const state = this.#add(id, familyId, schema, EMPTY_ROOT)
    state.reasons.push('nothing says what it was called and which codecs it had')
    return state
  }

  find(id: number): TableState | undefined {
    return this.#tables.get(id)
  }

  dropTable(id: number): void {
    this.#tables.delete(id)
  }

  #add(id: number, familyId: number, schema: TableSchema, root: TreeRoot): TableState {
    const state = newState(familyId, this.#uniqueIn(familyId, schema), root)
    this.#tables.set(id, state)
    return state
  }

  #uniqueIn(familyId: number, schema: TableSchema): TableSchema {
    const taken = new Set(this.all.filter(table => table.familyId === familyId).map(table => table.schema.name))
    let name = schema.name
    for (let i = 2; taken.has(name); i++) name = `${schema.name}~${i}`
    return name === schema.name ? schema : { ...schema, name }
  }
}

function newState(familyId: number, schema: TableSchema, root: TreeRoot): TableState {
  return { familyId, schema, tree: newTreeSalvage(root), fromPages: 0, fromLog: 0, isStale: false, reasons: [] }
}

export function lostTreeSchema(page: number): TableSchema {
  return { name: `tree-${page}`, keyCodec: BYTES_CODEC, valueCodec: BYTES_CODEC }
}

/** The table beside another one for what no checksum confirms. */
export function unverifiedSchema(schema: TableSchema, page: number): TableSchema {
  const name = `${schema.name}~unverified`
  return { ...schema, name: new TextEncoder().encode(name).length > NAME_BYTES_MAX ? `unverified-${page}` : name }
}

export function tableReport(state: TableState, columnFamily: string, target: SalvageTarget): SalvagedTable {
  const { schema, tree, fromPages, fromLog, isStale, reasons } = state
  const lost = Math.max(0, tree.root.entries - tree.found) + tree.lostValues
  const why = [...reasons]
  if (tree.damage.length > 0) why.unshift(`${tree.damage.length} of its pages are damaged`)
  return {
    columnFamily,
    ...schema,
    entries: target.countOf(columnFamily, schema.name),
    fromPages,
    fromLog,
    lost,
    whole: why.length === 0 && !isStale && lost === 0,
    possiblyStale: isStale,
    reasons: why,
    damage: tree.damage,
  }
}

import type { Memtable } from '../memtable/memtable.ts'
import type { TreeRoot } from '../pager/meta-format.ts'

/** A table as its family's catalog has it. Never changed: a table dropped and made anew has another id. */
export interface TableEntry {
  readonly id: number
  readonly name: string
  readonly keyCodec: string
  readonly valueCodec: string
}

export type Tables = ReadonlyMap<string, TableEntry>
export type Roots = ReadonlyMap<number, TreeRoot>

/** A limit above every address. */
export const EVERYTHING = 0x7fffffff

/**
 * One family at one moment: all that a read needs. Nothing in it changes, but for entries beyond its limits; whoever
 * keeps it beyond the current turn pins it (`pin.ts`).
 */
export interface FamilyView {
  readonly tables: Tables
  readonly active: Memtable | undefined
  readonly activeLimit: number
  readonly frozen: Memtable | undefined
  readonly frozenLimit: number
  readonly roots: Roots
}

const NO_TABLES: Tables = new Map()
const NO_ROOTS: Roots = new Map()

/** A column family. What writers see runs ahead of what readers see by the commits that are not yet synced. */
export class Family {
  readonly id: number
  name: string
  active: Memtable | undefined
  frozen: Memtable | undefined
  roots: Roots = NO_ROOTS
  /** The tables after the last appended commit. */
  tables: Tables = NO_TABLES
  /** The tables after the last visible commit. */
  visibleTables: Tables = NO_TABLES
  /** The sequence of the last commit that wrote here, and the position of the log behind it. */
  lastSequence = 0
  lastPosition = 0
  /** Grows with every change of memtables, roots or tables. */
  version = 0
  #view: FamilyView | undefined

  constructor(id: number, name: string) {
    this.id = id
    this.name = name
  }

  /** What a reader sees now. The same object until something becomes visible. */
  view(): FamilyView {
    this.#view ??= {
      tables: this.visibleTables,
      active: this.active,
      activeLimit: this.active?.visible ?? 0,
      frozen: this.frozen,
      frozenLimit: this.frozen?.visible ?? 0,
      roots: this.roots,
    }
    return this.#view
  }

  /** To be called when anything that a view holds has changed. */
  changed(): void {
    this.version++
    this.#view = undefined
  }
}

import type { Memtable, MemtableTable } from '../memtable/memtable.ts'
import type { EncodedKey } from '../shared/encoded-key.ts'
import {
  encodeSectionHeader,
  KIND_CREATE_FAMILY,
  KIND_CREATE_TABLE,
  SECTION_HEADER_BYTES,
} from '../shared/entry-format.ts'
import type { CommitPart } from './commit.ts'
import type { Family, FamilyView, TableEntry, Tables } from './family.ts'
import { EVERYTHING } from './family.ts'

/** What a family's part of a transaction needs of the engine. */
export interface WriterHost {
  newMemtable(): Memtable
  newTableId(): number
  /** Bytes of UTF-8. */
  encodeName(name: string): Uint8Array
}

/** What a table must be to be written to; it is created if its family has none of that name. */
export interface TableSchema {
  readonly name: string
  readonly keyCodec: string
  readonly valueCodec: string
}

/** A place to roll back to: the address of the next entry, and the catalog as it was. */
interface Mark {
  address: number
  readonly tables: Tables
  readonly announced: boolean
}

/**
 * One family's part of an open transaction. Requires: the family's write lock is held throughout.
 *
 * Its entries lie in the family's active memtable behind everything committed, from `#start` on. A freeze in the middle
 * gives the family a new memtable and moves them there (`moveTo`).
 */
export class FamilyWriter {
  readonly family: Family
  /** False for a family that comes into being with this transaction, from the first write on. */
  readonly existed: boolean
  tables: Tables
  readonly #host: WriterHost
  #memtable: Memtable | undefined
  #start = 0
  /** The entry that creates the family has been written. */
  #announced: boolean
  readonly #marks: Mark[] = []
  #view: FamilyView | undefined
  #viewVersion = -1
  /** The table of the last write, so that a run of writes to one table looks it up once. */
  #lastTableId = -1
  #lastTable: MemtableTable | undefined

  constructor(host: WriterHost, family: Family, existed: boolean) {
    this.#host = host
    this.family = family
    this.existed = existed
    this.#announced = existed
    this.tables = family.tables
    this.#attach(family.active)
  }

  get memtable(): Memtable | undefined {
    return this.#memtable
  }

  get wrote(): boolean {
    return this.#memtable !== undefined && this.#memtable.arena.end > this.#start
  }

  put(tableId: number, key: EncodedKey, value: Uint8Array, valueLength: number): void {
    const memtable = this.#memtable ?? this.#open()
    memtable.put(
      tableId === this.#lastTableId ? this.#lastTable! : this.#tableOf(memtable, tableId),
      tableId,
      key,
      value,
      valueLength,
    )
  }

  delete(tableId: number, key: EncodedKey): void {
    const memtable = this.#memtable ?? this.#open()
    memtable.delete(this.#tableOf(memtable, tableId), tableId, key)
  }

  deleteRange(tableId: number, start: Uint8Array, end: Uint8Array | undefined): void {
    const memtable = this.#memtable ?? this.#open()
    memtable.deleteRange(this.#tableOf(memtable, tableId), tableId, start, end)
  }

  #tableOf(memtable: Memtable, tableId: number): MemtableTable {
    this.#lastTable = memtable.tableForWriting(tableId)
    this.#lastTableId = tableId
    return this.#lastTable
  }

  /** The family's table of that name, created if there is none. */
  ensureTable(schema: TableSchema): TableEntry {
    const known = this.tables.get(schema.name)
    if (known !== undefined) return known
    const memtable = this.#open()
    const entry: TableEntry = { id: this.#host.newTableId(), ...schema }
    const codecs = this.#host.encodeName(`${schema.keyCodec}\0${schema.valueCodec}`)
    memtable.note(KIND_CREATE_TABLE, entry.id, this.#host.encodeName(schema.name), codecs)
    this.tables = new Map(this.tables).set(schema.name, entry)
    this.#view = undefined
    return entry
  }

  /** The memtable, with the entry that creates the family in it where that is due. */
  #open(): Memtable {
    let memtable = this.#memtable
    if (memtable === undefined) {
      memtable = this.#host.newMemtable()
      this.#attach(memtable)
      if (this.existed) {
        this.family.active = memtable
        this.family.changed()
      }
    }
    if (!this.#announced) {
      this.#announced = true
      memtable.note(KIND_CREATE_FAMILY, this.family.id, this.#host.encodeName(this.family.name), NO_BYTES)
    }
    return memtable
  }

  #attach(memtable: Memtable | undefined): void {
    this.#memtable = memtable
    this.#start = memtable?.arena.end ?? 0
    this.#lastTableId = -1
    this.#view = undefined
  }

  /** All that the family has committed, and what this transaction has written. */
  view(): FamilyView {
    const { family } = this
    if (this.#view === undefined || this.#viewVersion !== family.version) {
      this.#viewVersion = family.version
      this.#view = {
        tables: this.tables,
        active: this.#memtable,
        activeLimit: EVERYTHING,
        frozen: family.frozen,
        frozenLimit: family.frozen?.appended ?? 0,
        roots: family.roots,
      }
    }
    return this.#view
  }

  /** Remembers where the transaction stands; the result is the number of marks before it. */
  mark(): void {
    this.#marks.push({ address: this.#memtable?.arena.end ?? 0, tables: this.tables, announced: this.#announced })
  }

  /** Takes back everything since the mark of that number, which stays. */
  rollbackTo(number: number): void {
    const { address, tables, announced } = this.#marks[number]!
    this.#marks.length = number + 1
    this.#memtable?.rollback(Math.max(address, this.#start))
    this.tables = tables
    this.#announced = announced
    this.#view = undefined
  }

  /** Takes back everything. */
  abort(): void {
    if (this.#memtable !== undefined) {
      this.#memtable.rollback(this.#start)
      if (!this.existed) this.#memtable.unpin()
    }
    this.#view = undefined
  }

  /** Bytes that the commit adds to its record. */
  payloadBytes(): number {
    if (!this.wrote) return 0
    let bytes = SECTION_HEADER_BYTES
    for (const part of this.#memtable!.arena.extents(this.#start, this.#memtable!.arena.end)) bytes += part.length
    return bytes
  }

  /** Hands the entries to a record and makes them part of the family's history. Requires: `wrote`. */
  commit(payload: Uint8Array[]): CommitPart {
    const memtable = this.#memtable!
    const extents = memtable.arena.extents(this.#start, memtable.arena.end)
    let bytes = 0
    for (const part of extents) bytes += part.length
    payload.push(encodeSectionHeader(this.family.id, bytes), ...extents)
    memtable.append()
    const { family, tables } = this
    family.tables = tables
    if (family.active !== memtable) {
      family.active = memtable
      family.changed()
    }
    return { family, memtable, end: memtable.appended, tables }
  }

  /** The family has been frozen: what is not committed goes on in `next`. The old entries stay where they are for iterators. */
  moveTo(next: Memtable): void {
    const old = this.#memtable!
    const marked = new Map<number, number>()
    for (const mark of this.#marks) marked.set(old.arena.normalise(mark.address), -1)
    old.copyTail(this.#start, next, (from, to) => {
      if (marked.has(from)) marked.set(from, to)
    })
    for (const mark of this.#marks) {
      const address = marked.get(old.arena.normalise(mark.address))!
      mark.address = address < 0 ? next.arena.end : address
    }
    this.#attach(next)
    this.#start = 0
  }

  /** The family has been frozen and nothing was written yet: the next write begins a new memtable. */
  detach(): void {
    for (const mark of this.#marks) mark.address = 0
    this.#attach(undefined)
  }
}

const NO_BYTES: Uint8Array = new Uint8Array(0)

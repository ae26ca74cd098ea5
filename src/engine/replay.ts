import type { DatabaseError } from '../base/errors.ts'
import { ID_MAX } from '../base/limits.ts'
import type { Memtable, MemtableLoad } from '../memtable/memtable.ts'
import {
  ENTRY_HEADER_BYTES,
  entryWords,
  KIND_CREATE_FAMILY,
  KIND_CREATE_TABLE,
  KIND_DROP_FAMILY,
  KIND_DROP_TABLE,
  valueStart,
} from '../shared/entry-format.ts'
import type { LogFault, LogRecord } from '../wal/log-reader.ts'
import { RECORD_HEADER_BYTES } from '../wal/record-format.ts'
import type { ColumnFamilies } from './column-families.ts'
import { Family } from './family.ts'
import type { RecordEntry, RecordVisitor } from './record-entries.ts'
import { decodeCodecIds, isTableEntry, readRecordEntries } from './record-entries.ts'

/**
 * Puts the records of the log back into memtables. A record's checksum has been verified; its contents are checked all
 * the same, because what follows from a length or an id that is wrong would be worse than a refusal to open.
 */
export class Replay implements RecordVisitor {
  entries = 0
  readonly #families: ColumnFamilies
  readonly #newMemtable: () => Memtable
  readonly #damage: (fault: LogFault) => DatabaseError
  readonly #byId: Map<number, Family> = new Map()
  /** What fills the families' memtables, by the families' ids. */
  readonly #loads: Map<number, MemtableLoad> = new Map()
  /** The record that is being applied. */
  #record: LogRecord | undefined
  /** Where entries stand in the record that have been checked and not taken over: of tables, one after the other. */
  #runStart = 0
  #runEnd = 0

  /** `damage` makes the error that tells of a fault by its file. */
  constructor(families: ColumnFamilies, newMemtable: () => Memtable, damage: (fault: LogFault) => DatabaseError) {
    this.#families = families
    this.#newMemtable = newMemtable
    this.#damage = damage
    for (const family of families.all()) this.#byId.set(family.id, family)
  }

  /** Applies one record. Throws MANIFOLD_CORRUPTION if it does not hold what a commit writes. */
  apply(record: LogRecord): void {
    this.#record = record
    this.#runStart = this.#runEnd = 0
    readRecordEntries(record.payload, this)
  }

  /** To be called behind the last record, before anybody reads. */
  finish(): void {
    for (const load of this.#loads.values()) load.insert(true)
    this.#loads.clear()
  }

  entry(familyId: number, { kind, offset, keyLength, id, valueLength }: RecordEntry): void {
    const { payload } = this.#record!
    if (isTableEntry(kind)) {
      if (this.#runEnd !== offset) {
        if (!this.#byId.has(familyId)) this.#unknown(offset, familyId)
        this.#takeRun(familyId)
        this.#runStart = offset
      }
      this.#runEnd = offset + entryWords(keyLength, valueLength) * 4
      this.entries++
      return
    }
    this.#takeRun(familyId)
    const key = offset + ENTRY_HEADER_BYTES
    const name = payload.subarray(key, key + keyLength)
    const value = payload.subarray(offset + valueStart(keyLength), offset + valueStart(keyLength) + valueLength)
    this.#applyChange(offset, kind, familyId, id, name, value)
  }

  /** Requires: the run's entries are of that family. */
  #takeRun(familyId: number): void {
    if (this.#runStart < this.#runEnd) {
      this.#loadOf(familyId).append(this.#record!.payload, this.#runStart, this.#runEnd)
    }
    this.#runStart = this.#runEnd = 0
  }

  #loadOf(familyId: number): MemtableLoad {
    let load = this.#loads.get(familyId)
    if (load === undefined) {
      const family = this.#byId.get(familyId)!
      family.active ??= this.#newMemtable()
      load = family.active.load()
      this.#loads.set(familyId, load)
    }
    return load
  }

  sectionEnd(familyId: number): void {
    this.#takeRun(familyId)
    this.#loads.get(familyId)?.insert(false)
    const family = this.#byId.get(familyId)
    if (family === undefined) return
    family.lastSequence = this.#record!.sequence
    family.lastPosition = this.#record!.end
    family.visibleTables = family.tables
    if (family.active !== undefined) {
      family.active.append()
      family.active.visible = family.active.appended
    }
    family.changed()
  }

  /** A change to the set of families or tables. */
  #applyChange(offset: number, kind: number, familyId: number, id: number, name: Uint8Array, value: Uint8Array): void {
    if (kind === KIND_CREATE_FAMILY) {
      if (familyId > ID_MAX || this.#byId.has(familyId)) this.fail(offset, 'a new id of a family')
      const family = new Family(familyId, this.#newName(offset, name))
      this.#byId.set(familyId, family)
      this.#families.create(family)()
      this.#families.reserveIds(familyId, 0)
      return
    }
    const family = this.#byId.get(familyId) ?? this.#unknown(offset, familyId)
    if (kind === KIND_CREATE_TABLE) this.#createTable(offset, family, id, name, value)
    else if (kind === KIND_DROP_TABLE) {
      family.tables = new Map([...family.tables].filter(([, entry]) => entry.id !== id))
    } else if (kind === KIND_DROP_FAMILY) {
      this.#families.drop(family, () => undefined)()
      this.#byId.delete(familyId)
      this.#loads.delete(familyId)
    } else this.#families.rename(family, this.#newName(offset, name))()
  }

  /** The name that a family is to have. */
  #newName(offset: number, bytes: Uint8Array): string {
    const name = decode(bytes)
    return this.#families.get(name) === undefined ? name : this.fail(offset, 'a name that no other family has')
  }

  #createTable(offset: number, family: Family, id: number, name: Uint8Array, value: Uint8Array): void {
    const [keyCodec, valueCodec] = decodeCodecIds(value) ?? this.fail(offset, 'two codec ids')
    const entry = { id, name: decode(name), keyCodec, valueCodec }
    const isKnown = [...family.tables.values()].some(known => known.id === id || known.name === entry.name)
    if (isKnown) this.fail(offset, 'a table that its family does not have')
    family.tables = new Map(family.tables).set(entry.name, entry)
    this.#families.reserveIds(0, id)
  }

  #unknown(offset: number, familyId: number): never {
    return this.fail(offset, `an entry of a known family, not of ${familyId}`)
  }

  /** Throws the damage at that byte of the record's payload. */
  fail(offset: number, expected: string): never {
    const { position, sequence } = this.#record!
    const what = `the record of commit ${sequence}, at log position ${position}, is whole but makes no sense`
    const found = 'something else'
    throw this.#damage({ position: position + RECORD_HEADER_BYTES + offset, what, expected, found })
  }
}

const decoder = new TextDecoder()

function decode(bytes: Uint8Array): string {
  return decoder.decode(bytes)
}

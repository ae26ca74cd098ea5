import type { DatabaseError } from '../base/errors.ts'
import { corruption } from '../base/errors.ts'
import { KEY_BYTES_MAX, NAME_BYTES_MAX, VALUE_BYTES_MAX } from '../base/limits.ts'
import type { Memtable } from '../memtable/memtable.ts'
import {
  ENTRY_HEADER_BYTES,
  entryWords,
  KIND_CREATE_FAMILY,
  KIND_CREATE_TABLE,
  KIND_DELETE,
  KIND_DELETE_RANGE,
  KIND_DROP_FAMILY,
  KIND_DROP_TABLE,
  KIND_PUT,
  KIND_RENAME_FAMILY,
  SECTION_HEADER_BYTES,
  valueStart,
} from '../shared/entry-format.ts'
import type { LogRecord } from '../wal/log-reader.ts'
import type { ColumnFamilies } from './column-families.ts'
import { Family } from './family.ts'

/**
 * Puts the records of the log back into memtables. A record's checksum has been verified; its contents are checked all
 * the same, because what follows from a length or an id that is wrong would be worse than a refusal to open.
 */
export class Replay {
  entries = 0
  readonly #path: string
  readonly #families: ColumnFamilies
  readonly #newMemtable: () => Memtable
  readonly #byId: Map<number, Family> = new Map()

  constructor(path: string, families: ColumnFamilies, newMemtable: () => Memtable) {
    this.#path = path
    this.#families = families
    this.#newMemtable = newMemtable
    for (const family of families.all()) this.#byId.set(family.id, family)
  }

  /** Applies one record. Throws MANIFOLD_CORRUPTION if it does not hold what a commit writes. */
  apply(record: LogRecord): void {
    const { payload, sequence } = record
    const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength)
    for (let offset = 0; offset < payload.length;) {
      if (payload.length - offset < SECTION_HEADER_BYTES) throw this.#damage(record, offset, 'a whole section header')
      const familyId = view.getUint32(offset, true)
      const end = offset + SECTION_HEADER_BYTES + view.getUint32(offset + 4, true)
      if (end > payload.length) throw this.#damage(record, offset, 'a section within its record')
      this.#applySection(record, view, familyId, offset + SECTION_HEADER_BYTES, end)
      offset = end
      const family = this.#byId.get(familyId)
      if (family === undefined) continue
      family.lastSequence = sequence
      family.lastPosition = record.end
      family.visibleTables = family.tables
      if (family.active !== undefined) {
        family.active.append()
        family.active.visible = family.active.appended
      }
      family.changed()
    }
  }

  #applySection(record: LogRecord, view: DataView, familyId: number, start: number, end: number): void {
    const { payload } = record
    for (let offset = start; offset < end;) {
      if (end - offset < ENTRY_HEADER_BYTES) throw this.#damage(record, offset, 'a whole entry header')
      const kind = view.getUint16(offset, true)
      const keyLength = view.getUint16(offset + 2, true)
      const id = view.getUint32(offset + 4, true)
      const valueLength = view.getUint32(offset + 8, true)
      const length = entryWords(keyLength, valueLength) * 4
      if (keyLength > KEY_BYTES_MAX + 1 || valueLength > VALUE_BYTES_MAX || length > end - offset) {
        throw this.#damage(record, offset, 'an entry within its section')
      }
      if (kind === KIND_PUT || kind === KIND_DELETE || kind === KIND_DELETE_RANGE) {
        const family = this.#byId.get(familyId) ?? this.#unknown(record, offset, familyId)
        family.active ??= this.#newMemtable()
        family.active.adopt(payload, offset)
        this.entries++
      } else {
        const key = offset + ENTRY_HEADER_BYTES
        const name = payload.subarray(key, key + keyLength)
        const value = payload.subarray(offset + valueStart(keyLength), offset + valueStart(keyLength) + valueLength)
        this.#applyChange(record, offset, kind, familyId, id, name, value)
      }
      offset += length
    }
  }

  /** A change to the set of families or tables. */
  #applyChange(
    record: LogRecord,
    offset: number,
    kind: number,
    familyId: number,
    id: number,
    name: Uint8Array,
    value: Uint8Array,
  ): void {
    if (name.length > NAME_BYTES_MAX) throw this.#damage(record, offset, 'a name within its limit')
    if (kind === KIND_CREATE_FAMILY) {
      const family = new Family(familyId, decode(name))
      this.#byId.set(familyId, family)
      this.#families.create(family)()
      this.#families.reserveIds(familyId, 0)
      return
    }
    const family = this.#byId.get(familyId) ?? this.#unknown(record, offset, familyId)
    if (kind === KIND_CREATE_TABLE) this.#createTable(record, offset, family, id, name, value)
    else if (kind === KIND_DROP_TABLE) {
      family.tables = new Map([...family.tables].filter(([, entry]) => entry.id !== id))
    } else if (kind === KIND_DROP_FAMILY) {
      this.#families.drop(family, () => undefined)()
      this.#byId.delete(familyId)
    } else if (kind === KIND_RENAME_FAMILY) this.#families.rename(family, decode(name))()
    else throw this.#damage(record, offset, 'a known kind of entry')
  }

  #createTable(
    record: LogRecord,
    offset: number,
    family: Family,
    id: number,
    name: Uint8Array,
    value: Uint8Array,
  ): void {
    const [keyCodec, valueCodec, ...more] = decode(value).split('\0')
    if (keyCodec === undefined || valueCodec === undefined || more.length > 0)
      throw this.#damage(record, offset, 'two codec ids')
    const entry = { id, name: decode(name), keyCodec, valueCodec }
    family.tables = new Map(family.tables).set(entry.name, entry)
    this.#families.reserveIds(0, id)
  }

  #unknown(record: LogRecord, offset: number, familyId: number): never {
    throw this.#damage(record, offset, `an entry of a known family, not of ${familyId}`)
  }

  #damage({ position, sequence }: LogRecord, offset: number, expected: string): DatabaseError {
    const what = `the record of commit ${sequence} at log position ${position} is whole but makes no sense at its byte ${offset}`
    return corruption(`${this.#path}-wal`, position + offset, what, expected, 'something else')
  }
}

const decoder = new TextDecoder()

function decode(bytes: Uint8Array): string {
  return decoder.decode(bytes)
}

import { compareRanges } from '../base/bytes.ts'
import { ID_MAX, KEY_BYTES_MAX, NAME_BYTES_MAX, VALUE_BYTES_MAX } from '../base/limits.ts'
import {
  ENTRY_HEADER_BYTES,
  entryWords,
  KIND_DELETE,
  KIND_DELETE_RANGE,
  KIND_DROP_FAMILY,
  KIND_DROP_TABLE,
  KIND_PUT,
  KIND_RENAME_FAMILY,
  SECTION_HEADER_BYTES,
  valueStart,
} from '../shared/entry-format.ts'

/** An entry in the payload of a record. One object is filled again for each. */
export interface RecordEntry {
  kind: number
  /** Where it starts in the payload. */
  offset: number
  keyLength: number
  id: number
  valueLength: number
}

export interface RecordVisitor {
  entry(familyId: number, entry: RecordEntry): void
  /** The section of that family has been read. */
  sectionEnd(familyId: number): void
  /** Throws: what stands at `offset` is not what should stand there. */
  fail(offset: number, expected: string): never
}

/** An entry of a table rather than of the catalog. */
export function isTableEntry(kind: number): boolean {
  return kind === KIND_PUT || kind === KIND_DELETE || kind === KIND_DELETE_RANGE
}

/** Goes through the sections and entries of a record's payload, and lets none lead out of it. */
export function readRecordEntries(payload: Uint8Array, visitor: RecordVisitor): void {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength)
  const entry: RecordEntry = { kind: 0, offset: 0, keyLength: 0, id: 0, valueLength: 0 }
  for (let offset = 0; offset < payload.length;) {
    if (payload.length - offset < SECTION_HEADER_BYTES) visitor.fail(offset, 'a whole section header')
    const familyId = view.getUint32(offset, true)
    const end = offset + SECTION_HEADER_BYTES + view.getUint32(offset + 4, true)
    if (end > payload.length) visitor.fail(offset, 'a section within its record')
    for (let at = offset + SECTION_HEADER_BYTES; at < end;) {
      if (end - at < ENTRY_HEADER_BYTES) visitor.fail(at, 'a whole entry header')
      const keyLength = view.getUint16(at + 2, true)
      const valueLength = view.getUint32(at + 8, true)
      const length = entryWords(keyLength, valueLength) * 4
      if (keyLength > KEY_BYTES_MAX + 1 || valueLength > VALUE_BYTES_MAX || length > end - at) {
        visitor.fail(at, 'an entry within its section')
      }
      entry.kind = view.getUint16(at, true)
      entry.offset = at
      entry.keyLength = keyLength
      entry.id = view.getUint32(at + 4, true)
      entry.valueLength = valueLength
      if (entry.kind < KIND_PUT || entry.kind > KIND_RENAME_FAMILY) visitor.fail(at, 'a known kind of entry')
      const expected = contentFault(payload, entry)
      if (expected !== undefined) visitor.fail(at, expected)
      visitor.entry(familyId, entry)
      at += length
    }
    visitor.sectionEnd(familyId)
    offset = end
  }
}

/** What an entry that lies within its section should hold and does not. */
function contentFault(
  payload: Uint8Array,
  { kind, offset, keyLength, id, valueLength }: RecordEntry,
): string | undefined {
  if (id > ID_MAX) return `an id up to ${ID_MAX}`
  const key = offset + ENTRY_HEADER_BYTES
  const value = offset + valueStart(keyLength)
  if (kind === KIND_PUT || kind === KIND_DELETE) {
    return keyLength > KEY_BYTES_MAX ? 'a key within its limit' : undefined
  }
  if (kind === KIND_DELETE_RANGE) {
    if (valueLength === 0 || payload[value]! > 1) return 'a range with or without an end'
    const isEmpty =
      payload[value] === 1 && compareRanges(payload, key, keyLength, payload, value + 1, valueLength - 1) >= 0
    return isEmpty ? 'a range that ends behind its start' : undefined
  }
  if (kind === KIND_DROP_TABLE || kind === KIND_DROP_FAMILY) return undefined
  const isName = keyLength > 0 && keyLength <= NAME_BYTES_MAX && isText(payload.subarray(key, key + keyLength))
  return isName ? undefined : 'a name'
}

function isText(bytes: Uint8Array): boolean {
  try {
    strictDecoder.decode(bytes)
    return true
  } catch {
    return false
  }
}

const strictDecoder = new TextDecoder('utf-8', { fatal: true })

/** The codec ids that the value of a created table holds; undefined where it does not hold two. */
export function decodeCodecIds(value: Uint8Array): readonly [key: string, value: string] | undefined {
  const [keyCodec, valueCodec, ...more] = decoder.decode(value).split('\0')
  return keyCodec === undefined || valueCodec === undefined || more.length > 0 ? undefined : [keyCodec, valueCodec]
}

const decoder = new TextDecoder()

/**
 * One entry, as it stands in an arena and, byte for byte, in the payload of a log record. All numbers little-endian; an
 * entry starts at a multiple of 8, and so does its value: shared memory is copied eight bytes at a time where source and
 * target are aligned alike, else byte by byte, which for 150 bytes costs 60 ns more on the way in and on the way out.
 *
 *   offset  size  field
 *        0     2  kind
 *        2     2  keyLength
 *        4     4  tableId
 *        8     4  valueLength
 *       12     .  key, zeros up to a multiple of 8
 *        .     .  value, zeros up to a multiple of 8
 *
 * | kind         | tableId   | key         | value                                        |
 * | put          | the table | the key     | the value                                    |
 * | delete       | the table | the key     | empty                                        |
 * | deleteRange  | the table | first key   | 1 byte: 1 if an end follows, then the end    |
 * | createTable  | its id    | its name    | key codec id, zero byte, value codec id      |
 * | dropTable    | its id    | empty       | empty                                        |
 * | createFamily | its id    | its name    | empty                                        |
 * | dropFamily   | its id    | empty       | empty                                        |
 * | renameFamily | its id    | new name    | empty                                        |
 */
export const ENTRY_HEADER_BYTES = 12

export const KIND_PUT = 1
export const KIND_DELETE = 2
export const KIND_DELETE_RANGE = 3
export const KIND_CREATE_TABLE = 4
export const KIND_DROP_TABLE = 5
export const KIND_CREATE_FAMILY = 6
export const KIND_DROP_FAMILY = 7
export const KIND_RENAME_FAMILY = 8

/** Where the value starts, counted from the entry's first byte. */
export function valueStart(keyLength: number): number {
  return (ENTRY_HEADER_BYTES + keyLength + 7) & ~7
}

/** Words that an entry fills. */
export function entryWords(keyLength: number, valueLength: number): number {
  return ((valueStart(keyLength) + valueLength + 7) & ~7) >>> 2
}

/** The first word of an entry. */
export function entryTag(kind: number, keyLength: number): number {
  return kind | (keyLength << 16)
}

export function tagKind(tag: number): number {
  return tag & 0xffff
}

export function tagKeyLength(tag: number): number {
  return tag >>> 16
}

/** An entry that stands in no arena: what a drop or a renaming adds to the log. */
export function encodeEntry(kind: number, id: number, name: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(entryWords(name.length, 0) * 4)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, entryTag(kind, name.length), true)
  view.setUint32(4, id, true)
  bytes.set(name, ENTRY_HEADER_BYTES)
  return bytes
}

/**
 * The payload of a record: for each family that the commit wrote to, its id, the number of bytes of its entries, and the
 * entries.
 */
export const SECTION_HEADER_BYTES = 8

export function encodeSectionHeader(familyId: number, bytes: number): Uint8Array {
  const header = new Uint8Array(SECTION_HEADER_BYTES)
  header[0] = familyId
  header[1] = familyId >>> 8
  header[2] = familyId >>> 16
  header[3] = familyId >>> 24
  header[4] = bytes
  header[5] = bytes >>> 8
  header[6] = bytes >>> 16
  header[7] = bytes >>> 24
  return header
}

import fc from 'fast-check'
import { PAGE_BYTES } from '../../src/base/limits.ts'
import {
  HEADER_FLAGS_OFFSET,
  HEADER_GENERATION_OFFSET,
  HEADER_LAST_SEQUENCE_OFFSET,
  HEADER_LOG_POSITION_OFFSET,
  HEADER_META_BYTES_OFFSET,
  HEADER_META_PAGE_OFFSET,
  HEADER_META_PAGES_OFFSET,
  HEADER_PAGE_BYTES_OFFSET,
  HEADER_PAGE_COUNT_OFFSET,
  HEADER_PREVIOUS_CHECKSUM_OFFSET,
  HEADER_VERSION_OFFSET,
} from '../../src/pager/header-format.ts'
import {
  entriesHighAt,
  entriesLowAt,
  headsAt,
  keyLengthsAt,
  offsetsAt,
  PAGE_COUNT_OFFSET,
  PAGE_HEAP_OFFSET,
  PAGE_KIND_OFFSET,
  PAGE_LEVEL_OFFSET,
  PAGE_PREFIX_LENGTH_OFFSET,
  pageCount,
  pageHeap,
  pagesAt,
} from '../../src/pager/page-format.ts'
import { RECORD_EPOCH_OFFSET, RECORD_MARK_OFFSET, RECORD_PAYLOAD_BYTES_OFFSET } from '../../src/wal/record-format.ts'
import {
  SEGMENT_CAPACITY_OFFSET,
  SEGMENT_EPOCH_OFFSET,
  SEGMENT_EPOCH_START_OFFSET,
  SEGMENT_SERIAL_OFFSET,
  SEGMENT_START_OFFSET,
  SEGMENT_UUID_OFFSET,
  SEGMENT_VERSION_OFFSET,
} from '../../src/wal/segment-format.ts'
import { encodeSectionHeader, ENTRY_HEADER_BYTES, entryWords, valueStart } from '../../src/shared/entry-format.ts'
import type { ForgedFile } from './forged-file.ts'
import type { ForgedSegment } from './forged-log.ts'
import { RECORD_NUMBERS } from './forged-log.ts'

/**
 * One change to a file: `part` chooses what kind of place, `which` the place among those there are, `field` what of it,
 * and `value` and `name` are what is put there. Plain data, so that a failing list of them is shrunk and printed.
 */
export interface Mutation {
  readonly part: (typeof DATA_PARTS)[number] | (typeof LOG_PARTS)[number]
  readonly which: number
  readonly field: number
  readonly value: number
  readonly name: string
}

const DATA_PARTS = [
  'page',
  'column',
  'byte',
  'copy',
  'value',
  'table',
  'family',
  'catalog',
  'free',
  'meta',
  'header',
] as const
const LOG_PARTS = ['segment', 'record', 'section', 'entry', 'log byte'] as const

/** Numbers at the edges of everything that a field can mean. */
const HOSTILE_NUMBERS = [
  0,
  1,
  2,
  3,
  4,
  7,
  8,
  12,
  13,
  23,
  24,
  25,
  255,
  256,
  1023,
  1024,
  2048,
  2049,
  2050,
  8183,
  8184,
  8191,
  8192,
  0x7fff,
  0x8000,
  0x8001,
  0xffff,
  0x1_0000,
  2 ** 26,
  2 ** 26 + 1,
  2 ** 30,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 2,
  2 ** 32 - 1,
  2 ** 32,
  2 ** 52,
  Number.MAX_SAFE_INTEGER - 1,
  Number.MAX_SAFE_INTEGER,
  2 ** 63,
]

const value = fc.oneof(
  fc.constantFrom(...HOSTILE_NUMBERS),
  fc.nat(40),
  fc.nat(0xffff),
  fc.nat({ max: 0x7fffffff }),
  fc.maxSafeNat(),
)
const name = fc.oneof(
  fc.constantFrom(
    '',
    '__proto__',
    'constructor',
    'toString',
    'default',
    'words',
    'blobs',
    'utf8',
    'json',
    'uint',
    'a\0b',
    '\ufeffx',
    'n'.repeat(255),
    'n'.repeat(256),
    'n'.repeat(1025),
  ),
  fc.string({ maxLength: 8 }),
)

function mutationOf(parts: readonly Mutation['part'][]): fc.Arbitrary<Mutation> {
  return fc.record({ part: fc.constantFrom(...parts), which: fc.nat(1000), field: fc.nat(1000), value, name })
}

export const dataMutations: fc.Arbitrary<Mutation[]> = fc.array(mutationOf(DATA_PARTS), { minLength: 1, maxLength: 5 })
export const logMutations: fc.Arbitrary<Mutation[]> = fc.array(mutationOf(LOG_PARTS), { minLength: 1, maxLength: 5 })

/** An entry of a record, whole but of any meaning. */
export interface RandomEntry {
  readonly kind: number
  readonly familyId: number
  readonly id: number
  readonly key: string
  readonly value: string
}

const anyText = fc.oneof(
  name,
  fc.constantFrom(
    'k'.repeat(2048),
    'k'.repeat(2049),
    '\u0001',
    '\u0001a',
    '\u0001z',
    '\u0002a',
    'utf8\0utf8',
    'utf8',
    'a\0b\0c',
    '\0\0',
  ),
)
const smallId = fc.oneof(fc.nat(5), fc.constantFrom(0x7fffffff, 0x80000000, 0xffffffff))

/** Whole entries, of one commit. */
export const randomEntries: fc.Arbitrary<RandomEntry[]> = fc.array(
  fc.record({ kind: fc.integer({ min: 1, max: 8 }), familyId: smallId, id: smallId, key: anyText, value: anyText }),
  { minLength: 1, maxLength: 6 },
)

/** The payload of a record that holds these entries, each in a section of its own. */
export function payloadOf(entries: readonly RandomEntry[]): Uint8Array {
  const parts: Uint8Array[] = []
  for (const { kind, familyId, id, key, value: text } of entries) {
    // Names and keys need not be UTF-8.
    const keyBytes = key === '\ufeffx' ? Uint8Array.of(0xff, 0xfe) : new TextEncoder().encode(key)
    const valueBytes = new TextEncoder().encode(text)
    const entry = new Uint8Array(entryWords(keyBytes.length, valueBytes.length) * 4)
    const view = new DataView(entry.buffer)
    view.setUint16(0, kind, true)
    view.setUint16(2, keyBytes.length, true)
    view.setUint32(4, id, true)
    view.setUint32(8, valueBytes.length, true)
    entry.set(keyBytes, ENTRY_HEADER_BYTES)
    entry.set(valueBytes, valueStart(keyBytes.length))
    parts.push(encodeSectionHeader(familyId, entry.length), entry)
  }
  return new Uint8Array(Buffer.concat(parts))
}

function pick<T>(list: readonly T[], which: number): T | undefined {
  return list.length === 0 ? undefined : list[which % list.length]
}

/** Applies a change to a data file. */
export function mutateFile(file: ForgedFile, mutation: Mutation): void {
  const { part, which, value: number } = mutation
  const trees = [...file.leaves, ...file.branches]
  const page = pick(trees, which)
  if (part === 'page' && page !== undefined) mutatePageHeader(file, page, mutation)
  else if (part === 'column' && page !== undefined) mutateColumn(file, page, mutation)
  else if (part === 'byte' && page !== undefined)
    file.slab.bytes[page * PAGE_BYTES + ((mutation.field * 31 + which) % PAGE_BYTES)] = number
  else if (part === 'copy' && page !== undefined) {
    const from = pick(trees, mutation.field)!
    file.slab.bytes.copyWithin(page * PAGE_BYTES, from * PAGE_BYTES, (from + 1) * PAGE_BYTES)
  } else if (part === 'value') mutateReference(file, mutation)
  else if (part === 'table') mutateTable(file, mutation)
  else if (part === 'family') mutateFamily(file, mutation)
  else if (part === 'catalog') mutateCatalog(file, mutation)
  else if (part === 'free') mutateFree(file, mutation)
  else if (part === 'meta') mutateMeta(file, mutation)
  else if (part === 'header') mutateHeader(file, mutation)
}

function mutatePageHeader({ slab }: ForgedFile, page: number, { field, value: number }: Mutation): void {
  const base = page * PAGE_BYTES
  const fields = [PAGE_KIND_OFFSET, PAGE_LEVEL_OFFSET, PAGE_COUNT_OFFSET, PAGE_PREFIX_LENGTH_OFFSET, PAGE_HEAP_OFFSET]
  const offset = fields[field % fields.length]!
  if (offset <= PAGE_LEVEL_OFFSET)
    slab.bytes[base + offset] = offset === PAGE_KIND_OFFSET && number % 2 === 0 ? 0x42 : number
  else slab.halves[(base + offset) >> 1] = number
}

function mutateColumn({ slab }: ForgedFile, page: number, { field, which, value: number }: Mutation): void {
  const base = page * PAGE_BYTES
  const level = slab.bytes[base + PAGE_LEVEL_OFFSET]!
  const count = pageCount(slab, base)
  const i = which % Math.max(1, count)
  const words = [
    headsAt(base),
    ...(level > 0 ? [pagesAt(base, count)] : []),
    ...(level > 1 ? [entriesHighAt(base, count)] : []),
  ]
  const halves = [
    offsetsAt(base, count, level),
    keyLengthsAt(base, count, level),
    ...(level > 0 ? [entriesLowAt(base, count, level)] : []),
  ]
  const column = field % (words.length + halves.length)
  if (column < words.length) slab.words[words[column]! + i] = number
  else slab.halves[halves[column - words.length]! + i] = number
}

/** A reference to a long value: its page or its length. */
function mutateReference(file: ForgedFile, { which, field, value: number }: Mutation): void {
  const { slab } = file
  const places: number[] = []
  for (const page of file.leaves) {
    const base = page * PAGE_BYTES
    const count = pageCount(slab, base)
    for (let i = 0; i < count; i++) {
      const length = slab.halves[keyLengthsAt(base, count, 0) + i]!
      const at = pageHeap(slab, base) + slab.halves[offsetsAt(base, count, 0) + i]! + (length & 0x7fff)
      if ((length & 0x8000) !== 0 && at + 12 <= base + PAGE_BYTES) places.push(at)
    }
  }
  const place = pick(places, which)
  if (place === undefined) return
  new DataView(slab.bytes.buffer).setUint32(place + (field % 2 === 0 ? 0 : 4), number >>> 0, true)
}

/** Numbers of the catalog are written 7 bits at a time, so they are below 2^53. */
function bounded(number: number): number {
  return Math.min(number, Number.MAX_SAFE_INTEGER)
}

function mutateTable({ catalog }: ForgedFile, { which, field, value: number, name: text }: Mutation): void {
  const table = pick(catalog.tables, which)
  if (table === undefined) return
  const { root } = table
  const changes: (() => void)[] = [
    () => (table.id = bounded(number)),
    () => (table.familyId = bounded(number)),
    () => (table.kind = bounded(number)),
    () => (table.name = text),
    () => (table.keyCodec = text),
    () => (table.valueCodec = text),
    () => (root.height = bounded(number)),
    () => (root.page = bounded(number)),
    () => (root.entries = bounded(number)),
    () => (root.overflow = number % 2 === 0),
    () => catalog.tables.push({ ...table, root: { ...root } }),
    () => catalog.tables.push({ ...table, id: catalog.nextTableId++, name: text, root: { ...root } }),
    () => catalog.tables.splice(which % catalog.tables.length, 1),
  ]
  changes[field % changes.length]!()
}

function mutateFamily({ catalog }: ForgedFile, { which, field, value: number, name: text }: Mutation): void {
  const family = pick(catalog.families, which)
  if (family === undefined) return
  const changes: (() => void)[] = [
    () => (family.id = bounded(number)),
    () => (family.name = text),
    () => catalog.families.push({ ...family }),
    () => catalog.families.push({ id: catalog.nextFamilyId++, name: family.name }),
    () => catalog.families.splice(which % catalog.families.length, 1),
  ]
  changes[field % changes.length]!()
}

function mutateCatalog({ catalog }: ForgedFile, { field, value: number }: Mutation): void {
  if (field % 2 === 0) catalog.nextFamilyId = bounded(number)
  else catalog.nextTableId = bounded(number)
}

function mutateFree(file: ForgedFile, { which, field, value: number }: Mutation): void {
  const run = pick(file.free, which)
  if (field % 3 === 0 || run === undefined) file.free.push({ first: bounded(number), count: 1 + (which % 3) })
  else if (field % 3 === 1) run.first = bounded(number)
  else run.count = bounded(number)
}

function mutateMeta(file: ForgedFile, { which, field, value: number }: Mutation): void {
  if (field % 4 === 0) file.metaBytesDelta = (which % 41) - 20
  else file.metaPatches.push({ at: which, byte: number & 0xff })
}

function mutateHeader(file: ForgedFile, { which, field, value: number }: Mutation): void {
  const fields = [
    [HEADER_VERSION_OFFSET, 4],
    [HEADER_PAGE_BYTES_OFFSET, 4],
    [HEADER_GENERATION_OFFSET, 8],
    [HEADER_LOG_POSITION_OFFSET, 8],
    [HEADER_LAST_SEQUENCE_OFFSET, 8],
    [HEADER_PREVIOUS_CHECKSUM_OFFSET, 4],
    [HEADER_FLAGS_OFFSET, 4],
    [HEADER_PAGE_COUNT_OFFSET, 4],
    [HEADER_META_PAGE_OFFSET, 4],
    [HEADER_META_PAGES_OFFSET, 4],
    [HEADER_META_BYTES_OFFSET, 4],
  ] as const
  const [offset, bytes] = fields[field % fields.length]!
  file.headerPatches.push({ slots: [[0], [1], [0, 1]][which % 3]!, offset, bytes, value: number })
}

/** Applies a change to a segment of the log. */
export function mutateSegment(segment: ForgedSegment, mutation: Mutation): void {
  const { part, which, field, value: number, name: text } = mutation
  const record = pick(segment.records, which)
  if (part === 'segment') {
    const fields = [
      SEGMENT_SERIAL_OFFSET,
      SEGMENT_START_OFFSET,
      SEGMENT_CAPACITY_OFFSET,
      SEGMENT_EPOCH_OFFSET,
      SEGMENT_EPOCH_START_OFFSET,
      SEGMENT_UUID_OFFSET,
    ]
    if (field % 7 === 6) segment.set(SEGMENT_VERSION_OFFSET, 4, number)
    else segment.set(fields[field % 7]!, 8, number)
  } else if (record === undefined) return
  else if (part === 'record') {
    if (field % 6 < 3) segment.set(record + RECORD_NUMBERS[field % 3]!, 8, number)
    else
      segment.set(
        record + [RECORD_PAYLOAD_BYTES_OFFSET, RECORD_EPOCH_OFFSET, RECORD_MARK_OFFSET][field % 3]!,
        4,
        number,
      )
  } else if (part === 'section') segment.set(record + 56 + (field % 2 === 0 ? 0 : 4), 4, number)
  else if (part === 'entry') {
    const at = pick(segment.entriesOf(record), Math.floor(which / 7))?.at
    if (at === undefined) return
    const fields = [
      [0, 2],
      [2, 2],
      [4, 4],
      [8, 4],
    ] as const
    if (field % 5 < 4)
      segment.set(at + fields[field % 5]![0], fields[field % 5]![1], field % 5 === 0 ? number % 10 : number)
    else new TextEncoder().encode(text.slice(0, 4)).forEach((byte, i) => segment.set(at + 12 + i, 1, byte))
  } else segment.set(record + 56 + (field % 300), 1, number)
}

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { KEY_BYTES_MAX, PAGE_BYTES } from '../../src/base/limits.ts'
import * as codecs from '../../src/index.ts'
import type { ValueCodec } from '../../src/index.ts'
import * as header from '../../src/pager/header-format.ts'
import * as overflow from '../../src/pager/overflow-format.ts'
import * as page from '../../src/pager/page-format.ts'
import { Pager } from '../../src/pager/pager.ts'
import { encodeLockOwner, FREE_RECORD, LOCK_RECORD_BYTES } from '../../src/platform/node/lock-record.ts'
import { SimulatedDisk } from '../../src/platform/simulated/disk.ts'
import { Arena } from '../../src/shared/arena.ts'
import { ChunkPool, MemoryUse } from '../../src/shared/chunk-pool.ts'
import { EncodedKey } from '../../src/shared/encoded-key.ts'
import * as entry from '../../src/shared/entry-format.ts'
import * as record from '../../src/wal/record-format.ts'
import * as segment from '../../src/wal/segment-format.ts'
import { projectPath, projectText } from '../support/project.ts'
import { drawingOf, fieldsOf, tableBelow } from './format-tables.ts'
import type { Field, Row } from './format-tables.ts'

/** Compares a table with the drawing in the source and with the constants, given by the names of the fields. */
function checkStructure(heading: string, source: string | undefined, offsets: Record<string, number>): void {
  const fields = fieldsOf(heading)
  if (source !== undefined) assert.deepEqual(fields, drawingOf(source), `'${heading}' and the drawing in ${source}`)
  const found: Record<string, number> = Object.fromEntries(fields.map(({ name, offset }) => [name, offset]))
  for (const [name, offset] of Object.entries(offsets)) assert.equal(found[name], offset, `'${heading}': ${name}`)
}

function names(fields: readonly Field[]): string[] {
  return fields.map(({ name }) => name)
}

test('the header slot is drawn as it is', () => {
  checkStructure('Header slot', 'src/pager/header-format.ts', {
    magic: 0,
    'format version': header.HEADER_VERSION_OFFSET,
    'page bytes': header.HEADER_PAGE_BYTES_OFFSET,
    'uuid of the database': header.HEADER_UUID_OFFSET,
    generation: header.HEADER_GENERATION_OFFSET,
    'log position': header.HEADER_LOG_POSITION_OFFSET,
    'last sequence': header.HEADER_LAST_SEQUENCE_OFFSET,
    'previous checksum': header.HEADER_PREVIOUS_CHECKSUM_OFFSET,
    flags: header.HEADER_FLAGS_OFFSET,
    'page count': header.HEADER_PAGE_COUNT_OFFSET,
    'meta page': header.HEADER_META_PAGE_OFFSET,
    'meta pages': header.HEADER_META_PAGES_OFFSET,
    'meta bytes': header.HEADER_META_BYTES_OFFSET,
    'meta checksum': header.HEADER_META_CHECKSUM_OFFSET,
    zero: header.HEADER_END_OFFSET,
    checksum: header.HEADER_CHECKSUM_OFFSET,
  })
  const rows = tableBelow('docs/format.md', 'Header slot').map(row => row['field'])
  assert.deepEqual(rows.slice(0, 3), [
    `magic, \`${header.DATA_MAGIC}\``,
    `format version, ${header.DATA_FORMAT_VERSION}`,
    `page bytes, ${PAGE_BYTES}`,
  ])
  assert.equal(header.HEADER_CHECKSUM_OFFSET + 4, PAGE_BYTES)
})

test('a page, its columns and a reference are drawn as they are', () => {
  const fields = fieldsOf('Page of a tree')
  assert.deepEqual(fields, drawingOf('src/pager/page-format.ts').slice(0, fields.length))
  assert.deepEqual(
    fields.map(({ offset }) => offset),
    [
      page.PAGE_KIND_OFFSET,
      page.PAGE_LEVEL_OFFSET,
      page.PAGE_COUNT_OFFSET,
      page.PAGE_PREFIX_LENGTH_OFFSET,
      page.PAGE_HEAP_OFFSET,
      page.PAGE_HEADER_BYTES,
    ],
  )
  assert.deepEqual(
    [page.PAGE_KIND_LEAF, page.PAGE_KIND_BRANCH],
    ['L', 'B'].map(kind => kind.charCodeAt(0)),
  )
  checkStructure('Overflow extent', 'src/pager/overflow-format.ts', {
    'first page': overflow.OVERFLOW_PAGE_OFFSET,
    'length of the value in bytes': overflow.OVERFLOW_LENGTH_OFFSET,
    checksum: overflow.OVERFLOW_CHECKSUM_OFFSET,
  })
  assert.ok(projectText('docs/format.md').includes(`longer than ${page.ENTRY_BYTES_MAX.toLocaleString('en')} bytes`))
})

test('the columns of a page stand in the order of their table', () => {
  const columns = tableBelow('docs/format.md', 'Columns')
  for (const level of [0, 1, 2, 3]) {
    for (const count of [1, 2, 77]) {
      let at = page.PAGE_HEADER_BYTES
      const starts = new Map<string, number>()
      for (const { bytes, column, in: where } of columns) {
        if (where !== 'all' && (level === 0 || (where!.includes('level 2') && level < 2))) continue
        starts.set(column!, at)
        at += Number(bytes) * (column === 'offsets' ? count + 1 : count)
      }
      assert.equal(at, page.PAGE_HEADER_BYTES + 2 + count * page.columnBytes(level), `columns at level ${level}`)
      assert.equal(starts.get('heads'), 4 * page.headsAt(0))
      assert.equal(starts.get('offsets'), 2 * page.offsetsAt(0, count, level))
      assert.equal(starts.get('key lengths'), 2 * page.keyLengthsAt(0, count, level))
      if (level === 0) continue
      assert.equal(starts.get('pages'), 4 * page.pagesAt(0, count))
      assert.equal(starts.get('checksums'), 4 * page.checksumsAt(0, count))
      assert.equal(starts.get('entries low'), 2 * page.entriesLowAt(0, count, level))
      if (level > 1) assert.equal(starts.get('entries high'), 4 * page.entriesHighAt(0, count))
    }
  }
})

/** Decodes the meta extent by the tables of docs/format.md alone. */
class DocumentedReader {
  readonly #bytes: Uint8Array
  at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  structure(heading: string): Record<string, unknown> {
    const value: Record<string, unknown> = {}
    for (const { field, coding } of tableBelow('docs/format.md', heading)) {
      const [type, condition] = coding!.split(', ')
      if (condition === undefined || value['height'] !== 0) value[field!] = this.#value(type!)
      else assert.equal(condition, 'if height is not 0')
    }
    return value
  }

  #value(type: string): unknown {
    if (type === 'number') return this.#number()
    if (type === 'word')
      return new DataView(this.#bytes.buffer, this.#bytes.byteOffset + (this.at += 4) - 4).getInt32(0, true)
    if (type === 'string') {
      const length = this.#number()
      return new TextDecoder().decode(this.#bytes.subarray(this.at, (this.at += length)))
    }
    const item = /^list of (\w+)$/.exec(type)?.[1]
    if (item === undefined) return this.structure(type)
    const length = this.#number()
    assert.ok(length < this.#bytes.length, `a list of ${length}`)
    return Array.from({ length }, () => this.structure(item))
  }

  #number(): number {
    let value = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = this.#bytes[this.at++]
      assert.ok(byte !== undefined, 'the catalog ends in a number')
      value += (byte % 128) * scale
      if (byte < 128) return value
    }
  }
}

test('the catalog is written as its tables say', () => {
  const file = new Uint8Array(readFileSync(projectPath('test/format/golden/data-1-log-2/closed/data.bin')))
  const pager = Pager.openSync(new SimulatedDisk({}, new Map([['/a', file]])), '/a', false)
  const { meta } = pager.header
  const reader = new DocumentedReader(file.subarray(meta.page * PAGE_BYTES, meta.page * PAGE_BYTES + meta.bytes))
  const catalog = reader.structure('Catalog')
  assert.equal(reader.at, meta.bytes, 'nothing is left')
  const { nextFamilyId, nextTableId, families, tables } = pager.catalog
  const free = pager.freeSpace.extents()
  let end = 0
  assert.deepEqual(catalog, {
    'next family id': nextFamilyId,
    'next table id': nextTableId,
    families: families.map(({ id, name }) => ({ id, name })),
    tables: tables.map(({ id, familyId, kind, name, keyCodec, valueCodec, root }) => ({
      id,
      'family id': familyId,
      kind,
      name,
      'key codec': keyCodec,
      'value codec': valueCodec,
      height: root.height,
      root: { page: root.page, checksum: root.checksum, entries: root.entries, flags: Number(root.overflow) },
    })),
    'free map': Array.from({ length: free.length }, (_, i) => {
      const since = free.first(i) - end
      end = free.first(i) + free.count(i)
      return { 'pages since the end of the run before': since, 'pages in the run': free.count(i) }
    }),
  })
})

test('a segment and a record are drawn as they are', () => {
  checkStructure('Segment header', 'src/wal/segment-format.ts', {
    'format version': segment.SEGMENT_VERSION_OFFSET,
    'uuid of the database': segment.SEGMENT_UUID_OFFSET,
    serial: segment.SEGMENT_SERIAL_OFFSET,
    start: segment.SEGMENT_START_OFFSET,
    capacity: segment.SEGMENT_CAPACITY_OFFSET,
    'epoch of every record that begins in this segment': segment.SEGMENT_EPOCH_OFFSET,
    'epoch start': segment.SEGMENT_EPOCH_START_OFFSET,
    checksum: segment.SEGMENT_CHECKSUM_OFFSET,
    log: segment.SEGMENT_HEADER_BYTES,
  })
  const [magic, version] = tableBelow('docs/format.md', 'Segment header').map(row => row['field'])
  assert.equal(magic, `magic, \`${segment.SEGMENT_MAGIC}\``)
  assert.equal(version, `format version, ${segment.SEGMENT_FORMAT_VERSION}`)

  checkStructure('Record', 'src/wal/record-format.ts', {
    'header checksum': record.RECORD_CHECKSUM_OFFSET,
    mark: record.RECORD_MARK_OFFSET,
    'payload bytes': record.RECORD_PAYLOAD_BYTES_OFFSET,
    'payload checksum': record.RECORD_PAYLOAD_CHECKSUM_OFFSET,
    'position of this record': record.RECORD_POSITION_OFFSET,
    epoch: record.RECORD_EPOCH_OFFSET,
    sequence: record.RECORD_SEQUENCE_OFFSET,
    'durable through': record.RECORD_DURABLE_THROUGH_OFFSET,
    'previous checksum': record.RECORD_PREVIOUS_CHECKSUM_OFFSET,
    payload: record.RECORD_HEADER_BYTES,
  })
  const mark = new Uint8Array(new Uint32Array([record.RECORD_MARK]).buffer)
  assert.equal(tableBelow('docs/format.md', 'Record')[1]!['field'], `mark, \`${hex(mark)}\``)
})

function hex(bytes: Uint8Array): string {
  return [...bytes].map(byte => byte.toString(16).padStart(2, '0')).join(' ')
}

/** Reads the fields of a structure from bytes, by its table. */
function read(fields: readonly Field[], bytes: Uint8Array): Record<string, number> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const sized = fields.filter(({ bytes: size }) => size !== undefined)
  return Object.fromEntries(
    sized.map(({ name, offset, bytes: size }) => [
      name,
      size === 2 ? view.getUint16(offset, true) : view.getUint32(offset, true),
    ]),
  )
}

test('sections and entries are drawn as they are', () => {
  const section = fieldsOf('Section')
  assert.deepEqual(read(section, entry.encodeSectionHeader(0x01020304, 0x05060708)), {
    'family id': 0x01020304,
    'bytes of entries': 0x05060708,
  })
  assert.equal(section.at(-1)!.offset, entry.SECTION_HEADER_BYTES)

  const fields = fieldsOf('Entry')
  assert.deepEqual(names(fields), ['kind', 'key length', 'id', 'value length', 'key'])
  assert.equal(fields.at(-1)!.offset, entry.ENTRY_HEADER_BYTES)
  const places = (some: readonly Field[]): unknown => some.map(({ offset, bytes }) => [offset, bytes])
  assert.deepEqual(places(fields.slice(0, 4)), places(drawingOf('src/shared/entry-format.ts')))
  const arena = new Arena(new ChunkPool(), new MemoryUse())
  const key = new EncodedKey()
  key.assign(Uint8Array.of(1, 2, 3), 0, 3)
  arena.append(entry.KIND_DELETE, 0x01020304, key, Uint8Array.of(4, 5, 6), 3)
  const [bytes] = arena.extents(0, arena.end)
  assert.deepEqual(read(fields, bytes!), { kind: 2, 'key length': 3, id: 0x01020304, 'value length': 3 })
  assert.deepEqual([...bytes!.subarray(entry.ENTRY_HEADER_BYTES)], [1, 2, 3, 0, 4, 5, 6, 0, 0, 0, 0, 0])
  assert.deepEqual(read(fields, entry.encodeEntry(entry.KIND_DROP_TABLE, 9, Uint8Array.of(7))), {
    kind: entry.KIND_DROP_TABLE,
    'key length': 1,
    id: 9,
    'value length': 0,
  })
  const kinds = Object.entries(entry).filter(([name]) => name.startsWith('KIND_'))
  const documented = tableBelow('docs/format.md', 'Kinds').map(row => [
    `KIND_${row['name']!.toUpperCase().replace(' ', '_')}`,
    Number(row['kind']),
  ])
  assert.deepEqual(new Map(documented as [string, number][]), new Map(kinds as [string, number][]))
})

/** The examples of the table of codecs. */
const EXAMPLES: Record<string, unknown> = {
  '258': 258,
  '-2': -2,
  '258n': 258n,
  '-2n': -2n,
  '-1.5': -1.5,
  true: true,
  'new Date(1)': new Date(1),
  "'00112233-4455-6677-8899-aabbccddeeff'": '00112233-4455-6677-8899-aabbccddeeff',
  "'aé'": 'aé',
  'Uint8Array.of(0, 255)': Uint8Array.of(0, 255),
  '{ a: [1] }': { a: [1] },
  "['a\\0', 1]": ['a\0', 1],
}

test('codecs write what their examples say', () => {
  const known = new Map<string, ValueCodec<never>>()
  for (const value of Object.values(codecs)) if (isCodec(value)) known.set(value.id, value)
  for (const made of [codecs.json(), codecs.tuple(codecs.utf8, codecs.uint)])
    known.set(made.id, made as ValueCodec<never>)
  const rows = tableBelow('docs/format.md', 'Keys and values')
  assert.deepEqual(new Set(rows.map(row => row['codec'])), new Set(known.keys()), 'every codec has its row')
  for (const row of rows as Required<Row>[]) {
    assert.ok(row['example']! in EXAMPLES, row['example'])
    const written = known.get(row['codec']!)!.encode(EXAMPLES[row['example']!] as never)
    assert.equal(hex(written), row['written'], row['codec'])
  }
})

function isCodec(value: unknown): value is ValueCodec<never> {
  return typeof value === 'object' && value !== null && 'encode' in value && 'id' in value
}

test('the record of a lock is as its table says', () => {
  const documented = tableBelow('docs/format.md', 'Lock file').map(row => row['property'])
  const owner = { technique: 'flock', pid: 1, start: '', boot: '', namespace: '', host: 'h', nonce: '' } as const
  const text = encodeLockOwner(owner)
  assert.deepEqual(Object.keys(JSON.parse(text)), documented)
  assert.deepEqual([text.length, FREE_RECORD.length, LOCK_RECORD_BYTES], [512, 512, 512])
  assert.ok(text.endsWith(' \n'))
  assert.ok(projectText('docs/format.md').includes(`${LOCK_RECORD_BYTES} bytes: one JSON object`))
})

test('the longest key leaves room for a reference', () => {
  assert.ok(KEY_BYTES_MAX + page.columnBytes(0) + overflow.OVERFLOW_REFERENCE_BYTES <= page.ENTRY_BYTES_MAX)
})

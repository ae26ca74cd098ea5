import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import test from 'node:test'
import fc from 'fast-check'
import { checksum } from '../base/checksum.ts'
import { DatabaseError } from '../base/errors.ts'
import { PAGE_BYTES } from '../base/limits.ts'
import { ExtentList } from './extent-list.ts'
import * as header from './header-format.ts'
import { readMeta, writeCatalog, writeFreeMap } from './meta-format.ts'
import type { Catalog } from './meta-format.ts'
import { ByteReader, ByteWriter } from './number-coding.ts'
import * as overflow from './overflow-format.ts'
import * as page from './page-format.ts'

/** The first drawing of a format: the offset at which each field stands. It is kept in the built file. */
function drawing(file: string): Map<string, number> {
  const fields = new Map<string, number>()
  const text = readFileSync(new URL(file, import.meta.url), 'utf8')
  for (const [, offset, name] of text.matchAll(/^ \* +(\d+) +[\d-]+ {2}([a-z ]+)/gm))
    fields.set(name!.trim(), Number(offset))
  return fields
}

const HEADER: header.Header = {
  uuid: Uint8Array.from({ length: 16 }, (_, i) => 255 - i),
  generation: 2 ** 51 + 1,
  logPosition: 2 ** 40 + 4,
  lastSequence: 77,
  previousChecksum: 0xfedcba98,
  clean: true,
  pageCount: 1000,
  meta: { page: 10, pages: 2, bytes: 9000, checksum: 0x89abcdef },
}

test('the drawings are as the constants say', () => {
  assert.deepEqual(
    [...drawing('./header-format.js')],
    [
      ['magic', 0],
      ['format version', header.HEADER_VERSION_OFFSET],
      ['page bytes', header.HEADER_PAGE_BYTES_OFFSET],
      ['uuid of the database', header.HEADER_UUID_OFFSET],
      ['generation', header.HEADER_GENERATION_OFFSET],
      ['log position', header.HEADER_LOG_POSITION_OFFSET],
      ['last sequence', header.HEADER_LAST_SEQUENCE_OFFSET],
      ['previous checksum', header.HEADER_PREVIOUS_CHECKSUM_OFFSET],
      ['flags', header.HEADER_FLAGS_OFFSET],
      ['page count', header.HEADER_PAGE_COUNT_OFFSET],
      ['meta page', header.HEADER_META_PAGE_OFFSET],
      ['meta pages', header.HEADER_META_PAGES_OFFSET],
      ['meta bytes', header.HEADER_META_BYTES_OFFSET],
      ['meta checksum', header.HEADER_META_CHECKSUM_OFFSET],
      ['zero', header.HEADER_END_OFFSET],
      ['checksum', header.HEADER_CHECKSUM_OFFSET],
    ],
  )
  assert.deepEqual(
    [...drawing('./page-format.js')],
    [
      ['kind', page.PAGE_KIND_OFFSET],
      ['level', page.PAGE_LEVEL_OFFSET],
      ['count', page.PAGE_COUNT_OFFSET],
      ['prefix length', page.PAGE_PREFIX_LENGTH_OFFSET],
      ['heap offset', page.PAGE_HEAP_OFFSET],
      ['heads', page.PAGE_HEADER_BYTES],
    ],
  )
  assert.deepEqual(
    [...drawing('./overflow-format.js')],
    [
      ['first page', overflow.OVERFLOW_PAGE_OFFSET],
      ['length of the value in bytes', overflow.OVERFLOW_LENGTH_OFFSET],
      ['checksum', overflow.OVERFLOW_CHECKSUM_OFFSET],
    ],
  )
})

test('the columns of a page add up', () => {
  for (const level of [0, 1, 2, 5]) {
    for (const count of [1, 2, 3, 100]) {
      const end = 2 * (page.keyLengthsAt(PAGE_BYTES, count, level) + count) - PAGE_BYTES
      assert.equal(end, page.PAGE_HEADER_BYTES + 2 + count * page.columnBytes(level))
    }
  }
})

test('heads compare as keys do', () => {
  const key = fc.uint8Array({ maxLength: 6 })
  fc.assert(
    fc.property(key, key, (a, b) => {
      const [x, y] = [page.keyHead(a, 0, a.length), page.keyHead(b, 0, b.length)]
      if (x < y) assert.ok(Buffer.compare(a, b) < 0)
      if (x > y) assert.ok(Buffer.compare(a, b) > 0)
    }),
  )
})

test('a header is read as it was written', () => {
  assert.deepEqual(header.decodeHeader(header.encodeHeader(HEADER)), { state: 'valid', header: HEADER })
})

test('any flipped bit of a header is found', () => {
  const bytes = header.encodeHeader(HEADER)
  for (let bit = 0; bit < PAGE_BYTES * 8; bit += bit < 800 ? 1 : 97) {
    bytes[bit >> 3]! ^= 1 << (bit & 7)
    assert.equal(header.decodeHeader(bytes).state, 'damaged', `bit ${bit}`)
    bytes[bit >> 3]! ^= 1 << (bit & 7)
  }
})

test('a newer version is told from damage', () => {
  const bytes = header.encodeHeader(HEADER)
  new DataView(bytes.buffer).setUint32(header.HEADER_VERSION_OFFSET, 2, true)
  const sum = checksum(bytes.subarray(0, header.HEADER_CHECKSUM_OFFSET))
  new DataView(bytes.buffer).setUint32(header.HEADER_CHECKSUM_OFFSET, sum, true)
  const reading = header.decodeHeader(bytes)
  assert.deepEqual(reading, { state: 'newer', version: 2 })
  assert.throws(() => header.chooseSlot('f', [reading, reading]), { code: 'MANIFOLD_VERSION' })
})

test('a header that nobody would write is refused although its checksum is right', () => {
  for (const change of [
    { generation: 2 ** 52 },
    { logPosition: 6 },
    { pageCount: 2 ** 31 },
    { meta: { ...HEADER.meta, page: 1 } },
    { meta: { ...HEADER.meta, pages: 991 } },
    { meta: { ...HEADER.meta, bytes: 2 * PAGE_BYTES + 1 } },
  ]) {
    assert.equal(
      header.decodeHeader(header.encodeHeader({ ...HEADER, ...change })).state,
      'damaged',
      JSON.stringify(change),
    )
  }
})

test('the slot with the higher generation counts', () => {
  const slot = (generation: number): header.SlotReading =>
    header.decodeHeader(header.encodeHeader({ ...HEADER, generation }))
  const damaged = header.decodeHeader(new Uint8Array(PAGE_BYTES))
  assert.equal(header.chooseSlot('f', [slot(4), slot(5)]).slot, 1)
  assert.equal(header.chooseSlot('f', [slot(6), slot(5)]).slot, 0)
  assert.equal(header.chooseSlot('f', [damaged, slot(5)]).slot, 1)
  assert.equal(header.chooseSlot('f', [slot(5), damaged]).other, undefined)
  assert.throws(() => header.chooseSlot('f', [damaged, damaged]), { code: 'MANIFOLD_NOT_A_DATABASE' })
  const torn = header.encodeHeader(HEADER)
  torn[50]! ^= 1
  assert.throws(() => header.chooseSlot('f', [header.decodeHeader(torn), damaged]), { code: 'MANIFOLD_CORRUPTION' })
})

const CATALOG: Catalog = {
  nextFamilyId: 4,
  nextTableId: 300,
  families: [
    { id: 1, name: 'default' },
    { id: 3, name: 'ä🙂' },
  ],
  tables: [
    {
      id: 1,
      familyId: 1,
      kind: 0,
      name: 't',
      keyCodec: 'uint',
      valueCodec: 'json',
      root: { page: 5, checksum: -7, height: 3, entries: 2 ** 40, overflow: true },
    },
    {
      id: 299,
      familyId: 3,
      kind: 0,
      name: 'n'.repeat(255),
      keyCodec: 'k'.repeat(255),
      valueCodec: '',
      root: { page: 0, checksum: 0, height: 0, entries: 0, overflow: false },
    },
  ],
}

function metaBytes(): Uint8Array {
  const writer = new ByteWriter()
  writeCatalog(writer, CATALOG)
  const free = new ExtentList()
  free.push(2, 1)
  free.push(6, 1000)
  free.push(2 ** 30, 5)
  writeFreeMap(writer, free)
  return writer.toBytes()
}

function refuse(offset: number, expected: string, found: string): never {
  throw new DatabaseError('MANIFOLD_CORRUPTION', `${offset} ${expected} ${found}`)
}

test('catalog and free map are read as they were written', () => {
  const { catalog, free } = readMeta(metaBytes(), 2 ** 30 + 5, refuse)
  assert.deepEqual(catalog, CATALOG)
  assert.deepEqual([...free.toPairs()], [2, 1, 6, 1000, 2 ** 30, 5])
})

test('a meta extent with other content is read or refused, never read beyond', () => {
  const bytes = metaBytes()
  for (let length = 0; length < bytes.length; length++) {
    assert.throws(() => readMeta(bytes.subarray(0, length), 2 ** 30 + 5, refuse), { code: 'MANIFOLD_CORRUPTION' })
  }
  fc.assert(
    fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, mask) => {
      const changed = bytes.slice()
      changed[at]! ^= mask
      try {
        readMeta(changed, 2 ** 30 + 5, refuse)
      } catch (error) {
        assert.ok(error instanceof DatabaseError)
      }
    }),
    { numRuns: 500 },
  )
})

test('numbers of 7 bits a byte', () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), value => {
      const writer = new ByteWriter()
      writer.number(value)
      assert.equal(new ByteReader(writer.toBytes(), refuse).number(), value)
    }),
  )
})

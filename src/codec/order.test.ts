import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { compareBytes } from '../base/bytes.ts'
import { DatabaseError } from '../base/errors.ts'
import { bytes } from './bytes.ts'
import { Lender } from './copy-out.ts'
import { DirectKeyCodec, EncodedValue, NO_ROOM } from './direct-codec.ts'
import type { KeyCodec } from './key-codec.ts'
import { KEY, VALUE } from './refusal.ts'
import { boolean, f64, i64, int, timestamp, u64, uint } from './scalars.ts'
import { tuple } from './tuple.ts'
import { utf8 } from './utf8.ts'
import { uuid } from './uuid.ts'

const runs = 500 * Number(process.env['MANIFOLD_TEST_RUNS'] ?? 1)

interface Subject<K> {
  readonly codec: KeyCodec<K>
  readonly keys: fc.Arbitrary<K>
  readonly compare: (a: K, b: K) => number
  readonly refused: readonly unknown[]
}

function natural<K extends number | bigint | Date | string | boolean>(a: K, b: K): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** By code points: UTF-16 code units would place a surrogate pair before U+E000. */
function compareText(a: string, b: string): number {
  const left = Array.from(a, character => character.codePointAt(0)!)
  const right = Array.from(b, character => character.codePointAt(0)!)
  for (let i = 0; i < left.length && i < right.length; i++) if (left[i] !== right[i]) return left[i]! - right[i]!
  return left.length - right.length
}

/** Lexicographic by element. */
function compareTuples(compares: readonly ((a: never, b: never) => number)[]) {
  return (a: readonly unknown[], b: readonly unknown[]): number => {
    for (const [i, compare] of compares.entries()) {
      const difference = compare(a[i] as never, b[i] as never)
      if (difference !== 0) return difference
    }
    return 0
  }
}

const { MAX_SAFE_INTEGER: MAX, MIN_SAFE_INTEGER: MIN } = Number
const edges = (...values: number[]): fc.Arbitrary<number> => fc.constantFrom(...values)
const wholes = fc.oneof(
  fc.integer(),
  fc.maxSafeInteger(),
  edges(0, 1, -1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, -(2 ** 32), -(2 ** 32) - 1, MAX, MIN),
)
const texts = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ unit: fc.constantFrom('a', '\0', '\u0001', '\ufeff', '\uffff', '\u{10000}'), maxLength: 6 }),
  fc.string({ maxLength: 60 }),
)
const arrays = fc.oneof(
  fc.uint8Array({ maxLength: 60 }),
  fc.array(fc.constantFrom(0, 1, 2, 0xfe, 0xff), { maxLength: 5 }).map(list => Uint8Array.from(list)),
) as fc.Arbitrary<Uint8Array<ArrayBuffer>>
const doubles = fc.double({ noNaN: true }).map(value => value + 0)
const dates = fc.date({ noInvalidDate: true, min: new Date(-8.64e15), max: new Date(8.64e15) })

const subjects: Record<string, Subject<never>> = {}
function subject<K>(
  name: string,
  codec: KeyCodec<K>,
  keys: fc.Arbitrary<K>,
  compare: (a: K, b: K) => number,
  refused: unknown[],
): void {
  assert.equal(codec.id, name)
  subjects[name] = { codec, keys, compare, refused } as unknown as Subject<never>
}

subject('uint', uint, wholes.map(Math.abs), natural, [
  -1,
  1.5,
  Number.NaN,
  Infinity,
  2 ** 53,
  '1',
  1n,
  null,
  undefined,
  {},
])
subject('int', int, wholes, natural, [0.5, Number.NaN, -Infinity, 2 ** 53, -(2 ** 53), '1', 1n, null])
subject('f64', f64, doubles, natural, [Number.NaN, '1', 1n, null, undefined])
subject('u64', u64, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), natural, [-1n, 2n ** 64n, 1, '1', null])
subject('i64', i64, fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), natural, [
  2n ** 63n,
  -(2n ** 63n) - 1n,
  1,
  null,
])
subject('boolean', boolean, fc.boolean(), natural, [0, 1, 'true', null, undefined])
subject('timestamp', timestamp, dates, natural, [new Date(Number.NaN), 0, '2024-01-01', null, { getTime: () => 0 }])
subject('uuid', uuid, fc.uuid(), natural, [
  '',
  '123',
  '123e4567-e89b-12d3-a456-42661417400',
  '123e4567-e89b-12d3-a456-42661417400g',
  '123e4567ae89b-12d3-a456-426614174000',
  5,
])
subject('utf8', utf8, texts, compareText, [
  5,
  null,
  undefined,
  '\ud800',
  'a\udc00b',
  `${'x'.repeat(50)}\ud83d`,
  ['a'],
  Symbol('a'),
])
subject('bytes', bytes, arrays, compareBytes, [
  'a',
  [1],
  new Uint16Array(1),
  new ArrayBuffer(1),
  null,
  new DataView(new ArrayBuffer(1)),
])
subject('tuple(uint,utf8)', tuple(uint, utf8), fc.tuple(fc.nat(3), texts), compareTuples([natural, compareText]), [
  [1],
  [1, 'a', 2],
  ['a', 1],
  'a',
  null,
  [1, '\ud800'],
  [],
])
subject(
  'tuple(utf8,bytes,i64)',
  tuple(utf8, bytes, i64),
  fc.tuple(texts, arrays, fc.bigInt({ min: -3n, max: 3n })),
  compareTuples([compareText, compareBytes, natural]),
  [['a', 'b', 1n]],
)
subject(
  'tuple(tuple(bytes,boolean),tuple(tuple(utf8)),uuid)',
  tuple(tuple(bytes, boolean), tuple(tuple(utf8)), uuid),
  fc.tuple(fc.tuple(arrays, fc.boolean()), fc.tuple(fc.tuple(texts)), fc.uuid()),
  compareTuples([compareTuples([compareBytes, natural]), compareTuples([compareTuples([compareText])]), natural]),
  [[['a', true], [['b']], '']],
)

/** The bytes as the engine gets them, at some offset of a larger buffer. */
function encoded(codec: DirectKeyCodec<unknown>, key: unknown, offset = 3): Uint8Array {
  const target = new Uint8Array(600).fill(0xaa)
  const length = codec.encodeInto(key, target, offset, KEY)
  assert.ok(length >= 0)
  assert.ok(
    target.subarray(0, offset).every(byte => byte === 0xaa),
    'bytes in front of the offset were touched',
  )
  return target.slice(offset, offset + length)
}

for (const [name, { codec, keys, compare, refused }] of Object.entries(subjects)) {
  describe(name, () => {
    assert.ok(codec instanceof DirectKeyCodec)
    const direct = codec as unknown as DirectKeyCodec<unknown>

    test('gives back what was encoded, by every way', () => {
      fc.assert(
        fc.property(keys, key => {
          const whole = encoded(direct, key)
          assert.deepEqual(direct.encode(key), whole)
          assert.deepEqual(direct.decode(whole), key)
          const shared = new Uint8Array(new SharedArrayBuffer(whole.length + 7)).fill(0xee)
          shared.set(whole, 5)
          assert.deepEqual(direct.decodeFrom(shared, 5, whole.length), key)
          assert.deepEqual(direct.lendFrom(shared, 5, whole.length, new Lender()), key)
          const value = new EncodedValue()
          direct.encodeValue(key, value, VALUE)
          assert.deepEqual(Uint8Array.from(value.bytes.subarray(0, value.length)), whole)
          if (direct.fixedBytes > 0) assert.equal(whole.length, direct.fixedBytes)
        }),
        { numRuns: runs },
      )
    })

    test('keeps the order', () => {
      fc.assert(
        fc.property(keys, keys, (a, b) => {
          assert.equal(Math.sign(compareBytes(encoded(direct, a), encoded(direct, b))), Math.sign(compare(a, b)))
        }),
        { numRuns: runs * 2 },
      )
    })

    test('reports a target that is too short and writes nothing behind it', () => {
      fc.assert(
        fc.property(keys, fc.nat(), (key, cut) => {
          const { length } = encoded(direct, key)
          if (length === 0) return
          const target = new Uint8Array(64 + length).fill(0xbb)
          const room = cut % length
          assert.equal(direct.encodeInto(key, target.subarray(0, 4 + room), 4, KEY), NO_ROOM)
          assert.ok(target.subarray(4 + room).every(byte => byte === 0xbb))
          assert.equal(direct.encodeInto(key, target.subarray(0, 4 + length), 4, KEY), length)
        }),
        { numRuns: runs },
      )
    })

    test('refuses what is not of its domain, as key and as value', () => {
      for (const given of refused) {
        for (const role of [KEY, VALUE]) {
          assert.throws(
            () => direct.encodeInto(given, new Uint8Array(100), 0, role),
            error => {
              assert.ok(error instanceof DatabaseError)
              assert.equal(error.code, role)
              assert.match(error.message, /expected .+ was given\. .+/)
              return true
            },
          )
        }
      }
    })
  })
}

test('the bytes are these', () => {
  const hex = (codec: KeyCodec<unknown>, key: unknown): string => Buffer.from(codec.encode(key)).toString('hex')
  assert.equal(hex(uint, 258), '0000000000000102')
  assert.equal(hex(int, -1), '7fffffffffffffff')
  assert.equal(hex(int, 1), '8000000000000001')
  assert.equal(hex(u64, 2n ** 64n - 1n), 'ffffffffffffffff')
  assert.equal(hex(i64, -(2n ** 63n)), '0000000000000000')
  assert.equal(hex(f64, 1), 'bff0000000000000')
  assert.equal(hex(f64, -1), '400fffffffffffff')
  assert.equal(hex(f64, -0), hex(f64, 0))
  assert.equal(hex(timestamp, new Date(1)), '8000000000000001')
  assert.equal(hex(boolean, true), '01')
  assert.equal(hex(utf8, '\ufeffé'), 'efbbbfc3a9')
  assert.equal(hex(uuid, '123E4567-e89b-12d3-A456-426614174000'), '123e4567e89b12d3a456426614174000')
  assert.equal(
    hex(tuple(utf8, bytes, boolean) as KeyCodec<unknown>, ['a', Uint8Array.of(0, 1, 2), true]),
    '610001010102020001',
  )
})

test('a byte order mark survives short and long', () => {
  for (const text of ['\ufeff', `\ufeff${'a'.repeat(100)}`])
    assert.equal(utf8.decode(utf8.encode(text) as Uint8Array<ArrayBuffer>), text)
})

test('byte arrays of another realm are taken', async () => {
  const { runInNewContext } = await import('node:vm')
  assert.deepEqual(bytes.encode(runInNewContext('Uint8Array.of(1, 2)')), Uint8Array.of(1, 2))
})

test('decode refuses bytes that the codec cannot have written', () => {
  for (const codec of [uint, int, f64, u64, i64, boolean, timestamp, uuid, tuple(uint, utf8)] as KeyCodec<unknown>[]) {
    assert.throws(() => codec.decode(new Uint8Array(3)), { code: 'MANIFOLD_INVALID_KEY' }, codec.id)
  }
  assert.throws(() => utf8.decode(Uint8Array.of(0xff)), { code: 'MANIFOLD_INVALID_KEY' })
})

test('a value longer than the scratch buffer', () => {
  const value = new EncodedValue()
  for (const text of ['a'.repeat(70_000), 'é'.repeat(70_000), '\u{10000}'.repeat(20_000)]) {
    const direct = tuple(utf8, uint) as unknown as DirectKeyCodec<unknown>
    direct.encodeValue([text, 7], value, VALUE)
    assert.deepEqual(direct.decodeFrom(value.bytes, 0, value.length), [text, 7])
    ;(utf8 as DirectKeyCodec<string>).encodeValue(text, value, VALUE)
    assert.equal(utf8.decode(value.bytes.slice(0, value.length) as Uint8Array<ArrayBuffer>), text)
  }
  ;(utf8 as DirectKeyCodec<string>).encodeValue('short', value, VALUE)
  assert.equal(value.bytes, value.scratch)
})

test('a value over the limit', () => {
  const value = new EncodedValue()
  const tooLarge = { code: 'MANIFOLD_VALUE_TOO_LARGE' }
  const long = 'a'.repeat(64 * 1024 * 1024 + 1)
  assert.throws(() => (utf8 as DirectKeyCodec<string>).encodeValue(long, value, VALUE), tooLarge)
  assert.throws(
    () => (bytes as DirectKeyCodec<Uint8Array>).encodeValue(new Uint8Array(long.length), value, VALUE),
    tooLarge,
  )
})

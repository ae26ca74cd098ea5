import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { compareBytes } from '../base/bytes.ts'
import { bytes } from '../codec/bytes.ts'
import { encodedKey } from '../codec/direct-codec.ts'
import type { KeyCodec } from '../codec/key-codec.ts'
import { directKeyCodec } from '../codec/own-codec.ts'
import { boolean, uint } from '../codec/scalars.ts'
import { tuple } from '../codec/tuple.ts'
import { utf8 } from '../codec/utf8.ts'
import { uuid } from '../codec/uuid.ts'
import type { Bounds, ByteRange } from './range.ts'
import { WHOLE_RANGE, deletionBounds, resolveBounds, resolveRange } from './range.ts'

const numRuns = 600 * Number(process.env['MANIFOLD_TEST_RUNS'] ?? 1)

function isInside(range: ByteRange, key: Uint8Array): boolean {
  return compareBytes(key, range.start) >= 0 && (range.end === undefined || compareBytes(key, range.end) < 0)
}

/**
 * Asks every key of a small set whether it lies in the byte range and whether it satisfies the bounds, one by one.
 * `compare` compares a key with a bound and is 0 where the bound is a leading part of it.
 */
function checkBounds<K>(
  codec: KeyCodec<K>,
  keys: fc.Arbitrary<K>,
  bounds: fc.Arbitrary<unknown>,
  compare: (key: K, bound: never) => number,
): void {
  const direct = directKeyCodec(codec)
  const options = fc.record({ gt: bounds, gte: bounds, lt: bounds, lte: bounds }, { requiredKeys: [] })
  fc.assert(
    fc.property(options, fc.array(keys, { minLength: 20, maxLength: 40 }), (given, candidates) => {
      const range = resolveBounds(direct, given as Bounds<K>)
      const order = (key: K, bound: unknown): number => compare(key, bound as never)
      for (const key of candidates) {
        const expected =
          (given.gt === undefined || order(key, given.gt) > 0) &&
          (given.gte === undefined || order(key, given.gte) >= 0) &&
          (given.lt === undefined || order(key, given.lt) < 0) &&
          (given.lte === undefined || order(key, given.lte) <= 0)
        assert.equal(isInside(range, encodedKey(direct, key, 0)) && !range.empty, expected, JSON.stringify(key))
      }
    }),
    { numRuns },
  )
}

function checkPrefix<K>(
  codec: KeyCodec<K>,
  keys: fc.Arbitrary<K>,
  prefixes: fc.Arbitrary<unknown>,
  begins: (key: K, prefix: never) => boolean,
): void {
  const direct = directKeyCodec(codec)
  fc.assert(
    fc.property(prefixes, fc.array(keys, { minLength: 20, maxLength: 40 }), (prefix, candidates) => {
      const range = resolveBounds(direct, { prefix } as Bounds<K>)
      for (const key of candidates) {
        assert.equal(
          isInside(range, encodedKey(direct, key, 0)) && !range.empty,
          begins(key, prefix as never),
          JSON.stringify([key, prefix]),
        )
      }
    }),
    { numRuns },
  )
}

const letters = fc.string({ unit: fc.constantFrom('\0', '\u0001', 'a', '\uffff', '\u{10ffff}'), maxLength: 3 })
const small = fc.array(fc.constantFrom(0, 1, 0xfe, 0xff), { maxLength: 3 }).map(list => Uint8Array.from(list))
const compareText = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b))

describe('bounds against every key', () => {
  test('uint', () => checkBounds(uint, fc.nat(6), fc.nat(6), (key, bound: number) => key - bound))
  test('boolean', () =>
    checkBounds(boolean, fc.boolean(), fc.boolean(), (key, bound: boolean) => Number(key) - Number(bound)))
  test('utf8', () => checkBounds(utf8, letters, letters, compareText))
  test('bytes', () => checkBounds(bytes, small, small, compareBytes))

  test('tuple: each bound a whole key or its first elements', () => {
    const keys = fc.tuple(fc.nat(2), letters, fc.nat(2)) as fc.Arbitrary<readonly [number, string, number]>
    const parts = fc.tuple(keys, fc.integer({ min: 1, max: 3 })).map(([key, length]) => key.slice(0, length))
    checkBounds(tuple(uint, utf8, uint), keys, parts, (key, bound: readonly [number, string, number]) => {
      if (key[0] !== bound[0]) return key[0] - bound[0]
      const second = bound.length > 1 ? compareText(key[1], bound[1]) : 0
      if (second !== 0) return second
      return bound.length > 2 ? key[2] - bound[2] : 0
    })
  })

  test('a tuple part whose bytes are all ff has nothing behind it', () => {
    const codec = directKeyCodec(tuple(bytes, bytes))
    const fixed = directKeyCodec(tuple(boolean, boolean))
    assert.equal(resolveBounds(codec, { gt: [Uint8Array.of(0xff)] }).empty, false)
    assert.equal(resolveBounds(fixed, { gt: [true] }).empty, false)
    const all = directKeyCodec(bytes)
    assert.deepEqual(resolveBounds(all, { prefix: Uint8Array.of(0xff, 0xff) }), {
      start: Uint8Array.of(0xff, 0xff),
      end: undefined,
      empty: false,
    })
  })
})

describe('prefixes against every key', () => {
  test('utf8', () => checkPrefix(utf8, letters, letters, (key, prefix: string) => key.startsWith(prefix)))
  test('bytes', () =>
    checkPrefix(bytes, small, small, (key, prefix: Uint8Array) =>
      Buffer.from(key).subarray(0, prefix.length).equals(prefix),
    ))

  test('uuid, also in the middle of a byte', () => {
    const ids = fc
      .constantFrom('00000000', '0fffffff', 'f0000000', 'ff000000', 'ffffffff')
      .map(head => `${head}-0000-0000-0000-000000000000`)
    const prefixes = fc.tuple(ids, fc.nat(36)).map(([id, length]) => id.slice(0, length))
    checkPrefix(uuid, ids, prefixes, (key, prefix: string) => key.startsWith(prefix))
  })

  test('tuple', () => {
    const keys = fc.tuple(letters, small) as unknown as fc.Arbitrary<readonly [string, Uint8Array<ArrayBuffer>]>
    checkPrefix(tuple(utf8, bytes), keys, fc.tuple(letters), (key, prefix: readonly [string]) => key[0] === prefix[0])
  })

  test('together with other bounds', () => {
    const range = resolveBounds(directKeyCodec(utf8), { prefix: 'a', gt: 'ab', lte: 'zz' })
    assert.deepEqual([...range.start], [0x61, 0x62, 0])
    assert.deepEqual([...range.end!], [0x62])
  })
})

describe('options', () => {
  const codec = directKeyCodec(uint)
  const invalid = { code: 'MANIFOLD_INVALID_ARGUMENT' }

  test('defaults', () => {
    assert.equal(resolveRange(codec, undefined), WHOLE_RANGE)
    assert.deepEqual(resolveRange(codec, {}), WHOLE_RANGE)
    const { reverse, limit, offset, empty } = resolveRange(codec, { reverse: true, limit: 0, offset: 3, gt: 1 })
    assert.deepEqual([reverse, limit, offset, empty], [true, 0, 3, true])
    assert.equal(resolveRange(codec, { limit: Infinity }).limit, Infinity)
  })

  test('empty ranges are known', () => {
    for (const bounds of [
      { gt: 1, lt: 1 },
      { gte: 1, lt: 1 },
      { gte: 2, lte: 1 },
      { gt: 1, lte: 1 },
    ]) {
      assert.equal(resolveBounds(codec, bounds).empty, true)
      assert.equal(deletionBounds(codec, bounds), undefined)
    }
    assert.equal(resolveBounds(codec, { gte: 1, lte: 1 }).empty, false)
  })

  test('are refused with their name', () => {
    const cases: [options: unknown, message: RegExp][] = [
      [{ limit: -1 }, /^limit must be .* -1/],
      [{ limit: 1.5 }, /^limit/],
      [{ limit: '5' }, /^limit/],
      [{ limit: Number.NaN }, /^limit/],
      [{ offset: -1 }, /^offset/],
      [{ offset: Infinity }, /^offset/],
      [{ reverse: 1 }, /^reverse/],
      [{ gtee: 1 }, /"gtee".*gte/],
      [{ prefix: 1 }, /^prefix .*'uint' have no prefixes/],
      [null, /must be an object/],
      [5, /must be an object/],
      [[], /must be an object/],
    ]
    for (const [options, message] of cases)
      assert.throws(() => resolveRange(codec, options as never), { ...invalid, message })
    assert.throws(() => resolveBounds(codec, { limit: 1 } as never), invalid)
  })

  test('a bound is checked like a key', () => {
    for (const bound of ['1', -1, null])
      assert.throws(() => resolveBounds(codec, { gt: bound as never }), { code: 'MANIFOLD_INVALID_KEY' })
    assert.throws(() => resolveBounds(directKeyCodec(utf8), { gte: 'x'.repeat(2049) }), {
      code: 'MANIFOLD_KEY_TOO_LARGE',
    })
    assert.equal(resolveBounds(directKeyCodec(utf8), { gt: 'x'.repeat(2048) }).start.length, 2049)
    const pair = directKeyCodec(tuple(uint, uint)) as never
    for (const prefix of [[], [1, 2, 3], ['a'], 1])
      assert.throws(() => resolveBounds(pair, { prefix } as never), { code: 'MANIFOLD_INVALID_KEY' })
    assert.throws(() => resolveBounds(directKeyCodec(uuid), { gte: 'xyz' }), { code: 'MANIFOLD_INVALID_KEY' })
  })

  test('a deletion needs a defined bound', () => {
    for (const bounds of [{}, { gt: undefined }, null, undefined, { reverse: true }])
      assert.throws(() => deletionBounds(codec, bounds as never), invalid)
    assert.deepEqual(deletionBounds(directKeyCodec(utf8), { prefix: '' })?.start.length, 0)
  })
})

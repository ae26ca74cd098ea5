import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { compareBytes } from '../base/bytes.ts'
import { DatabaseError } from '../base/errors.ts'
import { bytes } from './bytes.ts'
import { Lender, copyOut, setSlabGuard } from './copy-out.ts'
import { EncodedValue, successor } from './direct-codec.ts'
import { json } from './json.ts'
import type { KeyCodec } from './key-codec.ts'
import { directKeyCodec, directValueCodec } from './own-codec.ts'
import { VALUE } from './refusal.ts'
import { uint } from './scalars.ts'
import type { TableDefinition } from './table.ts'
import { checkDefinition, table } from './table.ts'
import { tuple } from './tuple.ts'
import { utf8 } from './utf8.ts'

const runs = 300 * Number(process.env['MANIFOLD_TEST_RUNS'] ?? 1)

describe('json', () => {
  const codec = directValueCodec(json<unknown & never>())
  const roundTrip = (given: unknown): unknown => {
    const into = new EncodedValue()
    codec.encodeValue(given, into, VALUE)
    return codec.decodeFrom(into.bytes, 0, into.length)
  }

  test('gives back every JSON value', () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: 'binary' }), value => {
        assert.deepEqual(roundTrip(value), JSON.parse(JSON.stringify(value)))
      }),
      { numRuns: runs },
    )
    assert.deepEqual(roundTrip({ a: undefined, b: '\ud800' }), { b: '\ud800' })
    assert.deepEqual(roundTrip(Object.assign(Object.create(null), { a: 1 })), { a: 1 })
  })

  test('keeps a __proto__ key an ordinary one', () => {
    const hostile: unknown = JSON.parse('{"__proto__": {"polluted": 1}}')
    const read = roundTrip(hostile) as Record<string, unknown>
    assert.ok(Object.hasOwn(read, '__proto__'))
    assert.equal(read['polluted'], undefined)
    assert.equal(({} as Record<string, unknown>)['polluted'], undefined)
  })

  test('refuses what JSON would drop or change, and says where', () => {
    const cycle: unknown[] = []
    cycle.push(cycle)
    class Ada {
      name = 'Ada'
    }
    const cases: [value: unknown, message: RegExp][] = [
      [undefined, /undefined was given/],
      [() => 1, /a function was given/],
      [Symbol('a'), /a symbol was given/],
      [1n, /BigInt/],
      [Number.NaN, /NaN was given/],
      [cycle, /circular/i],
      [new Map(), /a Map was given/],
      [new Ada(), /an Ada was given/],
      [{ tags: [1, new Date(0)] }, /at '\.tags\[1\]'.*the Date 1970/],
      [{ a: { b: Infinity } }, /at '\.a\.b'.*Infinity was given/],
      [[undefined], /at '\[0\]'.*undefined was given/],
      [{ f() {} }, /at '\.f'.*a function was given/],
      [{ data: Uint8Array.of(1) }, /a Uint8Array of 1 bytes/],
    ]
    for (const [value, message] of cases) {
      assert.throws(() => roundTrip(value), { code: 'MANIFOLD_INVALID_VALUE', message })
    }
  })

  test('decode refuses other bytes', () => {
    assert.throws(() => json().decode(Uint8Array.of(0x7b)), { code: 'MANIFOLD_INVALID_VALUE' })
  })
})

describe('own codecs', () => {
  const base = {
    id: 'own',
    encode: (value: string) => Buffer.from(value),
    decode: (given: Uint8Array) => Buffer.from(given).toString(),
  }

  test('decode gets a private copy', () => {
    let seen: Uint8Array | undefined
    const codec = directValueCodec({ ...base, decode: (given: Uint8Array) => Buffer.from((seen = given)).toString() })
    const source = new Uint8Array(new SharedArrayBuffer(16)).fill(0x61)
    assert.equal(codec.decodeFrom(source, 4, 3), 'aaa')
    assert.ok(seen!.buffer instanceof ArrayBuffer)
    seen!.fill(0)
    assert.ok(source.every(byte => byte === 0x61))
  })

  test('what encode throws or returns otherwise is refused with the code of the role', () => {
    const throws = { ...base, ordered: true as const, encode: (): never => uint.encode(-1) as never }
    assert.throws(() => directKeyCodec(throws).encode('a'), {
      code: 'MANIFOLD_INVALID_KEY',
      message: /'own' could not encode the key: .*uint/,
    })
    const { cause } = capture(() => directValueCodec(throws).encodeValue('a', new EncodedValue(), VALUE))
    assert.ok(cause instanceof DatabaseError)
    const text = { ...base, encode: () => 'text' as unknown as Uint8Array }
    assert.throws(() => directValueCodec(text).encode('a'), {
      code: 'MANIFOLD_INVALID_VALUE',
      message: /must return a Uint8Array.*"text"/,
    })
  })

  test('what decode throws becomes a DatabaseError', () => {
    const codec = directValueCodec({ ...base, decode: (): string => JSON.parse('{') as string })
    const error = capture(() => codec.decodeFrom(new Uint8Array(1), 0, 1))
    assert.equal(error.code, 'MANIFOLD_INVALID_VALUE')
    assert.ok(error.cause instanceof SyntaxError)
  })

  test('as keys and inside tuples', () => {
    const own: KeyCodec<string> = { ...base, ordered: true }
    const codec = tuple(own, uint)
    assert.equal(codec.id, 'tuple(own,uint)')
    const key = ['a\0b', 3] as const
    assert.deepEqual(codec.decode(codec.encode(key) as Uint8Array<ArrayBuffer>), key)
    assert.equal(directKeyCodec(codec).foreign, true)
    assert.equal(directKeyCodec(tuple(uint)).foreign, false)
  })
})

function capture(call: () => unknown): DatabaseError {
  try {
    call()
  } catch (error) {
    assert.ok(error instanceof DatabaseError)
    return error
  }
  assert.fail('nothing was thrown')
}

describe('table', () => {
  test('declares', () => {
    const users = table('users', { key: uint, value: json<{ name: string }>() })
    assert.deepEqual([users.name, users.key, users.value.id], ['users', uint, 'json'])
    checkDefinition({ ...users })
  })

  test('refuses names and codecs that cannot be', () => {
    const invalid = { code: 'MANIFOLD_INVALID_ARGUMENT' }
    for (const name of ['', 'x'.repeat(256), 'é'.repeat(128), '\ud800', 5, null, undefined]) {
      assert.throws(() => table(name as string, { key: uint, value: uint }), invalid, String(name))
    }
    table('é'.repeat(127), { key: uint, value: uint })
    const own = {
      id: 'own',
      encode: (value: unknown) => value as Uint8Array,
      decode: (given: unknown) => given,
      ordered: true as const,
    }
    const codecs: unknown[] = [
      json(),
      null,
      'uint',
      json,
      { ...own, id: '' },
      { ...own, id: 'a\0b' },
      { ...own, encode: 1 },
      { ...own, ordered: 1 },
    ]
    for (const key of codecs) {
      assert.throws(() => table('t', { key, value: uint } as never), {
        ...invalid,
        message: /as the key codec of the table 't'/,
      })
      assert.throws(() => tuple(uint, key as never), invalid)
    }
    assert.throws(() => table('t', { key: uint } as never), invalid)
    assert.throws(() => table('t', null as never), invalid)
    assert.throws(() => tuple(), invalid)
    assert.throws(() => checkDefinition(null as unknown as TableDefinition<unknown, unknown>), invalid)
  })
})

describe('copies', () => {
  test('are of their own, of every length and from every kind of memory', () => {
    const lender = new Lender()
    for (const memory of [new ArrayBuffer(20_000), new SharedArrayBuffer(20_000)]) {
      const source = new Uint8Array(memory).map((_, i) => i * 7)
      for (const length of [0, 1, 24, 25, 150, 4096, 4097, 8192, 8193, 16_000]) {
        const expected = Uint8Array.from(source.subarray(11, 11 + length))
        const copy = copyOut(source, 11, length)
        const next = copyOut(source, 100, 40)
        copy.fill(0)
        assert.deepEqual(next, Uint8Array.from(source.subarray(100, 140)))
        assert.deepEqual(copyOut(source, 11, length), expected)
        assert.equal(copy.byteOffset % 8, 0)
        assert.deepEqual(lender.lend(source, 11, length), expected)
        assert.notEqual(lender.lend(source, 11, length).buffer, source.buffer)
      }
    }
  })

  test('go on when a slab was detached; the guard sees each slab', () => {
    const slabs: ArrayBuffer[] = []
    setSlabGuard(buffer => slabs.push(buffer))
    const first = copyOut(Uint8Array.of(1, 2, 3), 0, 3)
    structuredClone(first.buffer, { transfer: [first.buffer] })
    assert.equal(first.length, 0)
    assert.deepEqual(copyOut(Uint8Array.of(1, 2, 3), 0, 3), Uint8Array.of(1, 2, 3))
    assert.equal(slabs.length, 2)
    const lender = new Lender()
    const lent = lender.lend(Uint8Array.of(1), 0, 1)
    structuredClone(lent.buffer, { transfer: [lent.buffer] })
    assert.deepEqual(lender.lend(Uint8Array.of(4), 0, 1), Uint8Array.of(4))
    setSlabGuard(() => {})
  })

  test('a caller changes nothing by changing what it got or gave', () => {
    const given = Buffer.from([1, 2])
    const stored = bytes.encode(given) as Uint8Array<ArrayBuffer>
    given.fill(9)
    const read = bytes.decode(stored)
    read.fill(8)
    assert.deepEqual(stored, Uint8Array.of(1, 2))
  })
})

test('the successor is the first byte string behind a prefix', () => {
  const strings = fc.array(fc.constantFrom(0, 1, 0xfe, 0xff), { maxLength: 4 }).map(list => Uint8Array.from(list))
  fc.assert(
    fc.property(strings, strings, (prefix, other) => {
      const end = successor(prefix)
      const begins = compareBytes(other.subarray(0, prefix.length), prefix) === 0
      const inside = compareBytes(other, prefix) >= 0 && (end === undefined || compareBytes(other, end) < 0)
      assert.equal(inside, begins)
    }),
    { numRuns: runs * 4 },
  )
})

test('a lone surrogate is told from a pair', () => {
  assert.throws(() => utf8.encode('\udc00\ud800'), { code: 'MANIFOLD_INVALID_KEY', message: /lone surrogates/ })
})

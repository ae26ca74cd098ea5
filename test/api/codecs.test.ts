import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Bytes, KeyCodec, ValueCodec } from '../../src/index.ts'
import { boolean, bytes, f64, i64, int, json, table, timestamp, tuple, u64, uint, utf8, uuid } from '../../src/index.ts'
import { JOURNALS, newDisk, numbers, openOn, withDatabase, words } from '../support/open.ts'
import { refuses, rejects } from '../support/refusal.ts'

interface Case {
  readonly codec: KeyCodec<never>
  /** In the order of their keys. */
  readonly values: readonly unknown[]
  readonly refused: readonly unknown[]
}

const CASES: Record<string, Case> = {
  bytes: {
    codec: bytes as never,
    values: [Uint8Array.of(), Uint8Array.of(0), Uint8Array.of(0, 0), Uint8Array.of(1), Uint8Array.of(255, 1)],
    refused: ['x', [1], new Uint16Array(1), new ArrayBuffer(1), null],
  },
  utf8: {
    codec: utf8 as never,
    values: ['', '\0', 'a', 'ab', 'é', '\uffee', '😀'],
    refused: [1, '\ud800', 'a\udc00', new String('x')],
  },
  uint: {
    codec: uint as never,
    values: [0, 1, 255, 256, 2 ** 32, 2 ** 53 - 1],
    refused: [-1, 0.5, 2 ** 53, Number.NaN, 1n, '1'],
  },
  int: { codec: int as never, values: [-(2 ** 53) + 1, -1, 0, 1, 2 ** 53 - 1], refused: [0.5, 2 ** 53, Infinity, 1n] },
  u64: { codec: u64 as never, values: [0n, 1n, 2n ** 53n, 2n ** 64n - 1n], refused: [-1n, 2n ** 64n, 1] },
  i64: { codec: i64 as never, values: [-(2n ** 63n), -1n, 0n, 2n ** 63n - 1n], refused: [2n ** 63n, 1] },
  f64: {
    codec: f64 as never,
    values: [-Infinity, -1.5, 0, Number.MIN_VALUE, 1.5, Infinity],
    refused: [Number.NaN, 1n, '1'],
  },
  boolean: { codec: boolean as never, values: [false, true], refused: [0, 'true', null] },
  timestamp: {
    codec: timestamp as never,
    values: [new Date(-1), new Date(0), new Date(8.64e15)],
    refused: [new Date(Number.NaN), 0, '2020-01-01'],
  },
  uuid: {
    codec: uuid as never,
    values: ['00000000-0000-0000-0000-000000000000', '123e4567-e89b-12d3-a456-426614174000'],
    refused: ['123', 5, 'g23e4567-e89b-12d3-a456-426614174000'],
  },
  tuple: {
    codec: tuple(utf8, tuple(uint, bytes), f64) as never,
    values: [
      ['', [0, Uint8Array.of()], 0],
      ['a', [0, Uint8Array.of(0)], 0],
      ['a', [0, Uint8Array.of(0, 1)], -1],
      ['a', [1, Uint8Array.of()], 0],
      ['a\0', [0, Uint8Array.of()], 0],
    ],
    refused: [
      [],
      ['a'],
      ['a', [0, Uint8Array.of()]],
      ['a', [0], 0],
      ['a', [0, Uint8Array.of()], 0, 1],
      'a',
      [1, [0, Uint8Array.of()], 0],
    ],
  },
}

describe('the codecs of the package', () => {
  for (const [name, { codec, values, refused }] of Object.entries(CASES)) {
    test(`${name}: keys come back as they were, in order; values too; what does not fit is refused`, async () => {
      for (const journal of JOURNALS) {
        await withDatabase(journal, async db => {
          const keyed = db.table(table('keyed', { key: codec, value: uint }))
          const valued = db.table(table('valued', { key: uint, value: codec as ValueCodec<never> }))
          for (const [i, value] of values.toReversed().entries()) {
            await keyed.put(value as never, values.length - 1 - i)
            await valued.put(values.length - 1 - i, value as never)
          }
          for (let round = 0; round < 2; round++) {
            assert.deepEqual(keyed.keys().toArray(), values)
            assert.deepEqual(keyed.keys({ reverse: true }).toArray(), values.toReversed())
            assert.deepEqual(valued.values().toArray(), values)
            values.forEach((value, i) => assert.equal(keyed.get(value as never), i))
            assert.deepEqual(
              keyed.keys({ gt: values[0] as never, lte: values.at(-1) as never }).toArray(),
              values.slice(1),
            )
            await db.checkpoint()
          }
          for (const wrong of refused) {
            refuses(() => keyed.get(wrong as never), 'MANIFOLD_INVALID_KEY', /but .* was given\. [A-Z]/)
            await rejects(keyed.put(wrong as never, 1), 'MANIFOLD_INVALID_KEY', /was given/)
            await rejects(valued.put(1, wrong as never), 'MANIFOLD_INVALID_VALUE', /but .* was given\. [A-Z]/)
          }
          assert.equal(keyed.count(), values.length)
        })
      }
    })
  }

  test('json: what JSON would change is refused, with the place', async () => {
    await withDatabase('sync', async db => {
      const t = db.table(table('documents', { key: uint, value: json<never>() }))
      const kept: unknown[] = [0, 'x', true, null, [], {}, [1, [2, { a: null }]], { a: { b: 'é😀' } }]
      for (const [i, value] of kept.entries()) await t.put(i, value as never)
      assert.deepEqual(t.values().toArray(), kept)
      await t.put(50, { a: undefined, b: 1 } as never)
      assert.deepEqual(t.get(50), { b: 1 })
      const cycle: { self?: unknown } = {}
      cycle.self = cycle
      const refused: [unknown, RegExp][] = [
        [new Date(0), /Date/],
        [{ a: [1, new Map()] }, /'json' at '\.a\[1\]'.*a Map/],
        [undefined, /undefined/],
        [Number.NaN, /NaN/],
        [{ a: Infinity }, /\.a/],
        [1n, /bigint|BigInt/],
        [() => 1, /a function/],
        [cycle, /circular/i],
        [[undefined], /undefined/],
      ]
      for (const [value, message] of refused)
        await rejects(t.put(99, value as never), 'MANIFOLD_INVALID_VALUE', message)
      assert.equal(t.has(99), false)
    })
  })
})

const own: ValueCodec<string> = {
  id: 'own/1',
  encode: value => new TextEncoder().encode(value),
  decode: encoded => new TextDecoder().decode(encoded),
}

describe('a codec of the caller', () => {
  test('serves values, and keys where it says that it is ordered', async () => {
    for (const journal of JOURNALS) {
      await withDatabase(journal, async db => {
        const ordered: KeyCodec<string> = { ...own, ordered: true }
        const t = db.table(table('own', { key: ordered, value: own }))
        await t.putMany([
          ['b', '2'],
          ['a', '1'],
        ])
        await db.checkpoint()
        assert.deepEqual(t.range().toArray(), [
          ['a', '1'],
          ['b', '2'],
        ])
        const pairs = db.table(table('pairs', { key: tuple(ordered, uint), value: own }))
        await pairs.put(['x\0y', 1], 'z')
        assert.deepEqual(pairs.first({ prefix: ['x\0y'] }), [['x\0y', 1], 'z'])
      })
    }
    refuses(() => table('own', { key: own as never, value: own }), 'MANIFOLD_INVALID_ARGUMENT', /ordered: true/)
    refuses(() => table('own', { key: json() as never, value: own }), 'MANIFOLD_INVALID_ARGUMENT', /codec for keys/)
  })

  test('decodes a private copy', async () => {
    await withDatabase('sync', async db => {
      const seen: Bytes[] = []
      const greedy: KeyCodec<string> = {
        ...own,
        ordered: true,
        decode(encoded) {
          seen.push(encoded)
          const text = own.decode(encoded)
          encoded.fill(0)
          return text
        },
      }
      const t = db.table(table('greedy', { key: greedy, value: greedy }))
      await t.put('key', 'value')
      for (let round = 0; round < 2; round++) {
        assert.equal(t.get('key'), 'value')
        assert.deepEqual(t.range().toArray(), [['key', 'value']])
        t.scan({}, (key, value) => assert.deepEqual([key, value], ['key', 'value']))
        await t.update('key', old => old)
        await db.checkpoint()
      }
      assert.equal(t.get('key'), 'value')
      assert.ok(seen.every(each => !(each.buffer instanceof SharedArrayBuffer)))
    })
  })

  test('that fails is reported with its id and its own error as cause, and nothing has happened', async () => {
    await withDatabase('sync', async db => {
      const failure = new Error('cannot')
      const bad: KeyCodec<string> = {
        id: 'bad/1',
        ordered: true,
        encode: value => {
          if (value === 'throw') throw failure
          return value === 'text' ? ('text' as never) : own.encode(value)
        },
        decode: () => {
          throw failure
        },
      }
      const t = db.table(table('bad', { key: bad, value: bad }))
      const error = await rejects(t.put('a', 'throw'), 'MANIFOLD_INVALID_VALUE', /'bad\/1' could not encode the value/)
      assert.equal(error.cause, failure)
      await rejects(t.put('text', 'a'), 'MANIFOLD_INVALID_KEY', /must return a Uint8Array.*Correct the codec/)
      await t.put('good', 'good')
      refuses(
        () => t.get('good'),
        'MANIFOLD_INVALID_VALUE',
        /could not decode.*Give a codec that changes its format a new id/,
      )
      refuses(() => t.range().toArray(), 'MANIFOLD_INVALID_KEY', /could not decode/)
      assert.equal(t.has('good'), true)
      assert.equal(t.count(), 1)
      assert.equal(db.stats().pins, 0)
    })
  })

  test('may use the database while it encodes and decodes', async () => {
    await withDatabase('sync', async db => {
      const side = db.columnFamily('side').table(words)
      const nosy: KeyCodec<string> = {
        ...own,
        ordered: true,
        encode(value) {
          side.get('zzz')
          db.columnFamily('side').writeSync(txn => txn.table(words).put(`encoded-${value}`, 'x'.repeat(50)))
          return own.encode(value)
        },
        decode(encoded) {
          side.has('something else')
          side.range().toArray()
          return own.decode(encoded)
        },
      }
      const t = db.table(table('nosy', { key: nosy, value: nosy }))
      const pairs = db.table(table('pairs', { key: tuple(utf8, nosy, utf8), value: nosy }))
      await t.put('key', 'value')
      await t.insert('key2', 'value2')
      await t.putMany([['key3', 'value3']])
      assert.equal(await t.update('key', old => `${old}!`), 'value!')
      await pairs.put(['a', 'b', 'c'], 'd')
      assert.deepEqual(t.range().toArray(), [
        ['key', 'value!'],
        ['key2', 'value2'],
        ['key3', 'value3'],
      ])
      assert.deepEqual(t.getMany(['key3', 'key', 'nothing']), ['value3', 'value!', undefined])
      assert.deepEqual(pairs.range().toArray(), [[['a', 'b', 'c'], 'd']])
      await t.delete('key')
      await t.deleteRange({ gte: 'key3' })
      assert.deepEqual(t.keys().toArray(), ['key2'])
    })
  })

  test('has an id of at most 1024 bytes, which is kept whatever its length', async () => {
    for (const journal of JOURNALS) {
      const disk = newDisk()
      const long = (id: string): ValueCodec<string> => ({ ...own, id })
      const ids = ['i', 'i'.repeat(255), 'i'.repeat(256), 'é'.repeat(512)]
      const db = await openOn(disk, journal)
      for (const [i, id] of ids.entries()) await db.table(table(`t${i}`, { key: utf8, value: long(id) })).put('a', id)
      await db.close()
      const again = await openOn(disk, journal)
      for (const [i, id] of ids.entries())
        assert.equal(again.table(table(`t${i}`, { key: utf8, value: long(id) })).get('a'), id)
      refuses(
        () => again.table(table('t1', { key: utf8, value: long('other') })),
        'MANIFOLD_TABLE_MISMATCH',
        /own codecs/,
      )
      await again.close()
    }
    for (const id of ['', 'é'.repeat(513), 'a\0b', 'a\nb', '\ud800', 5]) {
      refuses(
        () => table('t', { key: utf8, value: { ...own, id: id as never } }),
        'MANIFOLD_INVALID_ARGUMENT',
        /1 to 1024 bytes.*Name it/,
      )
    }
  })
})

describe('a table opened with other codecs than it has', () => {
  const other = { ...words, value: json<string>() }
  const otherKey = { ...numbers, name: 'words', value: utf8 }

  for (const journal of JOURNALS) {
    test(`journal '${journal}': is refused wherever it is opened, and is as it was`, async () => {
      const disk = newDisk()
      let db = await openOn(disk, journal)
      const early = db.table(other)
      const earlyWrite = db.columnFamily('x').table(otherKey)
      await db.table(words).put('a', '1')
      const check = async (): Promise<void> => {
        for (const definition of [other, otherKey] as (typeof words)[]) {
          const error = refuses(
            () => db.table(definition),
            'MANIFOLD_TABLE_MISMATCH',
            /Open it with its own codecs, or use another name/,
          )
          assert.equal(error.expected, 'utf8, utf8')
          assert.ok(error.message.includes(error.found!.split(', ')[0]!))
          const snapshot = db.snapshot()
          refuses(() => snapshot.table(definition), 'MANIFOLD_TABLE_MISMATCH', /another name/)
          snapshot.close()
          await db.write(txn => void refuses(() => txn.table(definition), 'MANIFOLD_TABLE_MISMATCH', /another name/))
          await rejects(
            db.write(txn => txn.table(definition).put('a', 'b')),
            'MANIFOLD_TABLE_MISMATCH',
            /another name/,
          )
        }
        assert.equal(db.table(words).get('a'), '1')
      }
      await check()
      refuses(() => early.get('a'), 'MANIFOLD_TABLE_MISMATCH', /another name/)
      refuses(() => early.range(), 'MANIFOLD_TABLE_MISMATCH', /another name/)
      await rejects(early.put('a', 'x'), 'MANIFOLD_TABLE_MISMATCH', /another name/)
      await rejects(early.delete('a'), 'MANIFOLD_TABLE_MISMATCH', /another name/)
      await rejects(early.clear(), 'MANIFOLD_TABLE_MISMATCH', /another name/)
      assert.equal(earlyWrite.count(), 0)
      await earlyWrite.put(1, 'in a family of its own')
      await db.close()
      db = await openOn(disk, journal)
      await check()
      await db.close()
    })

    test(`journal '${journal}': two first writes that disagree, at once`, async () => {
      await withDatabase(journal, async db => {
        const [first, second] = await Promise.allSettled([db.table(words).put('a', '1'), db.table(other).put('a', '2')])
        assert.equal(first.status, 'fulfilled')
        assert.equal((second as PromiseRejectedResult).reason.code, 'MANIFOLD_TABLE_MISMATCH')
        assert.equal(db.table(words).get('a'), '1')
      })
    })
  }
})

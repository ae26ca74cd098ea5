import type { Database, KeyCodec, TableDefinition } from '../../src/index.ts'
import { boolean, bytes, f64, i64, int, json, table, timestamp, tuple, u64, uint, utf8, uuid } from '../../src/index.ts'

/** What the golden databases hold, and how it got there. The order of the calls decides every byte of the files. */
export const GOLDEN_PATH = '/golden/app.manifold'

/** A name, its key codec and some keys in their order. */
function keys<K>(
  name: string,
  key: KeyCodec<K>,
  ordered: readonly K[],
): { definition: TableDefinition<K, string>; ordered: readonly K[] } {
  return { definition: table(name, { key, value: utf8 }), ordered }
}

/** One table for each key codec. The value of key i is `value i`. */
export const KEY_TABLES = [
  keys('uint', uint, [0, 1, 255, 256, 2 ** 32, 2 ** 53 - 1]),
  keys('int', int, [-(2 ** 53 - 1), -1, 0, 1, 2 ** 53 - 1]),
  keys('u64', u64, [0n, 1n, 2n ** 53n, 2n ** 64n - 1n]),
  keys('i64', i64, [-(2n ** 63n), -1n, 0n, 2n ** 63n - 1n]),
  keys('f64', f64, [-Infinity, -1.5, 0, 5e-324, 1.5, Infinity]),
  keys('boolean', boolean, [false, true]),
  keys('timestamp', timestamp, [new Date(-1), new Date(0), new Date('2024-02-29T12:00:00.123Z')]),
  keys('utf8', utf8, ['', '\0', 'a', 'a\0', 'ab', 'ä', '\u{ffff}', '\u{10000}']),
  keys('bytes', bytes, [new Uint8Array([]), new Uint8Array([0]), new Uint8Array([0, 255]), new Uint8Array([255])]),
  keys('uuid', uuid, ['00000000-0000-0000-0000-000000000000', '123e4567-e89b-12d3-a456-426614174000']),
  keys('tuple', tuple(utf8, bytes, int), [
    ['', new Uint8Array([0, 1, 2]), -1],
    ['a', new Uint8Array([]), 0],
    ['a', new Uint8Array([0]), 0],
    ['a\0b', new Uint8Array([1]), 7],
  ]),
] as readonly { definition: TableDefinition<unknown, string>; ordered: readonly unknown[] }[]

export const documents = table('documents', { key: utf8, value: json() })
export const DOCUMENTS = [
  ['empty', {}],
  ['nested', { list: [1, -2.5, null, true, 'ü'], inner: { text: '"\\' } }],
] as const

/**
 * Long keys of which four at a time, not those of one leaf, share all but their last byte: separators are as long, a
 * branch holds few of them, and the tree is three levels high.
 */
export const deep = table('deep', { key: utf8, value: uint })
export const DEEP_KEYS: readonly string[] = Array.from({ length: 24 }, (_, i) => {
  const shared = `${Math.floor((i + 2) / 4)}${'-'.repeat(2000)}`
  return i === 23 ? shared.padEnd(2048, 'z') : `${shared}${i % 4 < 2 ? 'b' : 'a'}${i % 2}`
})

/** Short entries below a common prefix, enough for several leaves. */
export const wide = table('wide', { key: utf8, value: uint })
export const WIDE_COUNT = 500

export function wideKey(i: number): string {
  return `common prefix ${String(i).padStart(5, '0')}`
}

/** Values on both sides of where they leave the leaf, and across pages. */
export const blobs = table('blobs', { key: uint, value: bytes })
export const BLOB_LENGTHS = [0, 1, 2711, 2712, 8192, 8193]

export function blob(length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, i) => i * 7 + length)
}

export const passing = table('passing', { key: uint, value: utf8 })

export async function writeClosed(db: Database): Promise<void> {
  const [many, before, gone] = ['many', 'before', 'gone'].map(name => db.columnFamily(name))
  await db.write(txn => {
    for (const { definition, ordered } of KEY_TABLES) {
      for (let i = ordered.length - 1; i >= 0; i--) txn.table(definition).put(ordered[i], `value ${i}`)
    }
    for (const [key, value] of DOCUMENTS) txn.table(documents).put(key, value)
  })
  await many!.write(txn => {
    for (let i = 0; i < WIDE_COUNT + 100; i++) txn.table(wide).put(wideKey(i), i)
    for (const [i, key] of DEEP_KEYS.entries()) txn.table(deep).put(key, i)
    for (const length of BLOB_LENGTHS) txn.table(blobs).put(length, blob(length))
    txn.table(blobs).put(20_000, blob(20_000))
  })
  await db.write([before!, gone!], txn => {
    txn.family(before!).table(passing).put(1, 'stays')
    txn.family(gone!).table(passing).put(1, 'goes')
  })
  await db.checkpoint()
  // What the second merge replaces and frees leaves free pages among those in use.
  await many!.table(wide).deleteRange({ gte: wideKey(WIDE_COUNT) })
  await many!.table(blobs).delete(20_000)
  await db.renameColumnFamily('before', 'after')
  await db.dropColumnFamily('gone')
}

/** What a log can hold: every kind of entry, several families in one record, a record that spans segments, a last one that is empty but for a deletion. */
export async function writeUnclean(db: Database): Promise<void> {
  const [log, before, gone] = ['log', 'before', 'gone'].map(name => db.columnFamily(name))
  await log!.write(txn => {
    for (let i = 0; i < 50; i++) txn.table(wide).put(wideKey(i), i)
    txn.table(passing).put(1, 'in the tree')
  })
  await before!.table(passing).put(1, 'first')
  await gone!.table(passing).put(1, 'goes')
  await db.checkpoint()

  await log!.write(txn => {
    txn.table(wide).delete(wideKey(0))
    txn.table(wide).deleteRange({ gte: wideKey(10), lt: wideKey(40) })
    txn.table(wide).put(wideKey(20), 2000)
    txn.table(documents).put('new', { table: true })
  })
  await log!.table(blobs).put(1, blob(50_000))
  await log!.table(blobs).put(2, blob(50_000))
  await db.write([log!, before!], txn => {
    txn.family(log!).table(passing).put(2, 'both or neither')
    txn.family(before!).table(passing).put(2, 'both or neither')
  })
  await db.renameColumnFamily('before', 'after')
  await db.dropColumnFamily('gone')
  await log!.dropTable(passing)
  await db.columnFamily('after').table(passing).deleteRange({ gt: 2 })
  await db.columnFamily('after').table(passing).delete(1)
}

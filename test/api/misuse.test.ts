import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ErrorCode } from '../../src/index.ts'
import { Database, DatabaseError, json, table, tuple, uint, utf8 } from '../../src/index.ts'
import { newDisk, openOn, PATH, withDatabase, words } from '../support/open.ts'

/** What callers without types may give. Two of these at a time make the arguments of every method. */
const GARBAGE: readonly unknown[] = [
  undefined,
  null,
  5,
  Number.NaN,
  1n,
  '',
  'word',
  '\ud800',
  'x'.repeat(3000),
  true,
  Symbol('s'),
  [],
  [1],
  [null],
  [[1, 2]],
  {},
  { gt: {} },
  { name: 'word' },
  { name: 7 },
  { signal: {} },
  { durability: 'always' },
  new Map([[1, 2]]),
  new Uint8Array(3),
  new Date(Number.NaN),
  Object.create(null),
  new Proxy({}, {}),
  () => undefined,
  () => 5,
]

/** Refusals of arguments. Any other code would mean that the misuse had got too far. */
const MISUSE: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'MANIFOLD_INVALID_ARGUMENT',
  'MANIFOLD_INVALID_KEY',
  'MANIFOLD_INVALID_VALUE',
  'MANIFOLD_KEY_TOO_LARGE',
  'MANIFOLD_NO_SUCH_FAMILY',
  'MANIFOLD_NO_SUCH_TABLE',
  'MANIFOLD_FAMILY_EXISTS',
  'MANIFOLD_KEY_EXISTS',
])

type Method = (...parameters: unknown[]) => unknown

/** Calls a method of `target` with every pair of garbage. What it throws or rejects with must be a refusal of ours. */
async function abuse(target: object, name: string, promises: boolean): Promise<void> {
  const method = (target as Record<string, Method>)[name]!
  for (const first of GARBAGE) {
    for (const second of [undefined, null, 5, {}, { limit: 'x' }, { durability: 1 }, () => undefined]) {
      const where = `${target.constructor.name}.${name}(${typeof first}, ${typeof second})`
      let result: unknown
      try {
        result = method.call(target, first, second)
      } catch (error) {
        assert.ok(!promises, `${where} threw instead of rejecting: ${String(error)}`)
        check(error, where)
        continue
      }
      if (promises) {
        assert.ok(result instanceof Promise, `${where} returned no promise`)
        const ended = await result.then(
          value => value as { abort?: () => void } | undefined,
          (error: unknown) => void check(error, where),
        )
        ended?.abort?.()
      }
    }
  }
}

function check(error: unknown, where: string): void {
  assert.ok(error instanceof DatabaseError, `${where}: ${error instanceof Error ? error.stack : String(error)}`)
  assert.ok(MISUSE.has(error.code), `${where}: ${error.code} ${error.message}`)
}

test('whatever a method is given, it refuses with an error of ours, and one that returns a promise never throws', async () => {
  await withDatabase('sync', async db => {
    await db.table(words).put('kept', 'value')
    const t = db.table(words)
    for (const name of ['get', 'has', 'getMany', 'range', 'keys', 'values', 'first', 'last', 'count', 'scan']) {
      await abuse(t, name, false)
    }
    for (const name of ['put', 'putMany', 'insert', 'update', 'delete', 'deleteRange']) await abuse(t, name, true)
    for (const name of ['dropTable', 'write', 'beginWrite']) await abuse(db.columnFamily('x'), name, true)
    for (const name of ['table', 'writeSync']) await abuse(db.columnFamily('x'), name, false)
    for (const name of ['write', 'beginWrite', 'dropColumnFamily', 'renameColumnFamily']) await abuse(db, name, true)
    for (const name of ['columnFamily', 'table', 'writeSync']) await abuse(db, name, false)
    const snapshot = db.snapshot()
    for (const name of ['family', 'table']) await abuse(snapshot, name, false)
    const txn = await db.beginWrite()
    for (const name of ['family', 'table', 'rollbackTo']) await abuse(txn, name, false)
    const inside = txn.table(words)
    for (const name of ['put', 'putMany', 'insert', 'update', 'delete', 'deleteRange', 'get', 'range', 'scan']) {
      await abuse(inside, name, false)
    }
    txn.abort()
    for (const name of ['map', 'filter', 'take', 'drop', 'reduce', 'forEach', 'find']) {
      await abuse(
        { [name]: (argument: never) => (t.range() as never as Record<string, Method>)[name]!(argument) },
        name,
        false,
      )
    }
    assert.equal(t.get('kept'), 'value')
    snapshot.close()
  })
})

test('whatever a declaration or an opening is given, it refuses with an error of ours', async () => {
  const declarations = { table, tuple, json } as Record<string, unknown>
  for (const name of ['table', 'tuple']) await abuse(declarations, name, false)
  await abuse({ table: (codec: never) => table('name', { key: codec, value: codec }) }, 'table', false)
  await abuse({ table: (codec: never) => table('name', { key: utf8, value: codec }) }, 'table', false)
  const disk = newDisk()
  const opened = await openOn(disk, 'sync')
  await opened.close()
  const refused: unknown[] = []
  for (const given of GARBAGE) {
    for (const options of [
      given,
      { fileSystem: disk, journal: given },
      { fileSystem: given },
      { fileSystem: disk, signal: given },
    ]) {
      try {
        // A path that cannot be: what is not refused for its type finds nothing.
        const db = await Database.open('/none/such/place', options as never)
        await db.close()
      } catch (error) {
        assert.ok(error instanceof DatabaseError, String(error))
        refused.push(error)
      }
    }
    if (typeof given !== 'string') await assert.rejects(Database.open(given as never), DatabaseError)
  }
  for (const path of ['', 'a\0b']) await assert.rejects(Database.open(path), { code: 'MANIFOLD_INVALID_ARGUMENT' })
  assert.ok(refused.length > GARBAGE.length)
  assert.equal(disk.existsSync(PATH), true)
  assert.equal(uint.id, 'uint')
})

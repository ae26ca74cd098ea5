import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Database } from '../../src/index.ts'
import type { SimulatedDisk } from '../../src/platform/simulated/disk.ts'
import { reopenAfterCrash } from '../support/crash.ts'
import {
  entriesOf,
  JOURNALS,
  LOGS,
  newDisk,
  numbers,
  openOn,
  PATH,
  stateOf,
  withDatabase,
  words,
} from '../support/open.ts'
import { checkPages } from '../support/pages.ts'
import { refuses, rejects } from '../support/refusal.ts'

/** What a family costs whose only entry is in memory. */
const FAMILY_BYTES_MAX = 16 * 1024
/** What the catalog says of a family with one table. */
const CATALOG_BYTES_MAX = 64

for (const journal of JOURNALS) {
  describe(`journal '${journal}': a family`, () => {
    test('exists from its first write on, and a handle is its name', async () => {
      await withDatabase(journal, async db => {
        const x = db.columnFamily('x')
        assert.equal(x.name, 'x')
        assert.equal(db.columnFamily('x'), x)
        assert.deepEqual(db.columnFamilies(), [])
        const snapshot = db.snapshot()
        await x.table(words).put('a', '1')
        await db.columnFamily('b').table(words).put('a', '1')
        assert.deepEqual(db.columnFamilies(), ['b', 'x'])
        assert.deepEqual(x.tables(), ['words'])
        assert.equal(snapshot.family(x).table(words).get('a'), undefined)
        snapshot.close()
      })
    })

    test("the database's own tables are those of the family 'default'", async () => {
      await withDatabase(journal, async db => {
        await db.table(words).put('a', '1')
        assert.equal(db.columnFamily('default').table(words).get('a'), '1')
        await db.columnFamily('default').write(txn => txn.table(numbers).put(1, 1))
        assert.deepEqual(db.tables(), ['numbers', 'words'])
        await db.dropTable(words)
        await db.dropTable('numbers')
        assert.deepEqual(db.tables(), [])
      })
    })

    test('that was dropped is empty, and a later write creates it anew', async () => {
      await withDatabase(journal, async db => {
        const x = db.columnFamily('x')
        await x.table(words).put('a', '1')
        await db.checkpoint()
        await x.table(words).put('b', '2')
        const iterator = x.table(words).range()
        await db.dropColumnFamily('x')
        assert.deepEqual(db.columnFamilies(), [])
        assert.equal(x.table(words).get('a'), undefined)
        assert.deepEqual(x.tables(), [])
        await x.table(words).put('c', '3')
        await db.checkpoint()
        assert.deepEqual(entriesOf(x.table(words)), [['c', '3']])
        assert.deepEqual(iterator.toArray(), [
          ['a', '1'],
          ['b', '2'],
        ])
        await rejects(db.dropColumnFamily('y'), 'MANIFOLD_NO_SUCH_FAMILY', /nothing was changed/)
      })
    })

    test('a drop waits for the lock, and who waited behind it writes to the new one', async () => {
      await withDatabase(journal, async db => {
        const x = db.columnFamily('x')
        await x.table(words).put('a', '1')
        const held = await x.beginWrite()
        held.table(words).put('b', '2')
        const dropped = db.dropColumnFamily('x')
        const behind = x.table(words).put('c', '3')
        assert.equal(await stateOf(dropped), 'pending')
        await held.commit()
        await dropped
        await behind
        assert.deepEqual(entriesOf(x.table(words)), [['c', '3']])
      })
    })

    test('that is renamed keeps its tables under the new name, and the old handle means the old name', async () => {
      await withDatabase(journal, async db => {
        const x = db.columnFamily('x')
        await x.table(words).put('a', '1')
        await db.checkpoint()
        await x.table(words).put('b', '2')
        await db.renameColumnFamily('x', 'y')
        assert.deepEqual(db.columnFamilies(), ['y'])
        assert.deepEqual(entriesOf(x.table(words)), [])
        assert.equal(db.columnFamily('y').table(words).count(), 2)
        await x.table(words).put('new', 'x')
        await rejects(
          db.renameColumnFamily('x', 'y'),
          'MANIFOLD_FAMILY_EXISTS',
          /drop it first, or choose another name/,
        )
        await rejects(db.renameColumnFamily('x', 'x'), 'MANIFOLD_FAMILY_EXISTS', /choose another name/)
        await rejects(db.renameColumnFamily('z', 'q'), 'MANIFOLD_NO_SUCH_FAMILY', /nothing was changed/)
        await db.renameColumnFamily('y', 'z')
        await db.renameColumnFamily('x', 'y')
        await db.checkpoint()
        assert.deepEqual(entriesOf(db.columnFamily('y').table(words)), [['new', 'x']])
        assert.equal(db.columnFamily('z').table(words).get('b'), '2')
      })
    })

    test('a dropped table is gone, and a later write creates it anew, with other codecs if it likes', async () => {
      await withDatabase(journal, async db => {
        const x = db.columnFamily('x')
        await x.table(words).put('a', '1')
        await x.table(numbers).put(1, 1)
        const old = x.table(words)
        const held = await x.beginWrite()
        const waiting = x.dropTable(words)
        assert.equal(await stateOf(waiting), 'pending')
        held.abort()
        await waiting
        assert.deepEqual(x.tables(), ['numbers'])
        assert.equal(old.get('a'), undefined)
        await rejects(x.dropTable('words'), 'MANIFOLD_NO_SUCH_TABLE', /nothing was changed/)
        await rejects(db.columnFamily('none').dropTable('words'), 'MANIFOLD_NO_SUCH_TABLE', /nothing was changed/)
        const other = { ...numbers, name: 'words' }
        await x.table(other).put(5, 5)
        assert.equal(x.table(other).get(5), 5)
        refuses(() => old.get('a'), 'MANIFOLD_TABLE_MISMATCH', /Open it with its own codecs/)
        await x.dropTable(other)
        await old.put('b', '2')
        assert.deepEqual(entriesOf(old), [['b', '2']])
      })
    })

    test('renames and writes of one turn take effect in order', async () => {
      await withDatabase(journal, async db => {
        await db.columnFamily('x').table(words).put('was', 'first')
        await Promise.all([
          db.renameColumnFamily('x', 'y'),
          db.columnFamily('x').table(words).put('was', 'second'),
          db.renameColumnFamily('y', 'z'),
          db.renameColumnFamily('x', 'y'),
          db.columnFamily('x').table(words).put('was', 'third'),
          db.dropColumnFamily('x'),
        ])
        assert.deepEqual(db.columnFamilies(), ['y', 'z'])
        assert.deepEqual(entriesOf(db.columnFamily('z').table(words)), [['was', 'first']])
        assert.deepEqual(entriesOf(db.columnFamily('y').table(words)), [['was', 'second']])
      })
    })
  })
}

for (const journal of LOGS) {
  test(`journal '${journal}': drops and renames are durable when they have resolved`, async () => {
    const disk = newDisk()
    const db = await openOn(disk, journal, { durability: 'none' })
    for (const name of ['a', 'b', 'c', 'd']) await db.columnFamily(name).table(words).put('was', name)
    await db.checkpoint()
    await db.columnFamily('a').table(words).put('late', '1')
    await db.dropColumnFamily('b')
    await db.renameColumnFamily('a', 'b')
    await db.columnFamily('c').dropTable('words')
    const after = await reopenAfterCrash(db, disk, 'none', journal)
    assert.deepEqual(after.db.columnFamilies(), ['b', 'c', 'd'])
    assert.deepEqual(entriesOf(after.db.columnFamily('b').table(words)), [
      ['late', '1'],
      ['was', 'a'],
    ])
    assert.deepEqual(after.db.columnFamily('c').tables(), [])
    await after.db.close()
    checkPages(after.disk, PATH)
    const again = await openOn(after.disk, journal)
    assert.deepEqual(again.columnFamilies(), ['b', 'c', 'd'])
    await again.close()
  })
}

test('the pages of what was dropped are used again', async () => {
  for (const journal of JOURNALS) {
    const disk = newDisk()
    const db = await openOn(disk, journal)
    const sizes: number[] = []
    for (let round = 0; round < 6; round++) {
      await db
        .columnFamily('x')
        .table(words)
        .putMany(Array.from({ length: 200 }, (_, i) => [`k${i}`, 'x'.repeat(1000)] as const))
      await db.columnFamily('y').table(words).put('long', 'x'.repeat(100_000))
      await db.checkpoint()
      await db.dropColumnFamily('x')
      await db.columnFamily('y').dropTable('words')
      await db.checkpoint()
      sizes.push(disk.contents(PATH).length)
    }
    assert.ok(sizes.at(-1)! <= sizes[1]!, `the file grows: ${sizes.join(', ')}`)
    await db.close()
    checkPages(disk, PATH)
  }
})

/** Families that hold one entry each, in memory. */
async function withFamilies(disk: SimulatedDisk, names: readonly string[]): Promise<Database> {
  const db = await openOn(disk, 'async')
  await Promise.all(names.map(name => db.columnFamily(name).table(words).put('a', name)))
  return db
}

function tenants(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `tenant-${String(i).padStart(4, '0')}`)
}

test('a thousand families are opened, listed and dropped', async () => {
  const disk = newDisk()
  const names = tenants(1000)
  const db = await withFamilies(disk, names)
  assert.deepEqual(db.columnFamilies(), names)
  const { bytes } = db.stats().memory
  assert.ok(bytes > 0 && bytes <= names.length * FAMILY_BYTES_MAX, `${bytes} bytes for one entry in each family`)
  await db.close()
  checkPages(disk, PATH)
  const again = await openOn(disk, 'async')
  assert.equal(again.stats().memory.bytes, 0, 'families that nobody writes to have nothing in memory')
  for (const name of names) assert.equal(again.columnFamily(name).table(words).get('a'), name)
  assert.equal(again.stats().memory.bytes, 0, 'nor have those that are only read')
  await Promise.all(names.slice(1).map(name => again.dropColumnFamily(name)))
  assert.deepEqual(again.columnFamilies(), names.slice(0, 1))
  await again.close()
  checkPages(disk, PATH)
})

test('opening reads the catalog and no page of any family', async () => {
  const [few, many] = await Promise.all(
    [10, 1000].map(async count => {
      const disk = newDisk()
      await (await withFamilies(disk, tenants(count))).close()
      const read = { calls: 0, bytes: 0 }
      disk.onOperation = ({ kind, path, length }) => {
        if (kind !== 'read' || path !== PATH) return undefined
        read.calls++
        read.bytes += length
        return undefined
      }
      const db = await openOn(disk, 'async')
      assert.equal(db.columnFamilies().length, count)
      disk.onOperation = undefined
      await db.close()
      return read
    }),
  )
  assert.ok(few!.calls > 0)
  assert.equal(many!.calls, few!.calls)
  const perFamily = (many!.bytes - few!.bytes) / 990
  assert.ok(perFamily <= CATALOG_BYTES_MAX, `${perFamily} bytes are read for each family`)
})

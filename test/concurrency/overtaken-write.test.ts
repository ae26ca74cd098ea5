import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Database } from '../../src/index.ts'
import { crash, GatedDisk } from '../support/crash.ts'
import { openOn, PATH, turns, words } from '../support/open.ts'
import { checkPages } from '../support/pages.ts'

/** What lets go of a family's memory once its commits are durable. */
const RELEASES: Readonly<Record<string, (db: Database) => Promise<void>>> = {
  'a drop of the family': db => db.dropColumnFamily('f'),
  'a checkpoint': db => db.checkpoint(),
}

for (const [name, release] of Object.entries(RELEASES)) {
  test(`${name} leaves the memory alone that a write of the log, overtaken by a synchronous one, still reads`, async () => {
    const gate = new GatedDisk()
    // The log has room for all that is written.
    const db = await openOn(gate.disk, 'async', { journal: { mode: 'async', segmentBytes: 1 << 20 } })
    await db.columnFamily('other').table(words).put('k', '0')
    await db.columnFamily('f').table(words).put('k', 'first'.repeat(5000))
    // In a group that begins with a weak commit, and none before it, long values are written from where they lie in memory.
    const weak = (): Promise<void> => db.columnFamily('other').table(words).put('k', '0', { durability: 'none' })
    await weak()
    gate.shut()
    const begun = weak()
    const flying = db.columnFamily('f').table(words).put('k', 'second'.repeat(5000))
    await turns()
    const released = release(db)
    await turns()
    // Writes what is under way once more, and syncs it; what is behind it with it.
    db.columnFamily('other').writeSync(txn => txn.table(words).put('k', '1'))
    await turns()
    for (let i = 0; i < 5; i++) {
      db.columnFamily(`g${i}`).writeSync(txn => txn.table(words).put('k', String(i).repeat(60_000)))
    }
    // Only now the first write reaches the disk.
    gate.open()
    await Promise.all([begun, flying, released])
    const disk = await crash(db, gate.disk, 'all')
    const again = await openOn(disk, 'async')
    assert.equal(again.columnFamily('other').table(words).get('k'), '1')
    assert.equal(
      again.columnFamily('f').table(words).get('k'),
      name === 'a checkpoint' ? 'second'.repeat(5000) : undefined,
    )
    for (let i = 0; i < 5; i++)
      assert.equal(again.columnFamily(`g${i}`).table(words).get('k'), String(i).repeat(60_000))
    await again.close()
    checkPages(disk, PATH)
  })
}

import assert from 'node:assert/strict'
import type { Database, JournalMode } from '../../src/index.ts'
import { PAGE_BYTES } from '../../src/base/limits.ts'
import { decodeHeader } from '../../src/pager/header-format.ts'
import type { SimulatedDisk } from '../../src/platform/simulated/disk.ts'
import { crash, GatedDisk } from '../support/crash.ts'
import { blobs, documents, fill, newDisk, numbers, openOn, PATH, turns, words } from '../support/open.ts'
import type { Contents, Files } from './contents.ts'
import { contentsOf, filesOf } from './contents.ts'

/** A small database, as its files, and what a reader of it must find. */
export interface Sample {
  readonly name: string
  readonly journal: JournalMode
  readonly files: Files
  /** What the data file and the first so many records of the log hold; the last one is all. */
  readonly states: readonly Contents[]
}

/** The name that is a trap for whoever keeps names in an object. */
const TRAP = '__proto__'

async function fillTables(db: Database): Promise<void> {
  const text = (i: number): string => `value of ${i} `.repeat(20)
  await db.table(words).putMany(Array.from({ length: 40 }, (_, i) => [`key-${i}`, text(i)] as const))
  const x = db.columnFamily(TRAP)
  await x.table(blobs).putMany([0, 1, 2].map(i => [i, fill(i === 1 ? 5001 : 40, i)] as const))
}

/** The commits that the logs of the samples hold. */
const COMMITS: readonly ((db: Database) => Promise<void>)[] = [
  db => db.table(words).put('key-1', 'from the log'),
  db =>
    db
      .columnFamily('new')
      .table(documents)
      .put(TRAP, { [TRAP]: [1, null] }),
  db => db.table(words).deleteRange({ gte: 'key-2', lt: 'key-3' }),
  async db => {
    await db.write([db.columnFamily('default'), db.columnFamily('new')], txn => {
      txn.family(db.columnFamily('default')).table(words).delete('key-4')
      txn.family(db.columnFamily('new')).table(numbers).put(7, 8)
    })
  },
  db => db.columnFamily('new').table(blobs).put(9, fill(2500, 3)),
  db => db.renameColumnFamily('new', 'newer'),
  db => db.table(words).put('key-5', 'the last but one'),
  db => db.table(words).put('key-6', 'the last'),
]

async function filled(disk: SimulatedDisk, journal: JournalMode): Promise<Database> {
  const db = await openOn(disk, journal)
  await fillTables(db)
  await db.checkpoint()
  return db
}

/** Every state that the commits lead through, found out without a log. */
async function statesOf(prepare: (db: Database) => Promise<void>): Promise<Contents[]> {
  const db = await openOn(newDisk(), 'off')
  await prepare(db)
  const states = [contentsOf(db)]
  for (const commit of COMMITS) {
    await commit(db)
    states.push(contentsOf(db))
  }
  await db.close()
  return states
}

/** Closed, with a tree of two levels, long values, several families and tables. */
export async function closedSample(): Promise<Sample> {
  const disk = newDisk()
  const db = await filled(disk, 'sync')
  const states = [contentsOf(db)]
  await db.close()
  return { name: 'closed', journal: 'sync', files: filesOf(disk), states }
}

/** Cut under an open database: what the log holds is in no tree. Every commit is a group of its own. */
export async function uncleanSample(): Promise<Sample> {
  const disk = newDisk()
  const db = await filled(disk, 'sync')
  for (const commit of COMMITS) await commit(db)
  return {
    name: 'unclean',
    journal: 'sync',
    files: filesOf(await crash(db, disk, 'all')),
    states: await statesOf(fillTables),
  }
}

/** The same in groups of several commits, each of which was appended while the one before was being synced. */
export async function groupedSample(): Promise<Sample> {
  const gate = new GatedDisk()
  const db = await openOn(gate.disk, 'async')
  await db.table(words).put('key-0', 'the first')
  await turns()
  const committed: Promise<void>[] = []
  for (let i = 0; i < COMMITS.length; i++) {
    if (i === 5) {
      // A renaming waits for the locks of both names, so nothing may be on its way.
      gate.open()
      await Promise.all(committed)
    }
    gate.shut()
    committed.push(COMMITS[i]!(db))
    await turns()
    if (i % 3 === 1) gate.open()
  }
  gate.open()
  await Promise.all(committed)
  const files = filesOf(await crash(db, gate.disk, 'all'))
  const states = await statesOf(each => each.table(words).put('key-0', 'the first'))
  return { name: 'grouped', journal: 'async', files, states: [new Map(), ...states] }
}

/** Cut under a database whose log fills several segments; each commit is a group of its own. */
export async function longLogSample(seed: number): Promise<Sample> {
  const disk = newDisk()
  const db = await openOn(disk, 'sync')
  const states = [contentsOf(db)]
  for (let i = 0; i < LONG_LOG_COMMITS; i++) {
    await db.table(blobs).put(i % 5, fill(18_000 + 1000 * i, seed + i))
    states.push(contentsOf(db))
  }
  return { name: 'long log', journal: 'sync', files: filesOf(await crash(db, disk, 'all')), states }
}

const LONG_LOG_COMMITS = 10

/** Cut within a checkpoint, when one header slot names the new state and the other one still the old. */
export async function halfCheckpointedSample(): Promise<Sample> {
  for (let cut = 1; ; cut++) {
    const disk = newDisk()
    const db = await filled(disk, 'sync')
    for (const commit of COMMITS) await commit(db)
    disk.cutPowerAt(disk.operations + cut)
    assert.notEqual(
      await db.checkpoint().then(
        () => 'ended',
        () => 'cut',
      ),
      'ended',
      'a checkpoint writes two slots',
    )
    const files = filesOf(await crash(db, disk, 'all'))
    if (!slotsDiffer(files.get(PATH)!)) continue
    const states = await statesOf(fillTables)
    return { name: 'half checkpointed', journal: 'sync', files, states }
  }
}

function slotsDiffer(bytes: Uint8Array): boolean {
  const [a, b] = [0, 1].map(slot =>
    decodeHeader(new Uint8Array(bytes.slice(slot * PAGE_BYTES, (slot + 1) * PAGE_BYTES))),
  )
  return a?.state === 'valid' && b?.state === 'valid' && a.header.logPosition !== b.header.logPosition
}

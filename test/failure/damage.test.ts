import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Database, ErrorCode, JournalMode } from '../../src/index.ts'
import { DatabaseError } from '../../src/index.ts'
import { PAGE_BYTES } from '../../src/base/limits.ts'
import type { SimulatedDisk } from '../../src/platform/simulated/disk.ts'
import { SeededRandom } from '../../src/platform/simulated/random.ts'
import { crash } from '../support/crash.ts'
import { blobs, fill, newDisk, openOn, PATH, runs, words } from '../support/open.ts'

/** How a damaged database may answer. Anything else, above all wrong data, is a failure. */
const REFUSALS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'MANIFOLD_CORRUPTION',
  'MANIFOLD_NOT_A_DATABASE',
  'MANIFOLD_VERSION',
  'MANIFOLD_LOG_MISSING',
])

type Contents = readonly (readonly [table: string, entries: readonly unknown[]])[]

/** Reads everything in every way; each read gives what is there or throws. */
function contentsOf(db: Database): { contents: Contents; refused: number } {
  let refused = 0
  const tryTo = <R>(read: () => R): R | undefined => {
    try {
      return read()
    } catch (error) {
      checkDamage(error)
      refused++
      return undefined
    }
  }
  const contents: [string, unknown[]][] = []
  for (const family of db.columnFamilies()) {
    const handle = db.columnFamily(family)
    for (const definition of [words, blobs]) {
      const t = handle.table<never, never>(definition as never)
      const entries = tryTo(() => t.range().toArray())
      if (entries === undefined) {
        // What can still be read one by one must be right, too.
        for (let i = 0; i < 40; i++)
          tryTo(() => checkEntry(family, definition.name, t.get((definition === blobs ? i : `k${i}`) as never), i))
        tryTo(() => t.count())
        continue
      }
      if (entries.length > 0) contents.push([`${family}.${definition.name}`, entries])
    }
  }
  return { contents, refused }
}

function valueAt(i: number): string {
  return `value of ${i} `.repeat(3 + (i % 20))
}

function blobAt(i: number): Uint8Array {
  return fill(i % 5 === 0 ? 9000 + i : 50, i)
}

function checkEntry(family: string, name: string, value: unknown, i: number): void {
  if (value === undefined || family === 'later') return
  assert.deepEqual(value, name === 'blobs' ? blobAt(i) : valueAt(i))
}

function checkDamage(error: unknown): void {
  assert.ok(error instanceof DatabaseError, error instanceof Error ? error.stack : String(error))
  assert.ok(REFUSALS.has(error.code), `${error.code}: ${error.message}`)
  assert.match(error.message, /data\/app\.manifold/)
  if (error.code !== 'MANIFOLD_CORRUPTION') return
  assert.match(error.message, /Restore the database from a backup|move it away/)
  assert.ok(error.file !== undefined && error.offset !== undefined && error.offset >= 0)
  assert.ok(error.expected !== undefined && error.found !== undefined)
}

async function filled(disk: SimulatedDisk, journal: JournalMode): Promise<Database> {
  const db = await openOn(disk, journal)
  await db.table(words).putMany(Array.from({ length: 300 }, (_, i) => [`k${i}`, valueAt(i)] as const))
  await db
    .columnFamily('x')
    .table(blobs)
    .putMany(Array.from({ length: 30 }, (_, i) => [i, blobAt(i)] as const))
  await db.checkpoint()
  await db.table(words).deleteRange({ gte: 'k2', lt: 'k3' })
  await db.table(words).putMany(Array.from({ length: 100 }, (_, i) => [`k${2 * i}`, valueAt(2 * i)] as const))
  await db.checkpoint()
  return db
}

function copyOf(disk: SimulatedDisk): SimulatedDisk {
  return disk.crash(new SeededRandom(1), { mode: 'all' })
}

interface Outcome {
  right: number
  refusedToOpen: number
  refusedToRead: number
}

/** Opens a damaged copy; its contents must be one of `possible`, as far as they can be read. */
async function tryDamaged(
  disk: SimulatedDisk,
  journal: JournalMode,
  readOnly: boolean,
  possible: readonly Contents[],
  outcome: Outcome,
  where: string,
): Promise<void> {
  let db: Database
  try {
    db = await openOn(disk, journal, { readOnly, createIfMissing: false })
  } catch (error) {
    checkDamage(error)
    outcome.refusedToOpen++
    return
  }
  try {
    const { contents, refused } = contentsOf(db)
    if (refused > 0) outcome.refusedToRead++
    else {
      outcome.right++
      const text = JSON.stringify(contents)
      assert.ok(
        possible.some(each => JSON.stringify(each) === text),
        `${where}: wrong data`,
      )
    }
  } finally {
    await db.close().catch(checkDamage)
  }
}

describe('damage of a closed data file', () => {
  test('of any bit gives right data or a refusal', async () => {
    const disk = newDisk()
    const db = await filled(disk, 'async')
    const { contents } = contentsOf(db)
    await db.close()
    const size = disk.contents(PATH).length
    const outcome: Outcome = { right: 0, refusedToOpen: 0, refusedToRead: 0 }
    const random = new SeededRandom(7)
    const step = Math.max(1, Math.round(size / runs(300)))
    for (let base = 0; base < size; base += step) {
      const position = Math.min(size - 1, base + random.below(step))
      const copy = copyOf(disk)
      copy.damage(PATH, position, Uint8Array.of(copy.contents(PATH)[position]! ^ (1 << random.below(8))))
      await tryDamaged(copy, 'async', random.chance(0.7), [contents], outcome, `a bit of byte ${position}`)
    }
    assert.ok(outcome.refusedToRead > 50 && outcome.right > 10, JSON.stringify(outcome))
  })

  test('of every byte of its header slots and catalog gives right data or a refusal', async () => {
    const disk = newDisk()
    const db = await filled(disk, 'sync')
    const { contents } = contentsOf(db)
    await db.close()
    const outcome: Outcome = { right: 0, refusedToOpen: 0, refusedToRead: 0 }
    const bytes = disk.contents(PATH)
    const meta = new DataView(bytes.buffer).getUint32(68, true) * PAGE_BYTES
    for (const base of [0, PAGE_BYTES, meta]) {
      for (let offset = 0; offset < 96; offset++) {
        const copy = copyOf(disk)
        copy.damage(PATH, base + offset, Uint8Array.of(bytes[base + offset]! ^ (1 << (offset % 8))))
        await tryDamaged(copy, 'sync', true, [contents], outcome, `byte ${base + offset}`)
      }
    }
    // One slot stands in for the other.
    assert.ok(outcome.right >= 192, JSON.stringify(outcome))
    for (const offset of [0, 8, 40, 64, 84, 8188]) {
      const copy = copyOf(disk)
      for (const slot of [0, PAGE_BYTES]) copy.damage(PATH, slot + offset, Uint8Array.of(bytes[slot + offset]! ^ 0x10))
      await assert.rejects(openOn(copy, 'sync'), error => (checkDamage(error), true))
    }
  })

  test('at any length it may be cut to gives a refusal', async () => {
    const disk = newDisk()
    const db = await filled(disk, 'sync')
    await db.close()
    const size = disk.contents(PATH).length
    const lengths = new Set([
      0,
      1,
      7,
      8,
      100,
      PAGE_BYTES - 1,
      PAGE_BYTES,
      2 * PAGE_BYTES - 1,
      2 * PAGE_BYTES,
      2 * PAGE_BYTES + 1,
    ])
    for (let length = 2 * PAGE_BYTES; length < size; length += PAGE_BYTES)
      for (const off of [0, 1, 5000]) lengths.add(Math.min(size - 1, length + off))
    for (const length of lengths) {
      for (const readOnly of [true, false]) {
        const copy = copyOf(disk)
        const file = copy.openSync(PATH, { write: true, create: false, exclusive: false, dataSync: false })
        file.truncateSync(length)
        file.closeSync()
        const before = copy.contents(PATH)
        const error = await openOn(copy, 'sync', { readOnly }).then(
          () => assert.fail(`opened at ${length} of ${size} bytes`),
          (reason: unknown) => reason as DatabaseError,
        )
        checkDamage(error)
        assert.equal(error.code, length < 8 ? 'MANIFOLD_NOT_A_DATABASE' : 'MANIFOLD_CORRUPTION')
        assert.deepEqual(copy.contents(PATH), before)
      }
    }
  })

  test('pages that stand in place of others give a refusal', async () => {
    const disk = newDisk()
    const db = await filled(disk, 'sync')
    const { contents } = contentsOf(db)
    await db.close()
    const pages = disk.contents(PATH).length / PAGE_BYTES
    const outcome: Outcome = { right: 0, refusedToOpen: 0, refusedToRead: 0 }
    const random = new SeededRandom(3)
    for (let i = 0; i < runs(60); i++) {
      const copy = copyOf(disk)
      const [from, to] = [2 + random.below(pages - 2), 2 + random.below(pages - 2)]
      copy.damage(PATH, to * PAGE_BYTES, copy.contents(PATH).subarray(from * PAGE_BYTES, (from + 1) * PAGE_BYTES))
      await tryDamaged(copy, 'sync', random.chance(0.5), [contents], outcome, `page ${from} over ${to}`)
    }
    assert.ok(outcome.refusedToRead > 5, JSON.stringify(outcome))
  })
})

describe('damage of a log', () => {
  /** An unclean database; the states in order that its log leads through, the last one after the last synced group. */
  async function uncleanDatabase(journal: JournalMode): Promise<{ disk: SimulatedDisk; states: Contents[] }> {
    const disk = newDisk()
    const db = await filled(disk, journal)
    const states = [contentsOf(db).contents]
    for (let i = 0; i < 12; i++) {
      await db
        .columnFamily('later')
        .table(words)
        .put(`k${i % 5}`, valueAt(i + 100).repeat(30))
      states.push(contentsOf(db).contents)
    }
    return { disk: await crash(db, disk, 'all'), states }
  }

  for (const journal of ['sync', 'async'] as const) {
    test(`journal '${journal}': of any bit gives right data or a refusal; only the last synced group may be taken for torn`, async () => {
      const { disk, states } = await uncleanDatabase(journal)
      const logs = disk.listSync('/data').filter(name => name.includes('-wal'))
      const outcome: Outcome = { right: 0, refusedToOpen: 0, refusedToRead: 0 }
      const random = new SeededRandom(11)
      const possible = states.slice(-2)
      for (const name of logs) {
        const path = `/data/${name}`
        const bytes = disk.contents(path)
        const end = bytes.findLastIndex(byte => byte !== 0) + 1
        const step = Math.max(1, Math.round(end / runs(60)))
        for (
          let base = 0;
          base < end;
          base += base < 100 || (base >= 4096 && base < 4096 + 128) ? Math.min(step, 8) : step
        ) {
          const copy = copyOf(disk)
          copy.damage(path, base, Uint8Array.of(bytes[base]! ^ (1 << random.below(8))))
          await tryDamaged(copy, journal, false, possible, outcome, `a bit of byte ${base} of ${name}`)
        }
      }
      assert.ok(outcome.refusedToOpen > 20 && outcome.right > 5, JSON.stringify(outcome))
      assert.equal(outcome.refusedToRead, 0)
    })

    test(`journal '${journal}': at any length it may be cut to gives right data or a refusal`, async () => {
      const { disk, states } = await uncleanDatabase(journal)
      const outcome: Outcome = { right: 0, refusedToOpen: 0, refusedToRead: 0 }
      for (const name of disk.listSync('/data').filter(each => each.includes('-wal'))) {
        const path = `/data/${name}`
        const size = disk.contents(path).length
        for (let length = 0; length < size; length += 4500) {
          const copy = copyOf(disk)
          const file = copy.openSync(path, { write: true, create: false, exclusive: false, dataSync: false })
          file.truncateSync(length)
          file.closeSync()
          await tryDamaged(copy, journal, false, states.slice(-2), outcome, `${name} cut to ${length}`)
        }
      }
      assert.ok(outcome.refusedToOpen > 5, JSON.stringify(outcome))
    })

    test(`journal '${journal}': of the data file under it gives right data or a refusal`, async () => {
      const { disk, states } = await uncleanDatabase(journal)
      const outcome: Outcome = { right: 0, refusedToOpen: 0, refusedToRead: 0 }
      const random = new SeededRandom(5)
      const bytes = disk.contents(PATH)
      for (let i = 0; i < runs(120); i++) {
        const position = i % 3 === 0 ? (i % 2) * PAGE_BYTES + random.below(90) : random.below(bytes.length)
        const copy = copyOf(disk)
        copy.damage(PATH, position, Uint8Array.of(bytes[position]! ^ (1 << random.below(8))))
        await tryDamaged(copy, journal, false, states.slice(-1), outcome, `a bit of byte ${position}`)
      }
      assert.ok(outcome.right > 20 && outcome.refusedToRead > 10, JSON.stringify(outcome))
    })
  }
})

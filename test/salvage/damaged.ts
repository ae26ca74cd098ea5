import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { table } from '../../src/index.ts'
import type { Bytes, Database, JournalMode, KeyCodec } from '../../src/index.ts'
import { PAGE_BYTES } from '../../src/base/limits.ts'
import { salvage } from '../../src/repair.ts'
import type { SalvageOptions, SalvageReport } from '../../src/repair.ts'
import type { SimulatedDisk } from '../../src/platform/simulated/disk.ts'
import { SeededRandom } from '../../src/platform/simulated/random.ts'
import { blobs, fill, newDisk, numbers, openOn, PATH, visits, words } from '../support/open.ts'
import { checkPages } from '../support/pages.ts'

export const TARGET = '/data/salvaged.manifold'

type Entries = Map<string, string>

/** What a database holds, and all that it ever held, by 'family/table' and by encoded keys and values. */
export interface Held {
  readonly now: ReadonlyMap<string, Entries>
  readonly ever: ReadonlyMap<string, ReadonlySet<string>>
}

/** A codec of any id that leaves bytes as they are. */
function rawCodec(id: string): KeyCodec<Bytes> {
  return { id, ordered: true, encode: value => value, decode: value => value }
}

/** A database with tables of one leaf, of many, with long values; several checkpoints; then commits in the log. */
export class History {
  readonly disk: SimulatedDisk = newDisk()
  readonly db: Database
  readonly #ever: Map<string, Set<string>> = new Map()

  private constructor(db: Database, disk: SimulatedDisk) {
    this.db = db
    this.disk = disk
  }

  static async make(journal: JournalMode): Promise<History> {
    const disk = newDisk()
    return new History(await openOn(disk, journal), disk)
  }

  /** Remembers what there is now as something that was once written. */
  note(): void {
    for (const [name, entries] of contentsOf(this.db)) {
      let ever = this.#ever.get(name)
      if (ever === undefined) this.#ever.set(name, (ever = new Set()))
      for (const [key, value] of entries) ever.add(`${key}=${value}`)
    }
  }

  held(): Held {
    this.note()
    return { now: contentsOf(this.db), ever: this.#ever }
  }

  async fill(): Promise<void> {
    const { db } = this
    const x = db.columnFamily('x')
    await db
      .table(words)
      .putMany(Array.from({ length: 2500 }, (_, i) => [`k${i}`, `value of ${i} `.repeat(4)] as const))
    await x.table(numbers).putMany(Array.from({ length: 900 }, (_, i) => [i, i] as const))
    await x
      .table(blobs)
      .putMany(Array.from({ length: 12 }, (_, i) => [i, fill(i % 3 === 0 ? 18_000 + i : 90, i)] as const))
    await db.columnFamily('small').table(visits).put(['a', 1], 'one')
    await db.checkpoint()
    this.note()
    await db.table(words).putMany(Array.from({ length: 40 }, (_, i) => [`k${i * 3}`, `again ${i}`] as const))
    await db.table(words).deleteRange({ gte: 'k20', lt: 'k21' })
    await x.table(blobs).put(3, fill(15_000, 77))
    await db.checkpoint()
    this.note()
  }

  /** Commits that stay in the log. */
  async writeLog(count: number): Promise<void> {
    const { db } = this
    for (let i = 0; i < count; i++) {
      const [key, value] = [`k${(i * 7) % 60}`, `from the log ${i} `.repeat(30)]
      await db.table(words).put(key, value)
      this.#ever.get('default/words')!.add(`${Buffer.from(key).toString('hex')}=${digest(Buffer.from(value))}`)
      if (i % 3 === 0) await db.columnFamily('later').table(numbers).put(i, i)
      if (i % 5 === 0) await db.columnFamily('x').table(numbers).delete(i)
    }
    this.note()
  }
}

/** Short, and as good as the bytes: long values would fill the memory and the output. */
function digest(value: Uint8Array): string {
  return value.length <= 12 ? Buffer.from(value).toString('hex') : createHash('sha1').update(value).digest('base64')
}

type Codecs = (family: string, table: string) => readonly [key: string, value: string]

const KNOWN: ReadonlyMap<string, readonly [key: string, value: string]> = new Map(
  [words, numbers, blobs, visits].map(({ name, key, value }) => [name, [key.id, value.id]]),
)

/** Every table, as bytes. */
function contentsOf(db: Database, codecs: Codecs = (_family, name) => KNOWN.get(name)!): Map<string, Entries> {
  const found = new Map<string, Entries>()
  for (const family of db.columnFamilies()) {
    const handle = db.columnFamily(family)
    for (const name of handle.tables()) {
      const [key, value] = codecs(family, name)
      const entries: Entries = new Map()
      handle
        .table(table(name, { key: rawCodec(key), value: rawCodec(value) }))
        .scan({}, (k, v) => void entries.set(Buffer.from(k).toString('hex'), digest(v)))
      if (entries.size > 0) found.set(`${family}/${name}`, entries)
    }
  }
  return found
}

/** Fails with the first differences alone. */
export function same(found: ReadonlyMap<string, Entries>, expected: ReadonlyMap<string, Entries>, title: string): void {
  assert.deepEqual([...found.keys()].sort(), [...expected.keys()].sort(), title)
  for (const [name, entries] of expected) sameEntries(found.get(name)!, entries, `${title}: ${name}`)
}

function sameEntries(found: Entries, expected: Entries, title: string): void {
  const differing = [...expected].filter(([key, value]) => found.get(key) !== value)
  const more = [...found.keys()].filter(key => !expected.has(key))
  if (differing.length + more.length === 0) return
  assert.fail(`${title}: ${differing.length} differ (${differing[0]?.[0]}), ${more.length} too many (${more[0]})`)
}

/** A copy of the disk, to be damaged. */
export function copyOf(disk: SimulatedDisk): SimulatedDisk {
  return disk.crash(new SeededRandom(1), { mode: 'all' })
}

export type Damage = 'bit' | 'zeros' | 'noise'
export const DAMAGES: readonly Damage[] = ['bit', 'zeros', 'noise']

export function damagePage(disk: SimulatedDisk, page: number, how: Damage, offset = 500): void {
  const position = page * PAGE_BYTES
  const old = disk.contents(PATH)[position + offset]!
  if (how === 'bit') disk.damage(PATH, position + offset, Uint8Array.of(old ^ 0x08))
  else disk.damage(PATH, position, how === 'zeros' ? new Uint8Array(PAGE_BYTES) : fill(PAGE_BYTES, page + 13))
}

function filesOf(disk: SimulatedDisk): Map<string, Uint8Array> {
  const names = disk.listSync('/data').filter(name => !name.startsWith('salvaged'))
  return new Map(names.map(name => [name, disk.contents(`/data/${name}`)]))
}

/**
 * Salvages and checks what must hold whatever is damaged: the source is as it was, the new database is sound, every entry
 * in it was once written, and what the report calls whole is.
 */
export async function salvaged(
  disk: SimulatedDisk,
  { now, ever }: Held,
  where: string,
  options: SalvageOptions = {},
): Promise<{ report: SalvageReport; contents: ReadonlyMap<string, Entries> }> {
  const before = filesOf(disk)
  const report = await salvage(PATH, TARGET, { fileSystem: disk, ...options })
  const after = filesOf(disk)
  assert.deepEqual([...after.keys()], [...before.keys()])
  for (const [name, content] of before)
    assert.equal(Buffer.compare(content, after.get(name)!), 0, `${where}: ${name} was changed`)
  checkPages(disk, TARGET)
  const db = await openOn(disk, 'off', { readOnly: true }, TARGET)
  const contents = contentsOf(db, (family, name) => {
    const { keyCodec, valueCodec } = report.tables.find(each => each.columnFamily === family && each.name === name)!
    return [keyCodec, valueCodec]
  })
  await db.close()
  const all = new Set([...ever.values()].flatMap(set => [...set]))
  for (const { columnFamily, name, entries, whole, lost, possiblyStale, reasons } of report.tables) {
    const title = `${where}: ${columnFamily}/${name}`
    const found = contents.get(`${columnFamily}/${name}`) ?? new Map()
    assert.equal(found.size, entries, title)
    // Where a name is lost, the entry must have been one of some table.
    const known =
      columnFamily.startsWith('lost+found') || name.includes('~') ? all : (ever.get(`${columnFamily}/${name}`) ?? all)
    for (const [key, value] of found) assert.ok(known.has(`${key}=${value}`), `${title}: ${key} was never written so`)
    if (whole) sameEntries(found, now.get(`${columnFamily}/${name}`) ?? new Map(), `${title} is called whole`)
    else assert.ok(lost > 0 || possiblyStale || reasons.length > 0, `${title}: why is it not whole?`)
    if (possiblyStale || columnFamily.startsWith('lost+found')) continue
    const expected = now.get(`${columnFamily}/${name}`)!
    for (const [key, value] of found) assert.equal(value, expected.get(key), `${title}: an older version of ${key}`)
    assert.ok(expected.size - found.size <= lost, `${title}: ${expected.size - found.size} lost, ${lost} reported`)
  }
  if (report.whole) same(contents, now, `${where} is called whole`)
  return { report, contents }
}

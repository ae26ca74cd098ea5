import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { PAGE_BYTES } from '../../src/base/limits.ts'
import { decodeHeader } from '../../src/pager/header-format.ts'
import { PAGE_KIND_BRANCH, PAGE_KIND_LEAF } from '../../src/pager/page-format.ts'
import { salvage, verify } from '../../src/repair.ts'
import type { SalvageReport } from '../../src/repair.ts'
import type { SimulatedDisk } from '../../src/platform/simulated/disk.ts'
import { PATH, runs } from '../support/open.ts'
import { rejects } from '../support/refusal.ts'
import { copyOf, damagePage, DAMAGES, History, salvaged, same, TARGET } from './damaged.ts'
import type { Held } from './damaged.ts'

let disk: SimulatedDisk
let held: Held
let pages: number

before(async () => {
  const history = await History.make('async')
  await history.fill()
  held = history.held()
  await history.db.close()
  disk = history.disk
  pages = disk.contents(PATH).length / PAGE_BYTES
})

function pagesOfKind(kind: number): number[] {
  const content = disk.contents(PATH)
  return Array.from({ length: pages - 2 }, (_, i) => i + 2).filter(page => content[page * PAGE_BYTES] === kind)
}

/** A leaf that is in use. */
async function someLeaf(): Promise<number> {
  for (const page of pagesOfKind(PAGE_KIND_LEAF)) {
    const copy = copyOf(disk)
    damagePage(copy, page, 'bit')
    if (!(await verify(PATH, { fileSystem: copy })).ok) return page
  }
  return assert.fail('no leaf is in use')
}

function metaPage(): number {
  const reading = decodeHeader(disk.contents(PATH).slice(0, PAGE_BYTES))
  assert.equal(reading.state, 'valid')
  return reading.state === 'valid' ? reading.header.meta.page : 0
}

function tableOf(report: SalvageReport, family: string, name: string): SalvageReport['tables'][number] {
  return report.tables.find(table => table.columnFamily === family && table.name === name)!
}

describe('salvage of a data file', () => {
  test('takes everything from a whole one, codecs included', async () => {
    const { report } = await salvaged(copyOf(disk), held, 'whole')
    assert.ok(report.whole)
    assert.equal(report.catalog, 'whole')
    assert.equal(report.headerSlots, 2)
    const blobTable = tableOf(report, 'x', 'blobs')
    assert.deepEqual([blobTable.keyCodec, blobTable.valueCodec, blobTable.lost], ['uint', 'bytes', 0])
    assert.equal(tableOf(report, 'small', 'visits').keyCodec, 'tuple(utf8,uint)')
  })

  test('with any one page damaged in any way: the other tables are whole, and of this one the rest is there', async () => {
    const total = [...held.now.values()].reduce((sum, { size }) => sum + size, 0)
    const outcome = { whole: 0, leaf: 0, branch: 0, value: 0 }
    for (let page = 2; page < pages; page++) {
      if (page === metaPage()) continue
      for (const how of ['bit', page % 2 === 0 ? 'zeros' : 'noise'] as const) {
        const copy = copyOf(disk)
        damagePage(copy, page, how, (page * 37) % 2000)
        const { report } = await salvaged(copy, held, `${how} in page ${page}`)
        const hurt = report.tables.filter(({ whole }) => !whole)
        assert.ok(hurt.length <= 1, 'one page belongs to one table')
        if (report.whole) {
          outcome.whole++
          continue
        }
        const damage = hurt[0]!.damage[0]!
        assert.equal(hurt[0]!.damage.length, 1)
        outcome[damage.kind]++
        if (damage.kind !== 'value') assert.equal(damage.offset, page * PAGE_BYTES)
        const entries = report.tables.reduce((sum, table) => sum + table.entries, 0)
        assert.equal(entries + hurt[0]!.lost, total, `${how} in page ${page}`)
        // All but the entries of the page itself are there, unless even the pages that it named are lost with it.
        if (damage.kind === 'leaf') assert.equal(hurt[0]!.lost, damage.entries)
        if (damage.kind === 'branch') assert.equal(hurt[0]!.lost, how === 'bit' ? 0 : report.unverified.entries)
        if (damage.kind === 'value') assert.equal(hurt[0]!.lost, 1)
      }
    }
    assert.ok(
      outcome.leaf > 25 && outcome.branch >= 3 && outcome.value > 10 && outcome.whole > 0,
      JSON.stringify(outcome),
    )
  })

  test('with a branch gone altogether, its leaves are there if asked for, in tables of their own', async () => {
    let tried = 0
    for (const page of pagesOfKind(PAGE_KIND_BRANCH)) {
      const copy = copyOf(disk)
      damagePage(copy, page, 'zeros')
      const { report, contents } = await salvaged(copy, held, `branch ${page}`, { unverified: true })
      const beside = report.tables.find(({ name }) => name.endsWith('~unverified'))
      if (beside === undefined) continue
      tried++
      const owner = beside.name.replace('~unverified', '')
      const all = new Map([
        ...(contents.get(`${beside.columnFamily}/${owner}`) ?? []),
        ...(contents.get(`${beside.columnFamily}/${beside.name}`) ?? []),
      ])
      same(new Map([['all', all]]), new Map([['all', held.now.get(`${beside.columnFamily}/${owner}`)!]]), owner)
      assert.equal(beside.keyCodec, tableOf(report, beside.columnFamily, owner).keyCodec)
    }
    assert.ok(tried > 0)
  })

  test('with two pages damaged, whatever they are', async () => {
    for (let i = 0; i < runs(30); i++) {
      const copy = copyOf(disk)
      const at = [2 + ((i * 17) % (pages - 2)), 2 + ((i * 29 + 5) % (pages - 2))]
      at.forEach((page, j) => damagePage(copy, page, DAMAGES[(i + j) % 3]!, (i * 61) % 3000))
      await salvaged(copy, held, `pages ${at}`, { unverified: false })
    }
  })

  test('with a header slot damaged, or both in part, nothing is lost', async () => {
    for (const [slots, offset] of [
      [[0], 40],
      [[1], 8],
      [[0, 1], 8188],
      [[0, 1], 100],
      [[0, 1], 56],
    ] as const) {
      const copy = copyOf(disk)
      for (const slot of slots) damagePage(copy, slot, 'bit', offset)
      const { report } = await salvaged(copy, held, `slots ${slots} at ${offset}`)
      assert.equal(report.headerSlots, 2 - slots.length)
      assert.ok(report.tables.every(({ whole }) => whole))
    }
  })

  test('with both header slots gone, the catalog is found, and marked as perhaps an older one', async () => {
    for (const how of ['zeros', 'noise'] as const) {
      const copy = copyOf(disk)
      for (const slot of [0, 1]) damagePage(copy, slot, how)
      const { report, contents } = await salvaged(copy, held, how)
      assert.equal(report.catalog, 'found')
      assert.ok(report.tables.every(({ possiblyStale, whole }) => possiblyStale && !whole))
      same(contents, held.now, 'everything')
    }
  })

  test('with the catalog damaged, tables are found by what is left of it, or without their names', async () => {
    const sources = new Set<string>()
    for (const how of DAMAGES) {
      for (let offset = 0; offset < 160; offset += 9) {
        const copy = copyOf(disk)
        damagePage(copy, metaPage(), how, offset)
        const { report, contents } = await salvaged(copy, renamed(held), `${how} in the catalog at ${offset}`)
        sources.add(report.catalog)
        assert.ok(!report.whole && report.tables.every(({ possiblyStale }) => possiblyStale))
        const entries = [...contents.values()].reduce((sum, { size }) => sum + size, 0)
        assert.ok(entries > 0)
        if (how !== 'bit') break
      }
    }
    assert.ok(sources.has('damaged') && (sources.has('found') || sources.has('none')), [...sources].join())
  })

  test('with header and catalog gone, trees are found by their pages', async () => {
    const copy = copyOf(disk)
    for (const page of [0, 1]) damagePage(copy, page, 'zeros')
    const kinds = new Set([...pagesOfKind(PAGE_KIND_LEAF), ...pagesOfKind(PAGE_KIND_BRANCH)])
    // Whatever is no page of a tree may be an older catalog; long values are hit, too.
    for (let page = 2; page < pages; page++) if (!kinds.has(page)) damagePage(copy, page, 'zeros')
    const { report, contents } = await salvaged(copy, renamed(held), 'no catalog')
    assert.equal(report.catalog, 'none')
    const largest = Math.max(...[...contents.values()].map(({ size }) => size))
    assert.ok(largest >= held.now.get('default/words')!.size * 0.9, `${largest} entries in the largest tree`)
    assert.ok(
      report.tables.every(({ columnFamily, keyCodec }) => columnFamily === 'lost+found' && keyCodec === 'bytes'),
    )
  })

  test('cut at any length, it gives what is in front of the cut', async () => {
    const size = pages * PAGE_BYTES
    for (let length = 2 * PAGE_BYTES + 100; length < size; length += 3 * PAGE_BYTES + 1111) {
      const copy = copyOf(disk)
      const file = copy.openSync(PATH, { write: true, create: false, exclusive: false, dataSync: false })
      file.truncateSync(length)
      file.closeSync()
      const { report } = await salvaged(copy, renamed(held), `cut to ${length}`)
      assert.ok(!report.whole)
    }
  })

  test('blocks that cannot be read are reported, and cost no more than they hold', async () => {
    const leaf = await someLeaf()
    const copy = copyOf(disk)
    const [from, to] = [leaf * PAGE_BYTES + 4096, (leaf + 1) * PAGE_BYTES]
    copy.onOperation = ({ kind, path, position, length }) =>
      kind === 'read' && path === PATH && position < to && position + length > from
        ? Object.assign(new Error('EIO: i/o error'), { code: 'EIO' })
        : undefined
    const { report } = await salvaged(copy, held, 'unreadable')
    assert.deepEqual(report.unreadable, [{ file: PATH, offset: from, length: 4096 }])
    assert.equal(report.tables.filter(({ whole }) => !whole).length, 1)
    copy.onOperation = undefined
  })
})

/** Where names are lost, an entry must be one of any table. */
function renamed({ now, ever }: Held): Held {
  const all = new Set([...ever.values()].flatMap(set => [...set]))
  return { now, ever: new Map([...now.keys()].map(name => [name, all])) }
}

describe('salvage', () => {
  test('refuses what is no database, a target that is there, and stops when told to; nothing is left behind', async () => {
    const copy = copyOf(disk)
    const options = { fileSystem: copy }
    await rejects(salvage('/data/none', TARGET, options), 'MANIFOLD_NOT_FOUND', /none/)
    await rejects(salvage(PATH, PATH, options), 'MANIFOLD_INVALID_ARGUMENT', /another path/)
    const other = copy.openSync('/data/other', { write: true, create: true, exclusive: true, dataSync: false })
    other.writeSync([new Uint8Array(50_000).fill(1)], 0)
    await rejects(salvage('/data/other', TARGET, options), 'MANIFOLD_NOT_A_DATABASE', /not a Manifold database/)
    await rejects(salvage(PATH, '/data/other', options), 'MANIFOLD_EXISTS', /other/)
    const controller = new AbortController()
    const aborting = { ...options, signal: controller.signal, onProgress: () => controller.abort() }
    await rejects(salvage(PATH, TARGET, aborting), 'MANIFOLD_ABORTED', /aborted/)
    assert.ok(copy.listSync('/data').every(name => !name.startsWith('salvaged')))
  })

  test('verify of files that nobody has open reports damage and changes nothing', async () => {
    const copy = copyOf(disk)
    const whole = await verify(PATH, { fileSystem: copy })
    assert.ok(whole.ok)
    assert.deepEqual(
      whole.columnFamilies.map(({ name, entries }) => [name, entries]),
      [
        ['default', held.now.get('default/words')!.size],
        ['x', held.now.get('x/numbers')!.size + held.now.get('x/blobs')!.size],
        ['small', 1],
      ],
    )
    damagePage(copy, 0, 'bit')
    damagePage(copy, await someLeaf(), 'bit')
    const damaged = copy.contents(PATH)
    const { ok, problems } = await verify(PATH, { fileSystem: copy })
    assert.ok(!ok)
    assert.deepEqual(problems.map(({ place }) => place).slice(0, 1), ['header'])
    damagePage(copy, 1, 'bit')
    const neither = await verify(PATH, { fileSystem: copy })
    assert.deepEqual([neither.ok, neither.problems.length], [false, 1])
    damagePage(copy, 1, 'bit')
    assert.deepEqual(copy.contents(PATH), damaged)
    await rejects(verify('/data/none', { fileSystem: copy }), 'MANIFOLD_NOT_FOUND', /none/)
  })
})

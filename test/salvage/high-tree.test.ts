import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { PAGE_BYTES } from '../../src/base/limits.ts'
import { Pager } from '../../src/pager/pager.ts'
import type { SimulatedDisk } from '../../src/platform/simulated/disk.ts'
import { PATH, words } from '../support/open.ts'
import { copyOf, damagePage, DAMAGES, History, salvaged, same } from './damaged.ts'
import type { Held } from './damaged.ts'

const LONG = 'a key that is long, so that a branch has few children '.repeat(12)

describe('salvage of a tree of three levels', () => {
  let disk: SimulatedDisk
  let held: Held
  let root: number
  /** Branches below the root. */
  let branches: number[]

  before(async () => {
    const history = await History.make('off')
    await history.db
      .table(words)
      .putMany(
        Array.from({ length: 3000 }, (_, i) => [`${i}`.padStart(4, '0') + LONG + i, `${i}`.repeat(100)] as const),
      )
    held = history.held()
    await history.db.close()
    disk = history.disk
    const pager = Pager.openSync(disk, PATH, false)
    const table = pager.catalog.tables[0]!
    pager.closeSync()
    assert.ok(table.root.height >= 3, `height ${table.root.height}`)
    root = table.root.page
    const content = disk.contents(PATH)
    branches = Array.from({ length: content.length / PAGE_BYTES }, (_, page) => page).filter(
      page => content[page * PAGE_BYTES] === 0x42 && content[page * PAGE_BYTES + 1] === table.root.height - 2,
    )
  })

  test('the root may be gone altogether: its branches are whole, and they confirm their leaves', async () => {
    for (const how of DAMAGES) {
      const copy = copyOf(disk)
      damagePage(copy, root, how)
      const { report, contents } = await salvaged(copy, held, `${how} in the root`)
      same(contents, held.now, `${how} in the root`)
      assert.deepEqual(
        report.tables.map(({ lost, damage }) => [lost, damage.length]),
        [[0, 1]],
      )
    }
  })

  test('a branch below it costs its own range at most', async () => {
    assert.ok(branches.length >= 2)
    for (const page of branches.slice(0, 4)) {
      for (const how of DAMAGES) {
        const copy = copyOf(disk)
        damagePage(copy, page, how)
        const { report } = await salvaged(copy, held, `${how} in branch ${page}`)
        const { lost, entries, damage } = report.tables[0]!
        assert.equal(lost + entries, 3000)
        if (how === 'bit') assert.equal(lost, 0)
        else assert.ok(lost > 0 && lost <= damage[0]!.entries)
      }
    }
  })
})

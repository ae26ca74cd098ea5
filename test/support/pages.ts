import assert from 'node:assert/strict'
import { checkTree } from '../../src/btree/check.ts'
import { READER_BYTES, TreeReader } from '../../src/btree/tree-reader.ts'
import { PAGE_BYTES } from '../../src/base/limits.ts'
import { ExtentList } from '../../src/pager/extent-list.ts'
import { decodeHeader } from '../../src/pager/header-format.ts'
import { Pager } from '../../src/pager/pager.ts'
import { Slab } from '../../src/pager/slab.ts'
import type { FileSystem } from '../../src/platform/file-system.ts'
import type { SimulatedDisk } from '../../src/platform/simulated/disk.ts'
import { PATH } from './open.ts'

/**
 * Reads every tree of a closed data file and checks that each page is a header slot, or belongs to the catalog, or is
 * reached by one tree, or is free: exactly one of these. Returns the number of entries.
 */
export function checkPages(fileSystem: FileSystem, path: string): number {
  const pager = Pager.openSync(fileSystem, path, false)
  try {
    const { header, catalog } = pager
    const owners = new Map<number, string>()
    const claim = (owner: string, list: ExtentList): void => {
      for (let i = 0; i < list.length; i++) {
        for (let page = list.first(i); page < list.first(i) + list.count(i); page++) {
          assert.equal(owners.get(page), undefined, `page ${page} belongs to ${owners.get(page)} and to ${owner}`)
          owners.set(page, owner)
        }
      }
    }
    claim('the header', extent(0, 2))
    claim('the catalog', extent(header.meta.page, header.meta.pages))
    const reader = new TreeReader(pager.file, new Slab(READER_BYTES), 0)
    let entries = 0
    for (const table of catalog.tables) {
      const check = run(checkTree(reader, table.root))
      claim(`the table '${table.name}'`, check.pages)
      assert.equal(check.entries, table.root.entries)
      entries += check.entries
    }
    for (const list of [pager.freeSpace.extents(), ...pager.pending.lists]) claim('the free pages', list)
    for (let page = 0; page < pager.freeSpace.pageCount; page++) {
      assert.ok(owners.has(page), `page ${page} of ${pager.freeSpace.pageCount} is neither reached nor free`)
    }
    assert.equal(owners.size, pager.freeSpace.pageCount, 'no page lies behind the end')
    return entries
  } finally {
    pager.closeSync()
  }
}

function extent(first: number, count: number): ExtentList {
  const list = new ExtentList()
  list.push(first, count)
  return list
}

function run<R>(steps: Generator<void, R>): R {
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
  }
}

/** Damages the header slot of the later state; false where both slots name the same one, or one of them none. */
export function damageNewerSlot(disk: SimulatedDisk): boolean {
  if (!disk.existsSync(PATH)) return false
  const bytes = disk.contents(PATH)
  const generations = [0, 1].map(slot => {
    const reading = decodeHeader(bytes.slice(slot * PAGE_BYTES, (slot + 1) * PAGE_BYTES))
    return reading.state === 'valid' ? reading.header.generation : 0
  })
  if (generations[0] === 0 || generations[1] === 0 || generations[0] === generations[1]) return false
  disk.damage(PATH, (generations[0]! > generations[1]! ? 0 : 1) * PAGE_BYTES + 100, Uint8Array.of(1))
  return true
}

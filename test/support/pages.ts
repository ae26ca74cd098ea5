import assert from 'node:assert/strict'
import { PAGE_BYTES } from '../../src/base/limits.ts'
import { decodeHeader } from '../../src/pager/header-format.ts'
import { Pager } from '../../src/pager/pager.ts'
import type { FileSystem } from '../../src/platform/file-system.ts'
import { atOnce } from '../../src/platform/slices.ts'
import type { SimulatedDisk } from '../../src/platform/simulated/disk.ts'
import { fileState, PageCheck } from '../../src/verify/page-check.ts'
import { Problems } from '../../src/verify/report.ts'
import { PATH } from './open.ts'

/**
 * Reads every tree of a closed data file and checks that each page is a header slot, or belongs to the catalog, or is
 * reached by one tree, or is free: exactly one of these. A header slot may be damaged. Returns the number of entries.
 */
export function checkPages(fileSystem: FileSystem, path: string): number {
  const pager = Pager.openSync(fileSystem, path, false)
  try {
    const problems = new Problems()
    const { columnFamilies } = atOnce(new PageCheck(fileState(pager), problems).run())
    const faults = problems.list.filter(({ place }) => place !== 'header').map(({ error }) => error.message)
    assert.deepEqual(faults, [])
    return columnFamilies.reduce((entries, family) => entries + family.entries, 0)
  } finally {
    pager.closeSync()
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

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { figure, timeIsOver } from '../support/figures.ts'
import { newDisk, openOn, PATH, runs, words } from '../support/open.ts'
import { diskOf, filesOf } from './contents.ts'
import type { Files } from './contents.ts'
import { recordsOf } from './log-layout.ts'
import { examine, exercise } from './exercise.ts'
import { ForgedFile } from './forged-file.ts'
import { ForgedSegment } from './forged-log.ts'
import { dataMutations, logMutations, mutateFile, mutateSegment, payloadOf, randomEntries } from './mutations.ts'
import { closedSample, groupedSample, uncleanSample } from './samples.ts'
import { AllocationWatch } from './watch.ts'

/** More than what every opening allocates at once, whatever it opens, and less than what a length could ask for. */
const ALLOCATION_BYTES_MAX = 8 * 1024 * 1024

/** What the work on one file may take of a processor, a hundred times what it does: a clock would count what others do. */
const CPU_MICROS_MAX = 3_000_000

const watch = new AllocationWatch()
/** MANIFOLD_TEST_SEED and MANIFOLD_TEST_PATH repeat a run: a failing one prints both. */
const seed = Number(process.env['MANIFOLD_TEST_SEED'] ?? Date.now() & 0x7fffffff)
const replayed = process.env['MANIFOLD_TEST_PATH'] ?? ''

/** A closed database with a tree of several levels: keys so long that few of them fit into a page. */
async function highTree(): Promise<Files> {
  const disk = newDisk()
  const db = await openOn(disk, 'sync')
  const entries = Array.from(
    { length: 30 },
    (_, i) => [`${String(i).padStart(2, '0')}${'k'.repeat(1900)}`, 'v'.repeat(600)] as const,
  )
  await db.table(words).putMany(entries)
  await db.close()
  return filesOf(disk)
}

/** The segment that has records. */
function segmentOf(files: Files): string {
  return [...files.keys()].find(path => path !== PATH && recordsOf(files.get(path)!).length > 0)!
}

async function tryFiles(files: Files, changed: ReadonlyMap<string, Uint8Array>): Promise<void> {
  watch.longest = 0
  const begun = process.cpuUsage()
  await exercise(diskOf(files, changed))
  await examine(diskOf(files, changed))
  assert.ok(watch.longest <= ALLOCATION_BYTES_MAX, `${watch.longest} bytes were asked for at once`)
  const { user, system } = process.cpuUsage(begun)
  assert.ok(user + system < CPU_MICROS_MAX, `it took ${user + system} microseconds`)
}

async function check<T>(
  mutations: fc.Arbitrary<T[]>,
  files: Files,
  forge: (list: readonly T[]) => Map<string, Uint8Array>,
): Promise<void> {
  let tried = 0
  const target = runs(200)
  const property = fc.asyncProperty(mutations, async list => {
    if (timeIsOver()) return
    await tryFiles(files, forge(list))
    tried++
  })
  await fc.assert(property, { seed, path: replayed, numRuns: target })
  figure('forged files opened, read, verified and salvaged', tried, target)
}

describe('a forged file whose checksums are right', () => {
  for (const make of [async () => (await closedSample()).files, highTree]) {
    test(`${make.name || 'closedSample'}: any field of any page, the catalog and the headers`, async () => {
      const files = await make()
      await check(dataMutations, files, list => {
        const file = new ForgedFile(files.get(PATH)!)
        for (const mutation of list) mutateFile(file, mutation)
        return new Map([[PATH, file.seal()]])
      })
    })
  }

  for (const make of [uncleanSample, groupedSample]) {
    test(`${make.name}: any field of any segment, record and entry`, async () => {
      const { files } = await make()
      const path = segmentOf(files)
      await check(logMutations, files, list => {
        const segment = new ForgedSegment(files.get(path)!)
        for (const mutation of list) mutateSegment(segment, mutation)
        return new Map([[path, segment.seal()]])
      })
    })

    test(`${make.name}: a commit of any entries`, async () => {
      const { files } = await make()
      const path = segmentOf(files)
      await check(randomEntries, files, entries => {
        const segment = new ForgedSegment(files.get(path)!)
        segment.replaceLast(payloadOf(entries))
        return new Map([[path, segment.seal()]])
      })
    })
  }
})

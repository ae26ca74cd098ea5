import { describe, test } from 'node:test'
import type { Durability, JournalMode } from '../../src/index.ts'
import { SimulatedDisk } from '../../src/platform/simulated/disk.ts'
import { SeededRandom } from '../../src/platform/simulated/random.ts'
import { JOURNALS, runs, turns } from '../support/open.ts'
import type { Change } from './history.ts'
import { contentsOf, History, SLOW, verify } from './history.ts'

const SEED = Number(process.env['MANIFOLD_TEST_SEED'] ?? 1)
const LIVES = 4
const STEPS = 30
const FAMILIES = ['a', 'b', 'c']

function pick<T>(random: SeededRandom, from: readonly T[]): T {
  return from[random.below(from.length)]!
}

function someChanges(random: SeededRandom): Change[] {
  return Array.from({ length: 1 + random.below(6) }, (): Change => {
    const length = random.chance(0.15) ? 8000 + random.below(30_000) : random.below(300)
    const value = random.chance(0.2) ? undefined : ([length, random.below(1000)] as const)
    return [pick(random, FAMILIES), `k${random.below(40)}`, value]
  })
}

/** Only changes that create nothing out of deletions, so that the history need not know which families there are. */
function solid(changes: readonly Change[]): Change[] {
  const families = new Set(changes.filter(([, , value]) => value !== undefined).map(([family]) => family))
  return changes.filter(([family]) => families.has(family))
}

/** What one life of the database consists of: commits, some at once, and everything else that writes. */
async function live(history: History, random: SeededRandom): Promise<void> {
  const durability = (): Durability => pick(random, ['immediate', 'immediate', 'eventual', 'none'])
  const flying: Promise<void>[] = []
  try {
    for (let step = 0; step < STEPS; step++) {
      const kind = random.below(20)
      if (kind < 12) {
        const changes = solid(someChanges(random))
        if (changes.length === 0) continue
        const commit = history.commit(changes, durability())
        // All families are locked in turn, so that the order of the log is that of the calls.
        if (random.chance(0.5)) await commit
        else flying.push(commit)
        commit.catch(() => {})
        if (flying.length > 0) await history.lastIsBegun()
        if (random.chance(0.4)) await turns(1)
      } else if (kind < 15) {
        const checkpoint = history.settle('checkpoint')
        checkpoint.catch(() => {})
        if (random.chance(0.5)) await checkpoint
        else flying.push(checkpoint)
      } else {
        await Promise.all(flying.splice(0))
        const families = history.families()
        if (kind === 15) await history.settle('sync')
        else if (kind === 16) await history.reopen()
        else if (kind === 17 && families.length > 0) await history.drop(pick(random, families))
        else if (kind === 18 && families.length > 0) await history.clear(pick(random, families))
        else if (kind === 19 && families.length > 0) {
          const to = ['a', 'b', 'c', 'd'].find(name => !families.includes(name))
          if (to !== undefined) await history.rename(pick(random, families), to)
        }
      }
    }
    await Promise.all(flying)
  } finally {
    await Promise.allSettled(flying)
  }
}

/** A database that is written to, loses its power at some operation, is opened again, and so on, on one disk. */
async function lives(journal: JournalMode, seed: number): Promise<void> {
  const random = new SeededRandom(seed)
  let disk = new SimulatedDisk(SLOW)
  let history = new History(disk, journal)
  for (let life = 0; life < LIVES; life++) {
    disk.cutPowerAt(1 + random.below(random.chance(0.3) ? 30 : 250))
    try {
      await history.open()
      await live(history, random)
    } catch (error) {
      if (disk.powered) throw error
    }
    disk.cutPower()
    await history.close()
    const mode = pick(random, ['all', 'none', 'random', 'random', 'prefix'] as const)
    const image = disk.crash(random, { mode, tornSectors: true })
    // What is verified on one copy of the image is gone on with on another.
    disk = image.crash(random, { mode: 'all' }, SLOW)
    await verify(history, image, { operation: seed, image: life, mode })
    history = new History(disk, journal, history)
    await history.open()
    history.goOnFrom(history.find(contentsOf(history.db)))
    await history.settle('close')
  }
}

describe('a database with a random life, cut off at random operations, again and again', () => {
  for (const journal of JOURNALS) {
    test(`journal '${journal}'`, async () => {
      for (let i = 0; i < runs(10); i++) {
        const seed = SEED + i
        try {
          await lives(journal, seed)
        } catch (error) {
          throw new Error(`journal '${journal}', MANIFOLD_TEST_SEED=${seed}: ${String(error)}`, { cause: error })
        }
      }
    })
  }
})

import { describe, test } from 'node:test'
import assert from 'node:assert/strict'
import type { JournalMode } from '../../src/index.ts'
import { runs, turns } from '../support/open.ts'
import type { Change, History } from './history.ts'
import { crashTest, uncleanHistory } from './history.ts'

const SEED = Number(process.env['MANIFOLD_TEST_SEED'] ?? 20_240_601)
/** All, none, and a part of what was not synced, in turn from operation to operation; with more runs, all of them for each. */
const IMAGES = Math.max(3, runs(1))
const EVERY = Math.max(1, Math.round(IMAGES / runs(1)))

export const put = (family: string, key: string, length = 40, seed = key.length): Change => [
  family,
  key,
  [length, seed],
]

/** What is done to the database while the power fails. */
export const SCRIPTS: Readonly<Record<string, (history: History) => Promise<void>>> = {
  'single puts': async history => {
    for (let i = 0; i < 6; i++) await history.commit([put('a', `k${i % 4}`, 40, i)])
  },
  'puts of all durabilities': async history => {
    await history.commit([put('a', 'k1')], 'none')
    await history.commit([put('a', 'k2')], 'eventual')
    await history.commit([put('b', 'k3')], 'none')
    await history.commit([put('a', 'k4')], 'immediate')
    await history.commit([put('b', 'k5')], 'none')
    await history.settle('sync')
    await history.commit([put('a', 'k6')], 'none')
  },
  'many commits at once': async history => {
    await history.commit([put('a', 'first'), put('b', 'first'), put('c', 'first')])
    const all = Array.from({ length: 12 }, (_, i) =>
      history.commit([put('abc'[i % 3]!, `k${i}`, 100 + i, i)], i % 4 === 3 ? 'none' : 'immediate'),
    )
    await Promise.all(all)
  },
  'commits while others are on their way to the disk': async history => {
    const all: Promise<void>[] = []
    for (let i = 0; i < 8; i++) {
      const commit = history.commit([put('ab'[i % 2]!, `k${i}`, 60, i)], i % 3 === 2 ? 'none' : 'immediate')
      commit.catch(() => {})
      all.push(commit)
      await turns(1)
    }
    await Promise.all(all)
  },
  'transactions over several families': async history => {
    for (let i = 0; i < 5; i++)
      await history.commit([put('a', 'k', 30, i), put('b', 'k', 700, i), put('c', `k${i}`, 30, i)])
  },
  checkpoints: async history => {
    for (let round = 0; round < 3; round++) {
      await history.commit([put('a', `k${round}`, 500, round), put('b', 'same', 50, round)])
      await history.commit([put('a', 'weak', 50, round)], 'none')
      await history.settle('checkpoint')
    }
  },
  'commits during a checkpoint': async history => {
    await history.commit([put('a', 'k1', 3000), put('b', 'k1', 100)])
    const checkpoint = history.settle('checkpoint')
    const during = Array.from({ length: 6 }, (_, i) => history.commit([put('ab'[i % 2]!, `d${i}`, 60, i)]))
    await Promise.all([checkpoint, ...during])
    await history.settle('checkpoint')
    await history.commit([put('a', 'last')])
  },
  'deletions and range deletions': async history => {
    await history.commit([put('a', 'k1'), put('a', 'k2'), put('a', 'k3')])
    await history.settle('checkpoint')
    await history.commit([['a', 'k2', undefined], put('a', 'k4')])
    await history.clear('a')
    await history.commit([put('a', 'k5')])
    await history.settle('checkpoint')
    await history.commit([['a', 'k5', undefined]])
  },
  'drops and renames': async history => {
    await history.commit([put('a', 'k1'), put('b', 'k1', 9000)])
    await history.settle('checkpoint')
    await history.rename('a', 'c')
    await history.drop('b')
    await history.commit([put('a', 'new'), put('b', 'new')])
    await history.settle('checkpoint')
    await history.drop('c')
    await history.rename('b', 'c')
  },
  'close and open': async history => {
    await history.commit([put('a', 'k1')])
    await history.reopen()
    await history.commit([put('a', 'k2')], 'none')
    await history.reopen()
    await history.reopen()
    await history.commit([put('b', 'k3')])
  },
  'long values': async history => {
    await history.commit([put('a', 'long', 20_000, 1)])
    await history.settle('checkpoint')
    await history.commit([put('a', 'long', 30_000, 2), put('b', 'long', 9000, 3)])
    await history.commit([['a', 'long', undefined]])
    await history.settle('checkpoint')
    await history.commit([put('b', 'long', 20_000, 4)])
  },
  'segments of the log that fill, are freed and used again': async history => {
    for (let i = 0; i < 9; i++) {
      await history.commit([put('a', `k${i % 2}`, 24_000, i)])
      if (i % 4 === 2) await history.settle('checkpoint')
    }
  },
  'commits that need segments while a checkpoint frees some': async history => {
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < 5; i++) await history.commit([put('a', `k${i % 2}`, 24_000, 10 * round + i)])
      const checkpoint = history.settle('checkpoint')
      const during = Array.from({ length: 5 }, (_, i) => history.commit([put('b', `k${i}`, 24_000, i)]))
      await Promise.all([checkpoint, ...during])
    }
  },
  'a record over several segments': async history => {
    await history.commit([put('a', 'small')])
    await history.commit([put('a', 'large', 150_000, 1), put('b', 'large', 20_000, 2)])
    await history.commit([put('a', 'small', 40, 2)])
  },
}

/** Declares a test for each script: the power is cut in every operation of it, and what is left is verified. */
export function cutEverywhere(journal: JournalMode, names: readonly string[] = Object.keys(SCRIPTS)): void {
  describe(`journal '${journal}': the power is cut in every operation of`, () => {
    for (const name of names) {
      test(name, async () => {
        const verified = await crashTest(journal, SCRIPTS[name]!, {
          seed: SEED,
          imagesPerOperation: IMAGES,
          every: EVERY,
        })
        assert.ok(verified > 10, `only ${verified} states`)
      })
    }

    test('a recovery, and of what follows it', async () => {
      const prepare = async (history: History): Promise<void> => {
        await history.commit([put('a', 'k1', 500), put('b', 'k1', 9000)])
        await history.settle('checkpoint')
        await history.commit([put('a', 'k2', 300, 1), put('c', 'k1', 10_000)])
        await history.commit([put('a', 'k2', 300, 2)], 'none')
        await history.commit([put('b', 'k3', 300, 3)], 'none')
      }
      const script = async (history: History): Promise<void> => {
        await history.commit([put('a', 'k4', 300, 4)])
        await history.settle('checkpoint')
        await history.commit([put('b', 'k5', 300, 5)], 'none')
      }
      const verified = await crashTest(journal, script, {
        seed: SEED,
        imagesPerOperation: IMAGES,
        every: EVERY,
        // Without a log there is nothing to recover, but a log that another opening has left.
        prepared: await uncleanHistory(journal === 'off' ? 'sync' : journal, prepare),
      })
      assert.ok(verified > 10, `only ${verified} states`)
    })
  })
}

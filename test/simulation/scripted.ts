import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { JournalMode } from '../../src/index.ts'
import { figure } from '../support/figures.ts'
import { runs } from '../support/open.ts'
import { SCRIPTS } from './scripts.ts'
import { simulate } from './simulation.ts'

const SEED = Number(process.env['MANIFOLD_TEST_SEED'] ?? 20_261_125)
/** Two of each kind: all, none, prefixes, and three times as many random ones; a long run takes more of them. */
const IMAGES_PER_OPERATION = runs(6)

/** What has failed, with the operation in which the power was cut, and the command that runs the script again. */
function described(error: unknown, journal: JournalMode, name: string): Error {
  const times = process.env['MANIFOLD_TEST_RUNS']
  const settings = [`MANIFOLD_TEST_SEED=${SEED}`, ...(times === undefined ? [] : [`MANIFOLD_TEST_RUNS=${times}`])].join(
    ' ',
  )
  const pattern = name.replace(/[^\w ,]/g, '.')
  const command = `${settings} npm test -- simulation/scripted-${journal} --test-name-pattern='${pattern}'`
  const reason = error instanceof Error ? error.message : String(error)
  return new Error(`${reason}\nAgain: ${command}`, { cause: error })
}

/** Declares a test for each script: the power is cut in every operation of it, and images of each cut are checked. */
export function cutEverywhere(journal: JournalMode): void {
  describe(`journal '${journal}', the power cut in every operation`, () => {
    for (const [name, lives] of Object.entries(SCRIPTS)) {
      test(name, async () => {
        const { points, unmet, images } = await simulate(
          { seed: SEED, journal, lives },
          { imagesPerOperation: IMAGES_PER_OPERATION },
        ).catch((error: unknown) => {
          throw described(error, journal, name)
        })
        assert.ok(points >= 5, `only ${points} operations`)
        // Without a log nothing of it can fail.
        if (journal !== 'off') assert.equal(unmet, 0, 'every fault of the script has struck')
        figure('scripted crash points', points, points)
        figure('simulated crash images checked', images, images)
      })
    }
  })
}

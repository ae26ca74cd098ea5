import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { Parameters, RunDetails } from 'fast-check'
import type { JournalMode } from '../../src/index.ts'
import { figure, timeIsOver } from '../support/figures.ts'
import { runs } from '../support/open.ts'
import { scenario } from './arbitraries.ts'
import type { Trouble } from './arbitraries.ts'
import { simulate } from './simulation.ts'
import type { Scenario } from './simulation.ts'

const IMAGES_PER_OPERATION = 3

export interface Exploration {
  readonly journal: JournalMode
  readonly trouble: Trouble
  readonly seed: number
  /** Where fast-check has shrunk to; only this scenario is run then. */
  readonly path?: string | undefined
  /** Goes on until so many images are checked. */
  readonly images: number
  readonly onProgress?: ((images: number) => void) | undefined
}

/** Scenarios drawn from one seed. */
const RUNS_PER_SEED = 20

/** Runs scenarios of one seed after the other, and shrinks the first that fails. Returns how many images were checked. */
export async function explore(exploration: Exploration): Promise<number> {
  const { seed, path, images } = exploration
  if (path !== undefined) return check(exploration, { seed, path, endOnFailure: true, numRuns: 1 })
  let checked = 0
  for (let next = seed; checked < images && !timeIsOver(); next++) {
    checked += await check(exploration, { seed: next, numRuns: RUNS_PER_SEED })
    exploration.onProgress?.(checked)
  }
  return checked
}

async function check(exploration: Exploration, settings: Parameters<[Scenario]>): Promise<number> {
  let checked = 0
  const property = fc.asyncProperty(scenario(exploration.journal, exploration.trouble), async drawn => {
    checked += (await simulate(drawn, { imagesPerOperation: IMAGES_PER_OPERATION })).images
  })
  const details = await fc.check(property, settings)
  if (details.failed) throw described(details, exploration)
  return checked
}

/** What has failed, the smallest scenario that does, and the command that runs it again. */
function described(details: RunDetails<[Scenario]>, { journal, trouble }: Exploration): Error {
  const { seed, counterexamplePath, counterexample, numShrinks, errorInstance } = details
  const command = `npm run simulate -- --journal ${journal} --trouble ${trouble} --seed ${seed} --path ${counterexamplePath}`
  const reason = errorInstance instanceof Error ? errorInstance.message : String(errorInstance)
  const drawn = fc.stringify(counterexample?.[0])
  return new Error(`${reason}\nAgain: ${command}\nShrunk ${numShrinks} times to: ${drawn}`, { cause: errorInstance })
}

const SEED = Number(process.env['MANIFOLD_TEST_SEED'] ?? 20_261_125)

/** Declares a test that checks so many images of random lives. */
export function exploring(journal: JournalMode, images: Readonly<Record<Trouble, number>>): void {
  describe(`random lives of a database with journal '${journal}', the power cut in every operation`, () => {
    for (const trouble of ['none', 'failures', 'damage'] as const) {
      test(`trouble: ${trouble}`, async () => {
        const wanted = runs(images[trouble])
        const checked = await explore({ journal, trouble, seed: SEED, images: wanted })
        figure('simulated crash images checked', checked, wanted)
      })
    }
  })
}

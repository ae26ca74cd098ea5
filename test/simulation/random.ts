import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { RunDetails } from 'fast-check'
import type { JournalMode } from '../../src/index.ts'
import { figure, timeIsOver } from '../support/figures.ts'
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

/** Runs scenarios from the seed on, and shrinks the first that fails. Returns how many images were checked. */
export async function explore({ journal, trouble, seed, path, images, onProgress }: Exploration): Promise<number> {
  let checked = 0
  let failed = false
  const body = async (drawn: Scenario): Promise<void> => {
    // Once something has failed every run is one of shrinking.
    if (!failed && (checked >= images || timeIsOver())) return
    try {
      checked += (await simulate(drawn, { imagesPerOperation: IMAGES_PER_OPERATION })).images
      onProgress?.(checked)
    } catch (error) {
      failed = true
      throw error
    }
  }
  // Each scenario checks a hundred images or more, so that so many runs are enough.
  const numRuns = path === undefined ? Math.ceil(images / 20) : 1
  const settings = { seed, numRuns, ...(path === undefined ? {} : { path }), endOnFailure: path !== undefined }
  const details = await fc.check(fc.asyncProperty(scenario(journal, trouble), body), settings)
  if (details.failed) throw described(details, journal, trouble)
  return checked
}

/** What has failed, the smallest scenario that does, and the command that runs it again. */
function described(details: RunDetails<[Scenario]>, journal: JournalMode, trouble: Trouble): Error {
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
        const checked = await explore({ journal, trouble, seed: SEED, images: images[trouble] })
        figure('simulated crash images checked', checked, images[trouble])
      })
    }
  })
}

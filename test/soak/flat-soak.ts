import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JournalMode } from '../../src/index.ts'
import { figure } from '../support/figures.ts'
import { runs } from '../support/open.ts'
import { growth } from './flatness.ts'
import { soak, TOLERANCES } from './soak.ts'

const SEED = Number(process.env['MANIFOLD_TEST_SEED'] ?? 1)
const OPERATIONS = Math.max(50_000, runs(200_000))
/** Where syncs are slow it ends sooner. Shorter runs would tell nothing. */
const SECONDS = Math.max(25, runs(25))

export function soakFlat(journal: JournalMode): void {
  test(`journal '${journal}': memory, shared memory, file and log are flat over a long mixed run`, async () => {
    const { operations, samples } = await soak({ journal, seed: SEED, operations: OPERATIONS, seconds: SECONDS })
    assert.deepEqual(growth(samples, TOLERANCES), [], `seed ${SEED}, ${samples.length} samples`)
    figure('soak operations', operations, OPERATIONS)
  })
}

import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type { JournalMode } from '../../src/index.ts'
import { timeIsOver } from '../support/figures.ts'
import { LOGS } from '../support/open.ts'

/** The seed of the first round; each next one has the next. */
export const SEED = Number(process.env['MANIFOLD_TEST_SEED'] ?? 1)

const PROGRESS_MILLIS = 30_000

export function journalOf(seed: number): JournalMode {
  return LOGS[seed % LOGS.length]!
}

/** A new directory, below `parent` or that for temporary files. */
export function newDirectory(parent: string = os.tmpdir()): string {
  return fs.mkdtempSync(path.join(parent, 'manifold-kernel-'))
}

/**
 * Calls `round` with one seed after another until it has returned `target` in sum, or the time is over. Returns the sum. A
 * round that fails says with which seed, and how it is run again.
 */
export async function repeat(
  what: string,
  file: string,
  target: number,
  round: (seed: number) => Promise<number>,
): Promise<number> {
  let reached = 0
  let told = performance.now()
  for (let seed = SEED; reached < target && !timeIsOver(); seed++) {
    try {
      reached += await round(seed)
    } catch (error) {
      const again = `MANIFOLD_TEST_SEED=${seed} npm test -- kernel/${file}`
      throw new Error(`${what}: the round with seed ${seed} failed. Again: ${again}`, { cause: error })
    }
    if (performance.now() - told < PROGRESS_MILLIS) continue
    told = performance.now()
    process.stderr.write(`${what}: ${reached} of ${target}\n`)
  }
  return reached
}

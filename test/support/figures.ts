import fs from 'node:fs'

/** Where the tests of one run leave what they have counted; `tools/run-tests.mjs` prints it at the end. */
const FILE = 'build/figures.jsonl'

/** Minutes after which a long loop stops, whatever it has reached; without a limit it goes on to its target. */
const MINUTES_MAX = Number(process.env['MANIFOLD_TEST_MINUTES'] ?? Infinity)
const begun = performance.now()

/** True once this process has spent the minutes that a long run gives each test file. */
export function timeIsOver(): boolean {
  return performance.now() - begun > MINUTES_MAX * 60_000
}

/**
 * Tells how much a test has done, beyond that it passed: `reached` of `target`, in units that `what` names. Several
 * tests may add to one figure. Something that this machine cannot do is a figure too: it reached 0, and `skipped` says
 * why.
 */
export function figure(what: string, reached: number, target: number, skipped?: string): void {
  fs.appendFileSync(FILE, `${JSON.stringify({ what, reached, target, skipped })}\n`)
}

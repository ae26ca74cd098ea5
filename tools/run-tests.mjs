/**
 * Runs the tests that were built into `build`; with arguments, those whose path contains one of them:
 * `npm test -- wal platform/node`. The files are named one by one since Node 20 knows no patterns and later versions
 * take no directories. Afterwards it prints the figures that the tests have left (`test/support/figures.ts`).
 *
 * With `--long`, randomised and exhaustive tests run fifty times as long, or `MANIFOLD_TEST_RUNS` times, and no test is
 * taken for hanging.
 */
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import Table from 'cli-table3'

const BUILD = 'build'
/** A test that hangs is a failure, not a build that never ends. */
const TIMEOUT_MILLIS = 15 * 60 * 1000

const FIGURES = `${BUILD}/figures.jsonl`
const LONG_RUNS = '50'

const isLong = process.argv.includes('--long')
const wanted = process.argv.slice(2).filter(argument => !argument.startsWith('-'))
const flags = process.argv.slice(2).filter(argument => argument.startsWith('-') && argument !== '--long')
const files = fs
  .readdirSync(BUILD, { recursive: true, encoding: 'utf8' })
  .map(file => file.replaceAll(path.sep, '/'))
  .filter(file => file.endsWith('.test.js') && (wanted.length === 0 || wanted.some(part => file.includes(part))))
  .map(file => `${BUILD}/${file}`)
  .sort()
if (files.length === 0) {
  console.error(`No test in ${BUILD} has ${wanted.join(' or ')} in its path.`)
  process.exit(1)
}

const settings = [
  '--enable-source-maps',
  '--test',
  ...(isLong ? [] : [`--test-timeout=${TIMEOUT_MILLIS}`]),
  '--test-reporter=spec',
  ...flags,
]
fs.rmSync(FIGURES, { force: true })
const env = isLong ? { MANIFOLD_TEST_RUNS: LONG_RUNS, ...process.env } : process.env
const { status } = spawnSync(process.execPath, [...settings, ...files], { stdio: 'inherit', env })
if (fs.existsSync(FIGURES)) printFigures(fs.readFileSync(FIGURES, 'utf8'))
process.exitCode = status ?? 1

/**
 * One row for each thing that was counted, summed over the tests that counted it, and one for what no test may find: that
 * is known to be nothing if, and only if, all tests have passed.
 * @param {string} lines
 */
function printFigures(lines) {
  /** @type {Map<string, { reached: number, target: number, skipped: string | undefined }>} */
  const figures = new Map()
  for (const line of lines.trimEnd().split('\n')) {
    const { what, reached, target, skipped } = JSON.parse(line)
    const sum = figures.get(what) ?? { reached: 0, target: 0, skipped: undefined }
    figures.set(what, {
      reached: sum.reached + reached,
      target: sum.target + target,
      skipped: sum.skipped ?? skipped,
    })
  }
  const table = new Table({ head: ['figure', 'reached', 'of', ''], style: { head: [], border: [] } })
  for (const [what, { reached, target, skipped }] of [...figures].sort())
    table.push([what, reached.toLocaleString('en'), target.toLocaleString('en'), skipped ? `skipped: ${skipped}` : ''])
  const found = status === 0 ? ['0', '0', ''] : ['?', '0', 'see the failing tests']
  table.push(['acknowledged commits lost, wrong reads, hangs', ...found])
  console.log(table.toString())
}

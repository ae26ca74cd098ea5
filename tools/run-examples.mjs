/**
 * Runs every example that was built into `build/examples`, as `example-runs.mjs` says, and checks what it prints. An
 * example is `examples/NAME.ts` or `examples/NAME/main.ts`. Each runs in an empty folder of its own, which is removed.
 */
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { EXAMPLE_RUNS } from './example-runs.mjs'

const BUILD = path.resolve('build', 'examples')
const ROOT = path.resolve('.')

/** The examples by name, and their modules. */
const examples = fs.readdirSync(BUILD, { withFileTypes: true }).flatMap(entry => {
  const { name, ext } = path.parse(entry.name)
  if (entry.isFile()) return ext === '.js' ? [{ name, main: path.join(BUILD, entry.name) }] : []
  const main = path.join(BUILD, entry.name, 'main.js')
  return fs.existsSync(main) ? [{ name: entry.name, main }] : []
})

/** @param {string} main  @param {import('./example-runs.mjs').Run} run  @param {string} folder */
function runOnce(main, { args = [], status: wanted = 0, check }, folder) {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--enable-source-maps', main, ...args], {
    cwd: folder,
    encoding: 'utf8',
  })
  try {
    if (status !== wanted) throw new Error(`it ended with ${status} instead of ${wanted}`)
    check?.(stdout, stderr)
  } catch (error) {
    error.message = `${[main, ...args].join(' ')}: ${error.message}\n${stdout}${stderr}`
    throw error
  }
}

const missing = Object.keys(EXAMPLE_RUNS).filter(name => !examples.some(example => example.name === name))
if (missing.length > 0) throw new Error(`These examples were not built: ${missing.join(', ')}`)
for (const { name, main } of examples) {
  const runsOf = EXAMPLE_RUNS[name]
  if (runsOf === undefined) throw new Error(`tools/example-runs.mjs does not say how the example ${name} is run`)
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'manifold-example-'))
  try {
    const runs = runsOf(ROOT, folder)
    for (const run of runs) runOnce(main, run, folder)
    console.log(`${name}: ${runs.length} runs as expected`)
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
  }
}

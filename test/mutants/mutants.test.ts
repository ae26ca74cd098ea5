import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { figure } from '../support/figures.ts'
import { projectPath } from '../support/project.ts'
import type { Edit } from './mutant-hooks.ts'
import { MUTANTS } from './mutants.ts'
import type { Mutant } from './mutants.ts'

const BUILD = path.resolve(import.meta.dirname, '../..')
const LOADER = pathToFileURL(path.join(import.meta.dirname, 'load-mutant.js')).href
const TIMEOUT_MILLIS = 60_000
/** Processes at once. */
const CONCURRENCY = 2

/** What the report says of a test that has looked at what the engine did and found it wrong; of one that waits for ever. */
const JUDGED = /failureType: '(testCodeFailure|cancelledByParent)'/
/** What it says of a program that is broken. */
const BROKEN = /SyntaxError|ReferenceError|TypeError|ERR_MODULE_NOT_FOUND|must stand once/

interface Run {
  readonly passed: boolean
  readonly output: string
}

function builtFile({ file }: Mutant): string {
  return path.join(BUILD, 'src', file.replace(/\.ts$/, '.js'))
}

/** The path of a folder that stands in for the project: what the tests count there is not counted. */
let folder: string

/** Runs one test, with or without an edit of the engine. */
function run(testFile: string, name: string, edit?: Edit): Promise<Run> {
  const { NODE_TEST_CONTEXT: _context, MANIFOLD_TEST_RUNS: _runs, ...env } = process.env
  const escaped = name.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&')
  const flags = ['--test-force-exit', '--test-reporter=tap', `--test-name-pattern=${escaped}`]
  const child = spawn(process.execPath, [...flags, path.join(BUILD, `${testFile}.js`)], {
    cwd: folder,
    // As an option of the environment it reaches the threads, too.
    env:
      edit === undefined ? env : { ...env, NODE_OPTIONS: `--import ${LOADER}`, MANIFOLD_MUTANT: JSON.stringify(edit) },
    timeout: TIMEOUT_MILLIS,
    killSignal: 'SIGKILL',
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => void (output += String(chunk)))
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ passed: code === 0, output: `${output}${signal ?? ''}` }))
  })
}

/** Lines of TAP that say so of a test whose name has `name` in it. */
function verdicts(output: string, verdict: 'ok' | 'not ok', name: string): number {
  const lines = output.split('\n').map(line => line.trim().replaceAll('\\#', '#'))
  return lines.filter(line => line.startsWith(`${verdict} `) && line.includes(name) && !line.includes('# SKIP')).length
}

describe('a fault that is put into the engine is found', { concurrency: CONCURRENCY }, () => {
  const sound = new Map<string, Promise<Run>>()
  let killed = 0

  before(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'manifold-mutants-'))
    fs.mkdirSync(path.join(folder, 'build'))
    fs.writeFileSync(path.join(folder, 'package.json'), '{ "name": "manifold-db" }')
  })
  after(() => {
    fs.rmSync(folder, { recursive: true })
    figure('mutants killed', killed, MUTANTS.length)
  })

  for (const mutant of MUTANTS) {
    test(`${mutant.fault}: by ${mutant.test}, ${mutant.name}`, async () => {
      const { find, replace, test: testFile, name } = mutant
      const parts = fs.readFileSync(builtFile(mutant), 'utf8').split(find)
      assert.equal(parts.length, 2, `'${find}' must stand once in ${mutant.file} as it is built: choose another text`)
      const key = `${testFile} ${name}`
      if (!sound.has(key)) sound.set(key, run(testFile, name))
      const without = await sound.get(key)!
      assert.ok(without.passed && verdicts(without.output, 'ok', name) > 0, `without the fault:\n${without.output}`)
      const url = pathToFileURL(builtFile(mutant)).href
      const { passed, output } = await run(testFile, name, { url, find, replace })
      assert.ok(!passed && verdicts(output, 'not ok', name) > 0, `not found:\n${output}`)
      assert.ok(JUDGED.test(output) && !BROKEN.test(output), `the program is broken rather than wrong:\n${output}`)
      killed++
    })
  }
})

/** The table that docs/testing.md shows. */
export function mutantTable(): string {
  const rows = MUTANTS.map(
    ({ fault, file, test: testFile, name }) => `| ${fault} | \`src/${file}\` | \`${testFile}.ts\`: ${name} |`,
  )
  return ['| fault | in | found by |', '|---|---|---|', ...rows].join('\n')
}

test(
  'docs/testing.md names every fault and who finds it',
  { skip: !fs.existsSync(projectPath('docs/testing.md')) },
  () => {
    const file = projectPath('docs/testing.md')
    const text = fs.readFileSync(file, 'utf8')
    const [begin, end] = ['<!-- mutants:begin -->\n', '\n<!-- mutants:end -->']
    const current = `${text.slice(0, text.indexOf(begin) + begin.length)}${mutantTable()}${text.slice(text.indexOf(end))}`
    if (process.env['MANIFOLD_WRITE_DOCS'] === '1') fs.writeFileSync(file, current)
    else assert.equal(text, current, 'MANIFOLD_WRITE_DOCS=1 npm test -- mutants writes the table anew')
  },
)

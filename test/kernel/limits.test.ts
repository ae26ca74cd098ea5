import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { SeededRandom } from '../../src/platform/simulated/random.ts'
import { figure } from '../support/figures.ts'
import { runs } from '../support/open.ts'
import type { Task } from './child.ts'
import { WritingProcess } from './child-process.ts'
import { Oracle, withoutThreads } from './oracle.ts'
import { isWrongFailure } from './report.ts'
import { journalOf, newDirectory, repeat } from './rounds.ts'
import { failureOf, missing } from './tools.ts'

const STEPS = 20
const PATIENCE = 20
const REOPENINGS = 30
/** More than the log's segments and the data file come to. */
const FILE_BYTES_MAX = 600_000

const reason = missing('prlimit')
let directory = ''
let writer: WritingProcess

before(async () => {
  withoutThreads()
  directory = newDirectory()
  writer = new WritingProcess()
  await writer.ready()
})
after(async () => {
  await writer.end()
  fs.rmSync(directory, { recursive: true })
})

function limit(resource: 'nofile' | 'fsize', soft: number | 'unlimited'): void {
  const value = soft === 'unlimited' && resource === 'nofile' ? 1024 : soft
  const failure = failureOf('prlimit', '--pid', String(writer.pid), `--${resource}=${value}:`)
  if (failure !== undefined) throw new Error(failure)
}

/**
 * Lowers a limit of the running process to what it has now, about, and raises it again. A file size limit in the middle of
 * a file makes writes short, by any number of bytes; it is the kernel that cuts them.
 */
async function limitNowAndThen(random: SeededRandom, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    await new Promise(resolve => setTimeout(resolve, random.below(20)))
    const resource = random.chance(0.3) ? 'nofile' : 'fsize'
    const open = fs.readdirSync(`/proc/${writer.pid}/fd`).length
    limit(resource, resource === 'nofile' ? open + random.below(14) : random.below(FILE_BYTES_MAX))
    await new Promise(resolve => setTimeout(resolve, random.below(25)))
    limit(resource, 'unlimited')
  }
}

async function round(seed: number): Promise<number> {
  const oracle = new Oracle(seed, 'acknowledged')
  const database = path.join(directory, 'app.manifold')
  const base = { path: database, journal: journalOf(seed), seed, depth: 1 }
  const task: Task = { ...base, patience: PATIENCE, steps: STEPS, reopenings: REOPENINGS }
  let isOver = false
  writer.others = []
  const limiting = limitNowAndThen(new SeededRandom(seed), () => isOver)
  try {
    await writer.perform(task, oracle)
  } finally {
    isOver = true
    await limiting
  }
  assert.ok(writer.isAlive, `the writer ended by itself: ${writer.others.join('; ')} ${writer.errors}`)
  assert.deepEqual(writer.others.filter(isWrongFailure), [])
  await oracle.checkAt(database, journalOf(seed))
  for (const name of fs.readdirSync(directory)) fs.rmSync(path.join(directory, name))
  return writer.others.some(line => line.startsWith('failed')) ? 1 : 0
}

test('limits of handles and file sizes lose nothing', { skip: reason }, async () => {
  const target = runs(30, 1500)
  const reached = await repeat('handle and size limits', 'limits', target, round)
  figure('handle and size limits', reached, target)
})

if (reason !== undefined) figure('handle and size limits', 0, runs(30, 1500), reason)

import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { after, before, test } from 'node:test'
import type { ResourceLimits } from 'node:worker_threads'
import { Worker } from 'node:worker_threads'
import { SeededRandom } from '../../src/platform/simulated/random.ts'
import { figure } from '../support/figures.ts'
import { runs } from '../support/open.ts'
import type { End, Task } from './child.ts'
import { PROGRAM, WritingProcess } from './child-process.ts'
import { Oracle, withoutThreads } from './oracle.ts'
import { readLine } from './report.ts'
import { journalOf, newDirectory, repeat } from './rounds.ts'

const ENDLESS_STEPS = 1_000_000
/** So many steps take several checkpoints, each of which finds its thread gone or loses it. */
const MERGED_STEPS = 60
const END_MILLIS_MAX = 60
const THREAD_START_MILLIS = 40
const SMALL_HEAP_MEBIBYTES = 24

let directory = ''

before(() => {
  withoutThreads()
  directory = newDirectory()
})
after(() => fs.rmSync(directory, { recursive: true }))

function taskOf(seed: number, steps: number, end?: End): Task {
  const base = { path: path.join(directory, 'app.manifold'), journal: journalOf(seed >> 2), seed, steps }
  const task = { ...base, depth: 1 + (seed % 3), patience: 0, reopenings: 0 }
  return end === undefined ? task : { ...task, end }
}

/** A process that calls `exit` in the middle of its work. */
async function exit(seed: number, oracle: Oracle): Promise<number> {
  const millis = new SeededRandom(seed).below(END_MILLIS_MAX)
  const writer = new WritingProcess()
  await writer.ready()
  await writer.perform(taskOf(seed, ENDLESS_STEPS, { kind: 'exit', millis }), oracle)
  const { code } = await writer.end()
  assert.equal(code, 7, `${writer.others.join('; ')} ${writer.errors}`)
  return 1
}

/** A process that runs out of memory: V8 ends it, wherever it is. */
async function exhaustHeap(seed: number, oracle: Oracle): Promise<number> {
  const millis = new SeededRandom(seed).below(END_MILLIS_MAX)
  const writer = new WritingProcess([`--max-old-space-size=${SMALL_HEAP_MEBIBYTES}`])
  await writer.ready()
  await writer.perform(taskOf(seed, ENDLESS_STEPS, { kind: 'memory', millis }), oracle)
  const { signal } = await writer.end()
  assert.equal(signal, 'SIGABRT', `${writer.others.join('; ')} ${writer.errors}`)
  assert.match(writer.errors, /out of memory/)
  return 1
}

/**
 * The worker threads of a process, those of the merges and of the log, end again and again; the database goes on by itself
 * and closes as if nothing had been.
 */
async function endWorkerThreads(seed: number, oracle: Oracle): Promise<number> {
  const writer = new WritingProcess()
  await writer.ready()
  await writer.perform(taskOf(seed, MERGED_STEPS, { kind: 'worker threads', millis: END_MILLIS_MAX }), oracle)
  assert.deepEqual(await writer.end(), { code: 0, signal: null }, writer.errors)
  const ended = writer.others.filter(line => line === 'ended worker thread').length
  assert.deepEqual(
    writer.others.filter(line => line.startsWith('failed')),
    [],
  )
  return ended
}

/** The whole database lives in a thread of this process, which ends: from outside, or for lack of memory. */
async function endThread(seed: number, oracle: Oracle): Promise<number> {
  const random = new SeededRandom(seed)
  const millis = random.below(END_MILLIS_MAX)
  const isOutside = random.chance(0.5)
  const task = taskOf(seed, ENDLESS_STEPS, isOutside ? undefined : { kind: 'memory', millis })
  const lines = path.join(directory, 'lines')
  const descriptor = fs.openSync(lines, 'a+')
  try {
    const resourceLimits: ResourceLimits = { maxOldGenerationSizeMb: SMALL_HEAP_MEBIBYTES }
    const worker = new Worker(PROGRAM, { workerData: { task, descriptor }, resourceLimits })
    let code: unknown
    worker.once('error', (error: Error & { code?: unknown }) => (code = error.code ?? error))
    if (isOutside) setTimeout(() => void worker.terminate(), THREAD_START_MILLIS + millis)
    await new Promise(resolve => worker.once('exit', resolve))
    assert.equal(code, isOutside ? undefined : 'ERR_WORKER_OUT_OF_MEMORY')
  } finally {
    fs.closeSync(descriptor)
  }
  for (const line of fs.readFileSync(lines, 'utf8').split('\n')) readLine(line, oracle)
  fs.rmSync(lines)
  return 1
}

const KINDS = [exit, endWorkerThreads, exhaustHeap, endThread]

async function round(seed: number): Promise<number> {
  const oracle = new Oracle(seed, 'acknowledged')
  const ends = await KINDS[seed % KINDS.length]!(seed, oracle)
  await oracle.checkAt(path.join(directory, 'app.manifold'), journalOf(seed >> 2))
  for (const name of fs.readdirSync(directory)) fs.rmSync(path.join(directory, name))
  return ends
}

test('nothing is lost by exit, by the end of a thread, or for lack of memory', async () => {
  const target = runs(60, 3000)
  const reached = await repeat('process ends', 'process-end', target, round)
  figure('process ends (exit, thread, memory)', reached, target)
})

import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { after, before, test } from 'node:test'
import type { JournalMode } from '../../src/index.ts'
import { SeededRandom } from '../../src/platform/simulated/random.ts'
import { figure } from '../support/figures.ts'
import { LOGS, runs } from '../support/open.ts'
import type { Task } from './child.ts'
import { WritingProcess } from './child-process.ts'
import { Oracle, withoutThreads } from './oracle.ts'
import type { Report } from './report.ts'
import { isWrongFailure } from './report.ts'
import { newDirectory, repeat } from './rounds.ts'
import { callsByThread, injectedIn, NotTraceable, Strace } from './strace.ts'
import { missing } from './tools.ts'

/**
 * What is done to each call. `retval=0` is the one short write that strace can make and that is true: nothing was written,
 * and the call says so. Short writes of part of the bytes come from limits and full disks.
 */
const FAULTS: Readonly<Record<string, readonly string[]>> = {
  pwrite64: ['error=EIO', 'error=ENOSPC', 'retval=0', 'error=EINTR', 'signal=KILL'],
  pwritev: ['error=EIO', 'error=ENOSPC', 'retval=0', 'signal=KILL'],
  fdatasync: ['error=EIO', 'error=ENOSPC', 'signal=KILL', 'error=EINTR'],
  fsync: ['error=EIO', 'signal=KILL'],
  openat: ['error=EIO', 'error=EMFILE', 'error=ENOSPC', 'error=EACCES', 'signal=KILL'],
  ftruncate: ['error=EIO', 'signal=KILL'],
  rename: ['error=EIO', 'error=ENOSPC', 'signal=KILL'],
  unlink: ['error=EIO', 'signal=KILL'],
  pread64: ['error=EIO', 'error=EINTR', 'signal=KILL'],
  getdents64: ['error=EIO', 'signal=KILL'],
}
const CALLS = Object.keys(FAULTS)
const STEPS = 8
const PATIENCE = 3
const REOPENINGS = 10
const FAULTS_PER_DATABASE = 4

/** The `nth` call of a thread. */
interface Point {
  readonly call: string
  readonly nth: number
}

const reason = missing('strace')
let directory = ''
let writer: WritingProcess | undefined

before(() => {
  withoutThreads()
  directory = newDirectory()
})
after(async () => {
  await writer?.end()
  fs.rmSync(directory, { recursive: true })
})

/** One thread for all asynchronous calls, so that they come in one order and are counted together. */
async function newWriter(): Promise<WritingProcess> {
  const process = new WritingProcess([], { UV_THREADPOOL_SIZE: '1' })
  await process.ready()
  return process
}

function taskOf(seed: number, journal: JournalMode): Task {
  const base = { path: path.join(directory, 'app.manifold'), journal, seed, depth: 1 }
  return { ...base, patience: PATIENCE, steps: STEPS, reopenings: REOPENINGS }
}

/** Performs the task under strace. Returns strace's log, and whether the writer was killed. */
async function trace(task: Task, report: Report, ...injections: string[]): Promise<{ log: string; killed: boolean }> {
  const process = (writer ??= await newWriter())
  process.others = []
  const strace = await Strace.attach(process.pid, path.join(directory, 'strace'), CALLS, injections)
  let log = ''
  try {
    await process.perform(task, report)
  } finally {
    log = await strace.detach()
  }
  assert.deepEqual(process.others.filter(isWrongFailure), [])
  if (process.isAlive) return { log, killed: false }
  writer = undefined
  const { signal } = await process.end()
  assert.equal(signal, 'SIGKILL', `the writer ended by itself: ${process.others.join('; ')} ${process.errors}`)
  return { log, killed: true }
}

function removeDatabase(): void {
  for (const name of fs.readdirSync(directory)) fs.rmSync(path.join(directory, name))
}

/** Every call that the workload makes when nothing is done to it. */
async function pointsOf(journal: JournalMode): Promise<Point[]> {
  const { log } = await trace(taskOf(1, journal), new Oracle(1, 'acknowledged'))
  removeDatabase()
  const points: Point[] = []
  for (const [call, count] of callsByThread(log)) for (let nth = 1; nth <= count; nth++) points.push({ call, nth })
  return points
}

/** A fault at a point: once, or again and again from there on, also while the database is opened after it. */
function injectionAt({ call, nth }: Point, turn: number, random: SeededRandom): string {
  const faults = FAULTS[call]!
  const fault = faults[turn % faults.length]!
  const again = random.chance(0.5) ? `+${2 + random.below(12)}` : ''
  const delay = random.chance(0.1) ? ':delay_enter=2000' : ''
  return `${call}:${fault}:when=${nth}${again}${delay}`
}

const points = new Map<JournalMode, Point[]>()

async function faultAt(index: number, task: Task, random: SeededRandom, oracle: Oracle): Promise<number> {
  const all = points.get(task.journal)!
  const injections = [injectionAt(all[index % all.length]!, Math.floor(index / all.length), random)]
  const other = all[random.below(all.length)]!
  // strace takes one injection for each call.
  if (random.chance(0.3) && !injections[0]!.startsWith(`${other.call}:`))
    injections.push(injectionAt(other, random.below(all.length), random))
  try {
    const { log, killed } = await trace(task, oracle, ...injections)
    // Now and then the next fault meets the recovery from this death.
    if (!killed || random.chance(0.5)) await oracle.checkAt(task.path, task.journal)
    return injectedIn(log) + (killed ? 1 : 0)
  } catch (error) {
    throw new Error(`with strace ${injections.map(text => `-e inject=${text}`).join(' ')}, journal ${task.journal}`, {
      cause: error,
    })
  }
}

async function round(seed: number): Promise<number> {
  const random = new SeededRandom(seed)
  const journal = LOGS[seed % LOGS.length]!
  const oracle = new Oracle(seed, 'acknowledged')
  const task = taskOf(seed, journal)
  let faults = 0
  for (let i = 0; i < FAULTS_PER_DATABASE; i++) {
    const index = Math.floor(seed / LOGS.length) * FAULTS_PER_DATABASE + i
    faults += await faultAt(index, task, random, oracle)
  }
  await oracle.checkAt(task.path, task.journal)
  removeDatabase()
  return faults
}

test('no failing system call loses what was acknowledged', { skip: reason }, async context => {
  const target = runs(1000, 50_000)
  try {
    for (const journal of LOGS) points.set(journal, await pointsOf(journal))
  } catch (error) {
    if (!(error instanceof NotTraceable)) throw error
    figure('system-call faults', 0, target, error.message)
    context.skip(error.message)
    return
  }
  for (const [journal, { length }] of points) context.diagnostic(`${length} points with journal '${journal}'`)
  const reached = await repeat('system-call faults', 'system-calls', target, round)
  figure('system-call faults', reached, target)
})

if (reason !== undefined) figure('system-call faults', 0, runs(1000, 50_000), reason)

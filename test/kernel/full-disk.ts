import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { Database, DatabaseError } from '../../src/index.ts'
import { SeededRandom } from '../../src/platform/simulated/random.ts'
import { figure } from '../support/figures.ts'
import { runs } from '../support/open.ts'
import { Oracle, withoutThreads, withThreads } from './oracle.ts'
import { journalOf, repeat } from './rounds.ts'
import { smallOptions } from './small-options.ts'
import { endWithParent, failureOf } from './tools.ts'
import { Writer } from './writer.ts'

/**
 * Fills the file system under a database that is written to, with bytes or with files, and makes room again: the database
 * goes on by itself. To be run in a mount namespace of its own.
 */
const [directory] = process.argv.slice(2) as [string]
const DATABASE = path.join(directory, 'app.manifold')
const BALLAST = path.join(directory, 'ballast')

const STEPS = 60
/** For each step longer than the disk is full. */
const PATIENCE = 500
const BYTES = 12 * 1024 * 1024
const FILES = 64

function pause(millis: number): Promise<void> {
  return new Promise(resolve => void setTimeout(resolve, millis))
}

function isFull(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOSPC'
}

/** Takes all the space there is but `left` bytes. */
function takeSpace(left: number): void {
  const descriptor = fs.openSync(BALLAST, 'w')
  try {
    const zeros = new Uint8Array(64 * 1024)
    for (;;) fs.writeSync(descriptor, zeros)
  } catch (error) {
    if (!isFull(error)) throw error
    fs.ftruncateSync(descriptor, Math.max(0, fs.fstatSync(descriptor).size - left))
  } finally {
    fs.closeSync(descriptor)
  }
}

/** Takes all the files there may be but `left`. */
function takeFiles(left: number): void {
  const names: string[] = []
  try {
    for (;;) {
      const name = `${BALLAST}${names.length}`
      fs.closeSync(fs.openSync(name, 'wx'))
      names.push(name)
    }
  } catch (error) {
    if (!isFull(error)) throw error
  }
  for (const name of names.slice(0, left)) fs.rmSync(name)
}

function makeRoom(): void {
  for (const name of fs.readdirSync(directory)) if (name.startsWith('ballast')) fs.rmSync(path.join(directory, name))
}

/** A full disk refuses this and nothing else: nothing is poisoned by it. */
function checkRefused(error: unknown): void {
  if (!(error instanceof DatabaseError) || error.code !== 'MANIFOLD_NO_SPACE') throw error
}

/** Fills the disk for a moment, now and then, while the lanes write. */
async function fillNowAndThen(random: SeededRandom, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    await pause(random.below(15))
    if (random.chance(0.5)) takeSpace(random.chance(0.3) ? 0 : random.below(200_000))
    else takeFiles(random.below(3))
    await pause(random.below(30))
    makeRoom()
  }
}

async function live(seed: number, random: SeededRandom, oracle: Oracle): Promise<void> {
  const onBackgroundError = (error: DatabaseError): void => oracle.failed(error)
  const db = await Database.open(DATABASE, { ...smallOptions(journalOf(seed)), onBackgroundError })
  let isOver = false
  const filling = fillNowAndThen(random, () => isOver)
  try {
    await new Writer(db, { seed, depth: 1, patience: PATIENCE }, oracle).run(STEPS)
  } finally {
    isOver = true
    await filling
  }
  assert.deepEqual(
    [...new Set(oracle.failures)].filter(code => code !== 'MANIFOLD_NO_SPACE'),
    [],
  )
  // Neither closing nor opening on a full disk harms anything.
  if (random.chance(0.5)) takeSpace(random.below(50_000))
  await db.close().catch(checkRefused)
  const opened = await Database.open(DATABASE, smallOptions(journalOf(seed))).catch(checkRefused)
  await opened?.close().catch(checkRefused)
  makeRoom()
}

async function round(seed: number): Promise<number> {
  const random = new SeededRandom(seed)
  const oracle = new Oracle(seed, 'acknowledged')
  if (random.chance(0.6)) withThreads()
  else withoutThreads()
  await live(seed, random, oracle)
  await oracle.checkAt(DATABASE, journalOf(seed))
  assert.equal(oracle.acknowledgements, 3 * STEPS, 'every step was taken in the end')
  for (const name of fs.readdirSync(directory)) fs.rmSync(path.join(directory, name))
  // A round in which nothing was refused has shown nothing.
  return oracle.failures.length > 0 ? 1 : 0
}

endWithParent()
const failure = failureOf('mount', '-t', 'tmpfs', '-o', `size=${BYTES},nr_inodes=${FILES}`, 'none', directory)
if (failure !== undefined) throw new Error(failure)
const target = runs(25, 1250)
figure('full disks', await repeat('full disks', 'full-disk', target, round), target)

import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { SeededRandom } from '../../src/platform/simulated/random.ts'
import { figure } from '../support/figures.ts'
import { runs } from '../support/open.ts'
import { WritingProcess } from './child-process.ts'
import { Oracle, withoutThreads } from './oracle.ts'
import { journalOf, newDirectory, repeat } from './rounds.ts'

/** The same database lives through so many kills; some find it in the middle of a recovery from the one before. */
const KILLS_PER_DATABASE = 6
const STEPS = 100_000

let directory = ''

before(() => {
  withoutThreads()
  directory = newDirectory()
})
after(() => fs.rmSync(directory, { recursive: true }))

/** Until then the write thread of the journal has started and carries what is committed. */
const THREAD_MILLIS = 60

/**
 * When a writer is killed: some milliseconds after it was given its task, or after it has said some lines, or so late that
 * its write thread is at work.
 */
function momentOf(random: SeededRandom): { millis: number; lines: number } {
  if (random.chance(1 / 3)) return { millis: THREAD_MILLIS + random.below(90), lines: Infinity }
  return random.chance(0.5)
    ? { millis: random.below(40), lines: Infinity }
    : { millis: 1000, lines: 1 + random.below(100) }
}

async function killWriter(database: string, seed: number, random: SeededRandom, oracle: Oracle): Promise<void> {
  const { millis, lines } = momentOf(random)
  let linesLeft = lines
  const writer = new WritingProcess([], {}, line => {
    if (line !== 'ready' && --linesLeft === 0) writer.kill()
  })
  await writer.ready()
  const timer = setTimeout(() => writer.kill(), millis)
  const depth = 1 + random.below(3)
  const task = { path: database, journal: journalOf(seed), seed, depth, patience: 0, steps: STEPS, reopenings: 0 }
  try {
    await writer.perform(task, oracle)
    const { signal } = await writer.end()
    assert.equal(signal, 'SIGKILL', `the writer ended by itself: ${writer.others.join('; ')} ${writer.errors}`)
  } finally {
    clearTimeout(timer)
    writer.kill()
  }
}

async function round(seed: number): Promise<number> {
  const random = new SeededRandom(seed)
  const database = path.join(directory, 'app.manifold')
  const oracle = new Oracle(seed, 'acknowledged')
  for (let kill = 1; kill <= KILLS_PER_DATABASE; kill++) {
    await killWriter(database, seed, random, oracle)
    // Otherwise the next writer is the one that recovers, and is killed in turn.
    if (kill === KILLS_PER_DATABASE || random.chance(0.6)) await oracle.checkAt(database, journalOf(seed))
  }
  for (const name of fs.readdirSync(directory)) fs.rmSync(path.join(directory, name))
  return KILLS_PER_DATABASE
}

test('a killed process loses nothing that was acknowledged, of whatever durability', async () => {
  const target = runs(300, 20_000)
  const reached = await repeat('SIGKILL rounds', 'sigkill', target, round)
  figure('SIGKILL rounds', reached, target)
})

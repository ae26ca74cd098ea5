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

/** So many steps, in each lane, take longer than the start of a write thread. */
const WARMING_STEPS = 12

/**
 * Has the writer open, fill and close another database first. A write thread takes some 30 ms to start and is kept for the next
 * database: so it carries commits of the one that counts from the first on, however soon the kill comes.
 */
async function warm(writer: WritingProcess, seed: number): Promise<void> {
  const other = path.join(directory, 'other')
  fs.rmSync(other, { recursive: true, force: true })
  fs.mkdirSync(other)
  const settings = { journal: journalOf(seed), depth: 1, patience: 0, steps: WARMING_STEPS, reopenings: 0 }
  await writer.perform({ path: path.join(other, 'app.manifold'), seed, ...settings }, new Oracle(seed, 'acknowledged'))
}

/**
 * Kills a writer: some milliseconds after it was given its task, or after it has said some lines. Six in ten of those
 * with a write thread have it before they begin, as a process has that runs for more than a moment.
 */
async function killWriter(database: string, seed: number, random: SeededRandom, oracle: Oracle): Promise<void> {
  const byLines = random.chance(0.5)
  let linesLeft = Infinity
  const writer = new WritingProcess([], {}, line => {
    if (line !== 'ready' && --linesLeft === 0) writer.kill()
  })
  await writer.ready()
  if (journalOf(seed) === 'async' && random.chance(0.6)) await warm(writer, seed)
  linesLeft = byLines ? 1 + random.below(100) : Infinity
  const timer = setTimeout(() => writer.kill(), byLines ? 1000 : random.below(60))
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
  for (const name of fs.readdirSync(directory)) fs.rmSync(path.join(directory, name), { recursive: true })
  return KILLS_PER_DATABASE
}

test('a killed process loses nothing that was acknowledged, of whatever durability', async () => {
  const target = runs(300, 20_000)
  const reached = await repeat('SIGKILL rounds', 'sigkill', target, round)
  figure('SIGKILL rounds', reached, target)
})

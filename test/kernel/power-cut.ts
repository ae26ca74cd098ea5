import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import path from 'node:path'
import { Database, DatabaseError } from '../../src/index.ts'
import { SeededRandom } from '../../src/platform/simulated/random.ts'
import { figure } from '../support/figures.ts'
import { runs } from '../support/open.ts'
import { Oracle, withoutThreads, withThreads } from './oracle.ts'
import { journalOf, repeat } from './rounds.ts'
import { smallOptions } from './small-options.ts'
import { endWithParent, failureOf, PATH } from './tools.ts'
import { Writer } from './writer.ts'

/**
 * Cuts the power of a real file system again and again while a database on it is written to, and checks what it holds
 * after each. To be run in a mount namespace of its own: whatever is mounted here is gone with this process, and the loop
 * device with it, however the process ends.
 *
 * A cut is the file system's own shutdown without a flush of its log: from one moment to the next nothing reaches the
 * device any more, and what was not synced is lost with the page cache.
 */
const [kind, directory] = process.argv.slice(2) as ['ext4' | 'xfs', string]
const NAMES = { ext4: 'ext4', xfs: 'XFS' }

const IMAGE_BYTES = 320 * 1024 * 1024
const IMAGE = path.join(directory, 'image')
const MOUNT = path.join(directory, 'mount')
const DATABASE = path.join(MOUNT, 'app.manifold')
const CUTS_PER_IMAGE = 10
const ENDLESS_STEPS = 1_000_000
/** Until then the write thread of the journal has started and carries what is committed. */
const THREAD_MILLIS = 60
/** Far more than the longest delay of a sync and the sync itself. */
const REST_MILLIS = 60

function run(program: string, ...flags: readonly string[]): void {
  const failure = failureOf(program, ...flags)
  if (failure !== undefined) throw new Error(failure)
}

function mountImage(): void {
  run('mount', '-o', 'loop', IMAGE, MOUNT)
}

function newImage(): void {
  fs.rmSync(IMAGE, { force: true })
  fs.writeFileSync(IMAGE, '')
  fs.truncateSync(IMAGE, IMAGE_BYTES)
  run(`mkfs.${kind}`, '-q', IMAGE)
  mountImage()
}

/** Meanwhile this process goes on writing. */
async function shutDown(): Promise<void> {
  const program = spawn('xfs_io', ['-x', '-c', 'shutdown', MOUNT], { stdio: 'ignore', env: { ...process.env, PATH } })
  const [code] = await once(program, 'close')
  assert.equal(code, 0, 'xfs_io -x -c shutdown')
}

function ignoreRefusal(error: unknown): void {
  if (!(error instanceof DatabaseError)) throw error
}

function pause(millis: number): Promise<void> {
  return new Promise(resolve => void setTimeout(resolve, millis))
}

/** The power fails while the database is opened, which after an earlier cut is in the middle of recovery. */
async function cutOpening(seed: number, random: SeededRandom): Promise<void> {
  const opening = Database.open(DATABASE, smallOptions(journalOf(seed)))
  const closed = opening.then(db => db.close()).catch(ignoreRefusal)
  await pause(random.below(8))
  await shutDown()
  await closed
}

/** The power fails while all lanes write, or after they have rested, or after a sync. */
async function cutWriting(seed: number, random: SeededRandom, oracle: Oracle, threads: boolean): Promise<void> {
  const onBackgroundError = (error: DatabaseError): void => oracle.failed(error)
  const db = await Database.open(DATABASE, { ...smallOptions(journalOf(seed)), onBackgroundError })
  const writer = new Writer(db, { seed, depth: 1 + random.below(3), patience: 0 }, oracle)
  const writing = writer.run(ENDLESS_STEPS).catch(ignoreRefusal)
  await pause(random.below(40) + (threads && random.chance(0.5) ? THREAD_MILLIS : 0))
  if (random.chance(0.3)) {
    writer.stop()
    await writing
    await (random.chance(0.5) ? writer.rest(REST_MILLIS) : writer.sync())
  }
  await shutDown()
  await writing
  await db.close().catch(ignoreRefusal)
}

/** The power comes back. Everything that was acknowledged as durable is there, and what is shown stays after one more cut. */
async function recover(seed: number, random: SeededRandom, oracle: Oracle): Promise<void> {
  run('umount', MOUNT)
  mountImage()
  if (random.chance(0.7)) return oracle.checkAt(DATABASE, journalOf(seed))
  const db = await Database.open(DATABASE, smallOptions(journalOf(seed)))
  await oracle.check(db)
  await shutDown()
  await db.close().catch(ignoreRefusal)
  run('umount', MOUNT)
  mountImage()
  await oracle.checkAt(DATABASE, journalOf(seed))
}

async function round(seed: number): Promise<number> {
  const random = new SeededRandom(seed)
  const oracle = new Oracle(seed, 'durable')
  newImage()
  for (let cut = 0; cut < CUTS_PER_IMAGE; cut++) {
    const threads = random.chance(0.6)
    if (threads) withThreads()
    else withoutThreads()
    if (random.chance(0.15)) await cutOpening(seed, random)
    else await cutWriting(seed, random, oracle, threads)
    await recover(seed, random, oracle)
  }
  run('umount', MOUNT)
  return CUTS_PER_IMAGE
}

endWithParent()
run('mount', '-t', 'tmpfs', '-o', 'size=400m', 'none', directory)
fs.mkdirSync(MOUNT)
const what = `real power cuts, ${NAMES[kind]}`
const target = runs(100, 5000)
figure(what, await repeat(what, 'power-cut', target, round), target)

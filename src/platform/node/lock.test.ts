import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { DatabaseError } from '../../base/errors.ts'
import { takeFlock } from './flock.ts'
import { takeLockFile } from './lock-file.ts'
import { decodeLockOwner, encodeLockOwner } from './lock-record.ts'
import { acquireLock } from './lock.ts'
import type { LockTechnique } from './lock.ts'
import { lifeOf, thisOwner } from './process-identity.ts'

const CONTENDERS = 24
const ROUNDS = 20 * Number(process.env['MANIFOLD_TEST_RUNS'] ?? 1)

let directory = ''
let unused = 0

before(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'manifold-lock-'))
})
after(async () => {
  await Promise.all(started.map(contender => contender.kill()))
  fs.rmSync(directory, { recursive: true })
})

function lockPath(): string {
  return path.join(directory, `${unused++}-lock`)
}

const lockModule = new URL(import.meta.url.replace('lock.test.', 'lock.'))

/**
 * For every line `path technique` that it is told, tries to take that lock and says 'held' or the error's code and
 * message. Lives until it is killed.
 */
const CONTENDER = `
  const { createInterface } = await import('node:readline')
  const { acquireLock } = await import(process.argv[1])
  createInterface({ input: process.stdin }).on('line', line => {
    try {
      acquireLock(...line.split(' '))
      console.log('held')
    } catch (error) {
      console.log(error.code + ' ' + error.message)
    }
  })
  console.log('ready')
`

/** All that were started: a child that a failed test leaves behind would keep this process from ending. */
const started: Contender[] = []

class Contender {
  readonly child: ChildProcess
  readonly #lines: AsyncIterator<string>

  private constructor(child: ChildProcess) {
    this.child = child
    this.#lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]()
  }

  static async start(env: NodeJS.ProcessEnv = process.env): Promise<Contender> {
    const flags = ['--input-type=module', '-e', CONTENDER, lockModule.href]
    const contender = new Contender(spawn(process.execPath, flags, { stdio: ['pipe', 'pipe', 'inherit'], env }))
    started.push(contender)
    assert.equal((await contender.#lines.next()).value, 'ready')
    return contender
  }

  async take(file: string, technique: LockTechnique): Promise<string> {
    this.child.stdin!.write(`${file} ${technique}\n`)
    return String((await this.#lines.next()).value)
  }

  async kill(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return
    const exit = once(this.child, 'exit')
    this.child.kill('SIGKILL')
    await exit
  }
}

function lockedBy(pid: number): (error: unknown) => boolean {
  return error =>
    error instanceof DatabaseError && error.code === 'MANIFOLD_LOCKED' && error.message.includes(`process ${pid}`)
}

/** The record that a process left by dying with the lock. */
async function staleRecord(technique: LockTechnique): Promise<string> {
  const file = lockPath()
  const contender = await Contender.start()
  assert.equal(await contender.take(file, technique), 'held')
  await contender.kill()
  const record = fs.readFileSync(file, 'latin1')
  assert.equal(decodeLockOwner(record)?.pid, contender.child.pid)
  fs.unlinkSync(file)
  return record
}

const hasFlock = ((): boolean => {
  const file = path.join(os.tmpdir(), `manifold-flock-${process.pid}`)
  const held = takeFlock(file)
  held?.release()
  fs.rmSync(file, { force: true })
  return held !== undefined
})()
const techniques: readonly LockTechnique[] = hasFlock ? ['flock', 'file'] : ['file']

for (const technique of techniques) {
  test(`${technique}: another process is refused, by its holder's name, and this one cannot open twice`, async () => {
    const file = lockPath()
    const lock = acquireLock(file, technique)
    const contender = await Contender.start()
    const answer = await contender.take(file, technique)
    assert.ok(answer.startsWith(`MANIFOLD_LOCKED The database is locked by process ${process.pid} `), answer)
    assert.throws(() => acquireLock(file, technique), /already open in this process/)
    lock.releaseSync()
    lock.releaseSync()
    assert.equal(await contender.take(file, technique), 'held')
    assert.throws(() => acquireLock(file, technique), lockedBy(contender.child.pid!))
    await contender.kill()
    acquireLock(file, technique).releaseSync()
    assert.deepEqual(leftovers(file), technique === 'flock' ? [path.basename(file)] : [])
  })

  test(`${technique}: of many that take over from a dead holder at once, exactly one wins`, async () => {
    const record = await staleRecord(technique)
    const contenders = await Promise.all(Array.from({ length: CONTENDERS }, () => Contender.start()))
    try {
      for (let round = 0; round < ROUNDS; round++) {
        const file = lockPath()
        fs.writeFileSync(file, record)
        const answers = await Promise.all(contenders.map(contender => contender.take(file, technique)))
        const winners = contenders.filter((_, index) => answers[index] === 'held')
        assert.equal(winners.length, 1, `round ${round}: ${answers.join('\n')}`)
        const losers = answers.filter(answer => answer.startsWith('MANIFOLD_LOCKED'))
        assert.equal(losers.length, CONTENDERS - 1, answers.join('\n'))
        assert.equal(decodeLockOwner(fs.readFileSync(file, 'latin1'))?.pid, winners[0]!.child.pid)
        assert.deepEqual(leftovers(file), [path.basename(file)], 'no guard and no temporary file is left')
      }
    } finally {
      await Promise.all(contenders.map(contender => contender.kill()))
    }
  })

  test(`${technique}: another name of the directory and another thread are the same database`, async () => {
    const file = lockPath()
    const lock = acquireLock(file, technique)
    const alias = `${directory}-alias`
    fs.symlinkSync(directory, alias)
    try {
      assert.throws(() => acquireLock(path.join(alias, path.basename(file)), technique), /already open in this process/)
    } finally {
      fs.unlinkSync(alias)
    }
    const body = `
      import(process.argv[2]).then(({ acquireLock }) => {
        const { parentPort } = require('node:worker_threads')
        try { acquireLock(process.argv[3], process.argv[4]); parentPort.postMessage('held') }
        catch (error) { parentPort.postMessage(error.message) }
      })`
    const worker = new Worker(body, { eval: true, argv: [lockModule.href, file, technique], execArgv: [] })
    const [message] = await once(worker, 'message')
    assert.match(String(message), /already open in this process/)
    await worker.terminate()
    lock.releaseSync()
  })

  test(`${technique}: a lock file that was removed by hand does not let this process open twice`, () => {
    const file = lockPath()
    const lock = acquireLock(file, technique)
    fs.unlinkSync(file)
    assert.throws(() => acquireLock(file, technique), /already open in this process/)
    lock.releaseSync()
    acquireLock(file, technique).releaseSync()
  })

  test(`${technique}: no link is followed, and nothing is left in a directory that is not there`, () => {
    const file = lockPath()
    fs.writeFileSync(`${file}-target`, 'precious')
    fs.symlinkSync(`${file}-target`, file)
    assert.throws(() => acquireLock(file, technique), { code: 'ELOOP' })
    assert.equal(fs.readFileSync(`${file}-target`, 'utf8'), 'precious')
    assert.throws(() => acquireLock(path.join(directory, 'none', 'x-lock'), technique), { code: 'ENOENT' })
  })

  test(`${technique}: what a power cut left of a lock file does not keep anybody out`, () => {
    for (const left of ['', '\0'.repeat(512), '{"pid":', '{"pid":-1}', '[]', 'null', '{"pid":1e99}']) {
      const file = lockPath()
      fs.writeFileSync(file, left)
      acquireLock(file, technique).releaseSync()
    }
  })
}

function leftovers(file: string): string[] {
  return fs.readdirSync(directory).filter(name => name.startsWith(path.basename(file)))
}

test('the techniques respect each other', { skip: !hasFlock }, () => {
  for (const [first, second] of [
    [takeFlock, takeLockFile],
    [takeLockFile, takeFlock],
  ] as const) {
    const file = lockPath()
    const lock = first(file)
    assert.throws(() => second(file), /already open in this process/)
    lock!.release()
    second(file)!.release()
  }
})

test('without the flock program the lock file alone is used', async () => {
  const file = lockPath()
  const contender = await Contender.start({ ...process.env, PATH: path.join(directory, 'none') })
  assert.equal(await contender.take(file, 'flock'), 'held')
  assert.equal(decodeLockOwner(fs.readFileSync(file, 'latin1'))?.technique, 'file')
  assert.throws(() => acquireLock(file, 'flock'), lockedBy(contender.child.pid!))
  await contender.kill()
  acquireLock(file, 'flock').releaseSync()
})

/** The name of the guard that a takeover of `file` uses. */
function guardOf(file: string): string {
  const link = fs.linkSync
  const names: string[] = []
  fs.linkSync = (from, to) => {
    names.push(String(to))
    link(from, to)
  }
  try {
    takeLockFile(file).release()
  } finally {
    fs.linkSync = link
  }
  return names.find(name => name !== file)!
}

test('while another holds the guard nobody takes over; when its holder has died, the guard is taken over as well', async () => {
  const file = lockPath()
  const record = await staleRecord('file')
  fs.writeFileSync(file, record)
  const guard = guardOf(file)

  fs.writeFileSync(file, record)
  const living = await Contender.start()
  fs.writeFileSync(guard, encodeLockOwner({ ...thisOwner('file'), pid: living.child.pid!, start: '' }))
  assert.throws(() => takeLockFile(file), lockedBy(living.child.pid!))
  assert.equal(fs.readFileSync(file, 'latin1'), record)

  await living.kill()
  takeLockFile(file).release()
  assert.deepEqual(leftovers(file), [])
})

test('who lives: pid, start, boot, namespace and host decide, and in doubt it lives', () => {
  const self = thisOwner('file')
  assert.equal(lifeOf(self, self), 'alive')
  assert.equal(lifeOf({ ...self, pid: 0x7fff_fff0 }, self), 'dead')
  if (process.platform !== 'linux') return
  assert.equal(lifeOf({ ...self, start: '1' }, self), 'dead', 'the pid was used again')
  assert.equal(lifeOf({ ...self, boot: 'earlier' }, self), 'dead', 'the machine was started again')
  assert.equal(lifeOf({ ...self, boot: 'other', host: 'other' }, self), 'unknown')
  assert.equal(lifeOf({ ...self, namespace: 'pid:[1]' }, self), 'unknown')
  assert.equal(lifeOf({ ...self, namespace: 'pid:[1]', host: 'other' }, self), 'unknown')
})

test('a process that has ended but was not waited for is dead', { skip: process.platform !== 'linux' }, async () => {
  // A shell would wait for it. It ends once its parent has become a program that does not.
  const script = 'sh -c "until grep -q sleep /proc/$$/comm; do :; done" & echo $!; exec sleep 60'
  const parent = spawn('sh', ['-c', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  try {
    const [pid] = await once(parent.stdout, 'data')
    const owner = { ...thisOwner('file'), pid: Number(String(pid)), start: '' }
    const status = (): string => fs.readFileSync(`/proc/${owner.pid}/stat`, 'latin1')
    while (!status().includes(') Z ')) await new Promise(resolve => setTimeout(resolve, 5))
    assert.equal(lifeOf(owner, thisOwner('file')), 'dead')
  } finally {
    parent.kill('SIGKILL')
  }
})

for (const [technique, call] of [
  ['flock', 'writeSync'],
  ['file', 'unlinkSync'],
] as const) {
  test(`a release by ${technique} that fails throws nothing`, () => {
    const lock = acquireLock(lockPath(), technique)
    const original = fs[call]
    let calls = 0
    Object.assign(fs, {
      [call]: () => {
        calls++
        throw Object.assign(new Error('EIO: i/o error'), { code: 'EIO' })
      },
    })
    try {
      lock.releaseSync()
    } finally {
      Object.assign(fs, { [call]: original })
    }
    assert.equal(calls, 1)
  })
}

test('an owner that cannot be seen is refused with what to do', () => {
  const file = lockPath()
  fs.writeFileSync(file, encodeLockOwner({ ...thisOwner('file'), boot: 'other', host: 'elsewhere', pid: 77 }))
  for (const technique of techniques) {
    assert.throws(
      () => acquireLock(file, technique),
      /process 77 of the machine or container 'elsewhere'.*remove .*-lock\./,
    )
  }
})

test('a record keeps its length and comes back as it was', () => {
  const owner = { ...thisOwner('flock'), host: `${'x'.repeat(300)}"` }
  const record = encodeLockOwner(owner)
  assert.equal(record.length, 512)
  assert.deepEqual(decodeLockOwner(record), { ...owner, host: 'x'.repeat(64) })
})

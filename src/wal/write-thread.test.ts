import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { nodeClock } from '../platform/node/clock.ts'
import { NodeFileSystem } from '../platform/node/file-system.ts'
import { nodeThreads } from '../platform/node/threads.ts'
import type { File } from '../platform/file-system.ts'
import type { Thread, Threads } from '../platform/thread.ts'
import type { OwnerLetter } from '../shared/write-slot.ts'
import {
  COMPLETED,
  FIRST_PART,
  nextNumber,
  REQUESTED,
  RUNNING,
  takeWish,
  TOOK_MICROS,
  WRITTEN,
} from '../shared/write-slot.ts'
import { LogWriter } from './log-writer.ts'
import { WriteThread } from './write-thread.ts'
import { WriteThreadPool } from './write-thread-pool.ts'

const BODY = new URL(import.meta.url.replace('wal/write-thread.test.', 'workers/write-thread.'))
const fileSystem = new NodeFileSystem()
let directory = ''

before(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'manifold-write-thread-'))
})
after(() => fs.rmSync(directory, { recursive: true }))

function newFile(name: string): File {
  const file = path.join(directory, name)
  return fileSystem.openSync(file, { write: true, create: true, exclusive: true, dataSync: true })
}

function shared(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(new SharedArrayBuffer(length))
  for (let i = 0; i < length; i++) bytes[i] = (seed + i * 7) & 0xff
  return bytes
}

function forbidden(): void {
  assert.fail('the thread has run')
}

async function started(pollMicros: number, threads: Threads = nodeThreads): Promise<WriteThread> {
  const thread = new WriteThread(threads, BODY, nodeClock, forbidden)
  thread.pollMicros = pollMicros
  while (!thread.isReady) await new Promise(resolve => setTimeout(resolve, 1))
  return thread
}

/** A thread whose part is played by the test, step by step. */
class PlayedThread implements Thread {
  words: Int32Array = new Int32Array(0)
  #listener: (message: unknown) => void = forbidden

  post(message: unknown): void {
    const letter = message as OwnerLetter
    if (letter.kind === 'begin') this.words = new Int32Array(letter.words)
  }

  onMessage(listener: (message: unknown) => void): void {
    this.#listener = listener
  }

  onExit(): void {}
  hold(): void {}
  async terminate(): Promise<void> {}

  /** All of a write but the last step. */
  complete(): number {
    const number = Atomics.load(this.words, REQUESTED)
    this.words[WRITTEN] = this.words[FIRST_PART + 2]!
    this.words[TOOK_MICROS] = 1000
    Atomics.store(this.words, COMPLETED, number)
    return number
  }

  /** The last step. */
  tell(number: number): void {
    if (takeWish(this.words, number)) this.#listener({ kind: 'done' })
  }
}

async function played(pollMicros: number): Promise<{ owner: WriteThread; thread: PlayedThread }> {
  const thread = new PlayedThread()
  const owner = new WriteThread({ processors: 2, spawn: () => thread }, BODY, nodeClock, forbidden)
  owner.pollMicros = pollMicros
  Atomics.store(thread.words, RUNNING, 1)
  return { owner, thread }
}

test('a thread that is late with one write does not take the wish for the letter of the next one', async () => {
  const { owner, thread } = await played(100)
  const file = newFile('late')
  const bytes = shared(100, 1)
  const first = owner.write(file, true, [bytes], 0)
  const number = thread.complete()
  // The owner looks by itself, and sees the write done before the thread has told.
  assert.equal(await first, 100)
  // The last write took long, so the owner does not look any more: it listens.
  const second = owner.write(file, true, [bytes], 100)
  thread.tell(number)
  thread.tell(thread.complete())
  const timeout = new Promise(resolve => void setTimeout(resolve, 1000, 'no letter has come'))
  assert.equal(await Promise.race([second, timeout]), 100)
})

test('letters that come late are of no account', async () => {
  const { owner, thread } = await played(0)
  const file = newFile('late-letters')
  const bytes = shared(100, 1)
  for (let round = 0; round < 5; round++) {
    const write = owner.write(file, true, [bytes], 0)
    thread.tell(thread.complete())
    assert.equal(await write, 100)
    const next = owner.write(file, true, [bytes], 0)
    thread.tell(thread.words[REQUESTED]! - 1)
    assert.equal(owner.isReady, false)
    thread.tell(thread.complete())
    assert.equal(await next, 100)
  }
})

test('writes are numbered in words, without 0, for as long as a log lives', () => {
  assert.equal(nextNumber(0), 1)
  assert.equal(nextNumber(nextNumber(0x7ffffffe)), 1)
})

for (const pollMicros of [0, 100_000]) {
  test(`what is written from many buffers is in the file (looking for ${pollMicros} µs)`, async () => {
    const file = newFile(`buffers-${pollMicros}`)
    const thread = await started(pollMicros)
    const buffers = Array.from({ length: 100 }, (_, i) => shared(60_000, i))
    const expected: number[] = []
    for (let round = 0; round < 1500; round++) {
      const bytes = buffers[(round * 7) % buffers.length]!.subarray(round, 3 * (round % 300) + round + 1)
      assert.equal(await thread.write(file, true, [bytes], expected.length), bytes.length)
      expected.push(...bytes)
    }
    const found = new Uint8Array(expected.length)
    assert.equal(file.readSync(found, 0), expected.length)
    assert.deepEqual([...found], expected)
    await thread.terminate()
    file.closeSync()
  })
}

test('positions above 2^32 are exact', async () => {
  const file = newFile('far')
  const thread = await started(0)
  const position = 5 * 2 ** 32 + 12_345
  await thread.write(file, true, [shared(10, 1)], position)
  assert.equal(file.size(), position + 10)
  await thread.terminate()
  file.closeSync()
})

test('an error of the operating system rejects with its code, and the thread goes on', async () => {
  const thread = await started(100)
  const readable = newFile('readable')
  readable.closeSync()
  const file = fileSystem.openSync(path.join(directory, 'readable'), {
    write: false,
    create: false,
    exclusive: false,
    dataSync: false,
  })
  await assert.rejects(thread.write(file, false, [shared(10, 1)], 0), { code: 'EBADF' })
  await assert.rejects(thread.writeZeros(file, 0, 10), { code: 'EBADF' })
  const good = newFile('good')
  assert.equal(await thread.write(good, true, [shared(10, 1)], 0), 10)
  await thread.terminate()
  good.closeSync()
  file.closeSync()
})

test('zeros are written beside writes', async () => {
  const thread = await started(100)
  const file = newFile('zeros')
  const other = newFile('beside')
  const zeros = thread.writeZeros(file, 4096, 3_000_001)
  assert.equal(thread.isWritingZeros, true)
  assert.equal(await thread.write(other, true, [shared(500, 9)], 0), 500)
  await zeros
  assert.equal(file.size(), 3_000_001)
  assert.equal(thread.isWritingZeros, false)
  await thread.terminate()
  file.closeSync()
  other.closeSync()
})

/** Threads that tell of the one they start. */
function seen(into: Thread[]): Threads {
  return {
    processors: nodeThreads.processors,
    spawn(body) {
      const thread = nodeThreads.spawn(body)
      into.push(thread)
      return thread
    },
  }
}

test('a write whose thread ends is written all the same', async () => {
  const threads: Thread[] = []
  for (let round = 0; round < 10; round++) {
    const thread = await started(100, seen(threads))
    const file = newFile(`ended-${round}`)
    const bytes = shared(200_000, round)
    const written = thread.write(file, true, [bytes], 0)
    if (round % 2 === 0) await new Promise(resolve => void setImmediate(resolve))
    void threads.at(-1)!.terminate()
    assert.equal(await written, 200_000)
    const found = new Uint8Array(200_000)
    file.readSync(found, 0)
    assert.deepEqual(found, Uint8Array.from(bytes))
    file.closeSync()
  }
})

test('zeros whose thread ends are written all the same', async () => {
  const threads: Thread[] = []
  const writer = new LogWriter(new WriteThreadPool(seen(threads), nodeClock), 100)
  for (let round = 0; round < 10; round++) {
    const file = newFile(`zeros-ended-${round}`)
    // Until a thread runs the I/O threads write.
    await writer.write(file, { through: true, hasOwnMemory: true }, [shared(10, 1)], 0)
    await new Promise(resolve => setTimeout(resolve, 100))
    const zeros = writer.writeZeros(file, 4096, 30_000_000)
    await new Promise(resolve => setTimeout(resolve, round))
    void threads.at(-1)!.terminate()
    await zeros
    assert.equal(file.size(), 30_000_000)
    file.closeSync()
  }
  assert.ok(threads.length > 1)
  writer.close()
})

test('where threads cannot run the I/O threads write', async () => {
  const broken: Threads = {
    processors: 2,
    spawn: () => {
      throw new Error('no threads here')
    },
  }
  const writer = new LogWriter(new WriteThreadPool(broken, nodeClock), 100)
  const file = newFile('no-threads')
  await writer.writeZeros(file, 0, 1000)
  await writer.write(file, { through: true, hasOwnMemory: true }, [shared(10, 3)], 100)
  assert.equal(file.size(), 1000)
  writer.close()
  file.closeSync()
})

test('a thread that has nothing to do holds no process, and one with a write does', () => {
  const url = (name: string): string => JSON.stringify(import.meta.url.replace('wal/write-thread.test.', name))
  const source = `
    import { nodeClock } from ${url('platform/node/clock.')}
    import { nodeThreads } from ${url('platform/node/threads.')}
    import { NodeFileSystem } from ${url('platform/node/file-system.')}
    import { WriteThread } from ${url('wal/write-thread.')}
    const thread = new WriteThread(nodeThreads, new URL(${url('workers/write-thread.')}), nodeClock, () => {})
    const file = new NodeFileSystem().openSync(process.argv[1], { write: true, create: true, exclusive: true, dataSync: true })
    const bytes = new Uint8Array(new SharedArrayBuffer(8_000_000))
    const timer = setInterval(() => {
      if (!thread.isReady) return
      clearInterval(timer)
      thread.write(file, true, [bytes], 0).then(written => console.log('written', written))
    }, 1)
  `
  const settings = ['--input-type=module', '--eval', source, path.join(directory, 'held')]
  const { stdout, stderr, status } = spawnSync(process.execPath, settings, { encoding: 'utf8', timeout: 60_000 })
  assert.deepEqual([stdout, stderr, status], ['written 8000000\n', '', 0])
})

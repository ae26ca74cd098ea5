import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import type { Thread } from '../thread.ts'
import { nodeThreads } from './threads.ts'

let directory = ''

before(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'manifold-threads-'))
})
after(() => fs.rmSync(directory, { recursive: true }))

const port = new URL(import.meta.url.replace('threads.test.', 'thread-port.'))
const threads = new URL(import.meta.url.replace('threads.test.', 'threads.'))

function bodyOf(source: string): URL {
  const file = path.join(directory, `body-${fs.readdirSync(directory).length}.mjs`)
  fs.writeFileSync(file, `import { threadPort } from '${port.href}'\nconst port = threadPort()\n${source}`)
  return pathToFileURL(file)
}

function exitOf(thread: Thread): Promise<Error | undefined> {
  return new Promise(resolve => thread.onExit(resolve))
}

const ECHO = 'port.onMessage(message => port.post({ echo: message }))'

test('messages go both ways, and terminating is no error', async () => {
  const thread = nodeThreads.spawn(bodyOf(ECHO))
  const exit = exitOf(thread)
  thread.hold(true)
  const answer = new Promise(resolve => thread.onMessage(resolve))
  thread.post([1, 2])
  assert.deepEqual(await answer, { echo: [1, 2] })
  await thread.terminate()
  assert.equal(await exit, undefined)
})

test('a thread that ends by itself says how', async () => {
  const ended = nodeThreads.spawn(bodyOf('port.onMessage(() => port.close())'))
  ended.hold(true)
  ended.post('end')
  assert.equal(await exitOf(ended), undefined)
  const thrown = nodeThreads.spawn(bodyOf('throw new Error("lost")'))
  thrown.hold(true)
  assert.equal((await exitOf(thrown))?.message, 'lost')
  const left = nodeThreads.spawn(bodyOf('process.exit(3)'))
  left.hold(true)
  assert.match((await exitOf(left))?.message ?? '', /exit code 3/)
})

test('memory is shared with a thread', async () => {
  const shared = new Int32Array(new SharedArrayBuffer(4))
  const thread = nodeThreads.spawn(bodyOf('port.onMessage(words => { Atomics.add(words, 0, 5); port.post("done") })'))
  thread.hold(true)
  const answer = new Promise(resolve => thread.onMessage(resolve))
  thread.post(shared)
  await answer
  assert.equal(Atomics.load(shared, 0), 5)
  await thread.terminate()
})

/** How a process that starts a thread and then runs `rest` ends, and what it prints. */
function run(rest: string): { code: number | null; output: string } {
  const source = `
    import { nodeThreads } from '${threads.href}'
    const thread = nodeThreads.spawn(new URL('${bodyOf(ECHO).href}'))
    ${rest}`
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', source], {
    encoding: 'utf8',
    timeout: 10_000,
  })
  return { code: status, output: stdout + stderr }
}

test('a thread keeps the process alive only while it is held', () => {
  assert.deepEqual(run('thread.onMessage(() => {}); thread.post(1)'), { code: 0, output: '' })
  const held =
    'thread.onMessage(() => { console.log("answered"); thread.hold(false) }); thread.hold(true); thread.post(1)'
  assert.deepEqual(run(held), { code: 0, output: 'answered\n' })
})

test('a body that is not there ends the thread, not the process', async () => {
  const thread = nodeThreads.spawn(pathToFileURL(path.join(directory, 'none.mjs')))
  thread.hold(true)
  assert.match((await exitOf(thread))?.message ?? '', /none\.mjs/)
})

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import type { JournalMode } from '../../src/index.ts'
import { JOURNALS } from '../support/open.ts'

const INDEX = new URL('../../src/index.js', import.meta.url)

/** Time for what a commit leaves behind: delayed syncs, the search of the write thread, garbage. */
const SETTLING_MILLIS = 500
const IDLE_MILLIS = 1500
/** Of the processor, over all threads of the process. A thread that spins takes all of the 1500 ms, or as much of them as it gets. */
const CPU_MILLIS_MAX = 60
/** One that looks for work a thousand times a second would stay below that, but switches as often. */
const SWITCHES_MAX = 300

interface Idle {
  readonly threads: number
  readonly cpuMillis: number
  readonly switches: number
}

/** Runs a process that writes to a database and then leaves it open. */
function idle(file: string, journal: JournalMode): Idle {
  const source = `
    import { Database, table, uint, utf8 } from '${INDEX.href}'
    let threads = 0
    process.on('worker', worker => {
      threads++
      worker.once('exit', () => threads--)
    })
    const db = await Database.open(${JSON.stringify(file)}, { journal: '${journal}' })
    const words = table('words', { key: uint, value: utf8 })
    const pause = millis => new Promise(resolve => setTimeout(resolve, millis))
    for (let i = 0; i < 60; i++) {
      for (const durability of ['immediate', 'eventual', 'none'])
        await db.columnFamily('f' + (i % 3)).table(words).put(i, 'x'.repeat(500), { durability })
      if (i === 30) await db.checkpoint()
      await pause(2)
    }
    await db.checkpoint()
    for (const durability of ['immediate', 'eventual', 'none']) await db.table(words).put(1, 'late', { durability })
    await pause(${SETTLING_MILLIS})
    const switches = () => process.resourceUsage().voluntaryContextSwitches
    const [before, cpu] = [switches(), process.cpuUsage()]
    await pause(${IDLE_MILLIS})
    const { user, system } = process.cpuUsage(cpu)
    console.log(JSON.stringify({ threads, cpuMillis: (user + system) / 1000, switches: switches() - before }))
    await db.close()`
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', source], {
    encoding: 'utf8',
  })
  assert.equal(status, 0, stderr)
  return JSON.parse(stdout) as Idle
}

for (const journal of JOURNALS) {
  test(`journal '${journal}': an idle database takes next to nothing of the processor`, context => {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'manifold-idle-'))
    try {
      const { threads, cpuMillis, switches } = idle(path.join(directory, 'app.manifold'), journal)
      context.diagnostic(`${threads} threads, ${cpuMillis} ms, ${switches} switches`)
      // Its threads are there, or the test would show nothing of them.
      assert.ok(threads >= (journal === 'async' ? 2 : 1), `${threads} threads`)
      assert.ok(cpuMillis < CPU_MILLIS_MAX, `${cpuMillis} ms of a processor in ${IDLE_MILLIS} ms`)
      assert.ok(switches < SWITCHES_MAX, `${switches} times a thread was woken in ${IDLE_MILLIS} ms`)
    } finally {
      fs.rmSync(directory, { recursive: true, force: true })
    }
  })
}

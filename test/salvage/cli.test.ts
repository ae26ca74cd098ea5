import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Database } from '../../src/index.ts'
import { salvage, verify } from '../../src/repair.ts'
import { words } from '../support/open.ts'
import { rejects } from '../support/refusal.ts'

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'manifold-cli-'))
after(() => fs.rmSync(folder, { recursive: true, force: true }))

const extension = import.meta.url.slice(import.meta.url.lastIndexOf('.'))
const CLI = fileURLToPath(new URL(`../../src/cli${extension}`, import.meta.url))

function run(...args: readonly string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [CLI, ...args], { encoding: 'utf8' })
}

async function makeDatabase(name: string): Promise<string> {
  const file = path.join(folder, name)
  const db = await Database.open(file)
  await db.table(words).putMany(Array.from({ length: 5000 }, (_, i) => [`k${i}`, `value ${i}`] as const))
  await db.close()
  return file
}

function damage(file: string, page: number): void {
  const descriptor = fs.openSync(file, 'r+')
  fs.writeSync(descriptor, Uint8Array.of(0xff, 0xee, 0xdd), 0, 3, page * 8192 + 777)
  fs.closeSync(descriptor)
}

test('manifold verify: the exit code says whether the files are whole; nothing is written', async () => {
  const file = await makeDatabase('whole.manifold')
  const before = fs.readdirSync(folder)
  const whole = run('verify', file)
  assert.equal(whole.status, 0, whole.stderr)
  assert.match(whole.stdout, /default\/words: 5000 entries/)
  assert.match(whole.stdout, /is whole\.\n$/)
  damage(file, 3)
  const bytes = fs.readFileSync(file)
  const damaged = run('verify', file, '--json', '--quiet')
  assert.equal(damaged.status, 1)
  assert.equal(damaged.stderr, '')
  const report = JSON.parse(damaged.stdout)
  assert.equal(report.problems[0].error.code, 'MANIFOLD_CORRUPTION')
  assert.equal(report.problems[0].error.offset, 3 * 8192)
  assert.ok(bytes.equals(fs.readFileSync(file)))
  assert.deepEqual(fs.readdirSync(folder), before)
})

test('manifold repair: writes a new database and says what was lost', async () => {
  const file = await makeDatabase('damaged.manifold')
  const target = path.join(folder, 'repaired.manifold')
  damage(file, 3)
  const bytes = fs.readFileSync(file)
  const { status, stdout, stderr } = run('repair', file, target)
  assert.equal(status, 1, stderr)
  assert.match(stderr, /entries/, 'progress')
  assert.match(stdout, /damaged leaf: bytes 24576 to 32768/)
  assert.ok(bytes.equals(fs.readFileSync(file)))
  const db = await Database.open(target)
  const left = db.table(words).count()
  assert.ok(left > 4000 && left < 5000)
  assert.match(stdout, new RegExp(`default/words: ${left} entries, ${5000 - left} lost`))
  await db.close()
  assert.equal(run('verify', target).status, 0)
  assert.equal(run('repair', file, target).status, 3, 'the target is there')
})

test('manifold: wrong usage is told apart from failure', () => {
  for (const args of [[], ['verify'], ['repair', 'a'], ['mend', 'a'], ['verify', 'a', '--nonsense']]) {
    const { status, stderr } = run(...args)
    assert.equal(status, 2, args.join(' '))
    assert.match(stderr, /Usage: manifold/)
  }
  assert.match(run('--help').stdout, /Exit codes/)
  const missing = run('verify', path.join(folder, 'none'))
  assert.equal(missing.status, 3)
  assert.match(missing.stderr, /none/)
})

test('a database that somebody has open is neither verified nor salvaged from outside', async () => {
  const file = path.join(folder, 'open.manifold')
  const db = await Database.open(file)
  await rejects(verify(file), 'MANIFOLD_LOCKED', /already open/)
  await rejects(salvage(file, path.join(folder, 'x')), 'MANIFOLD_LOCKED', /already open/)
  assert.equal(run('verify', file).status, 3)
  assert.ok(!fs.existsSync(path.join(folder, 'x')))
  await db.close()
})

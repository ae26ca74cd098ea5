import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import * as limits from '../../src/base/limits.ts'
import { Database } from '../../src/index.ts'
import { PAGE_COUNT_MAX } from '../../src/pager/page-format.ts'
import { LOCK_RECORD_BYTES } from '../../src/platform/node/lock-record.ts'
import { projectText } from '../support/project.ts'

const README = projectText('README.md')
const UNITS: Readonly<Record<string, number>> = { bytes: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 }

/** `4 MiB and 4 KiB`, `1000`, `2^53 - 1`, `2,147,483,647 each`. */
function numberOf(text: string): number {
  if (text === '2^53 - 1') return 2 ** 53 - 1
  return text.split(' and ').reduce((sum, part) => {
    const [digits, unit = 'bytes'] = part.replaceAll(',', '').split(' ')
    return sum + Number(digits) * (UNITS[unit] ?? 1)
  }, 0)
}

interface Limit {
  readonly what: string
  readonly value: number
  readonly constant: string
}

function documentedLimits(): Limit[] {
  const section = /## Limits and defaults\n([\s\S]*?)\n## /.exec(README)![1]!
  return [...section.matchAll(/^\| (.+?) \| (.+?) \|(?: `([A-Z_]+)`)? \|$/gm)]
    .filter(([, what]) => what !== 'what')
    .map(([, what, value, constant]) => ({ what: what!, value: numberOf(value!), constant: constant ?? '' }))
}

function documented(what: string): number {
  const limit = documentedLimits().find(row => row.what === what)
  assert.ok(limit !== undefined, `README.md has a row '${what}'`)
  return limit.value
}

test('the quick start is the example', () => {
  const block = /## Quick start\n\n```ts\n([\s\S]*?)```/.exec(README)![1]
  assert.equal(block, projectText('examples', 'quick-start.ts'))
})

test('the table of limits is that of the code', () => {
  const rows = documentedLimits().filter(({ constant }) => constant !== '')
  const found = Object.fromEntries(rows.map(({ constant, value }) => [constant, value]))
  assert.deepEqual(found, { ...limits }, 'each constant of src/base/limits.ts has its row')
  const pages = PAGE_COUNT_MAX * limits.PAGE_BYTES
  assert.equal(Math.ceil(pages / 2 ** 40) * 2 ** 40, documented('data file'))
  assert.equal(documented('column families, and tables, ever created'), 0x7fffffff)
})

test('an empty database is as large as the table says', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'manifold-size-'))
  const file = path.join(folder, 'app.manifold')
  const size = (): { data: number; log: number } => {
    const names = readdirSync(folder).filter(name => name.includes('-wal'))
    return {
      data: statSync(file).size,
      log: names.reduce((sum, name) => sum + statSync(path.join(folder, name)).size, 0),
    }
  }
  try {
    const db = await Database.open(file)
    assert.deepEqual(size(), {
      data: documented('empty database, closed: data file'),
      log: documented('empty database, open: log'),
    })
    await db.close()
    assert.deepEqual(size(), { data: documented('empty database, closed: data file'), log: 0 })
    const lock = documented('empty database, closed: lock file')
    assert.equal(lock, LOCK_RECORD_BYTES)
    // Where there is no flock the lock file goes with the lock.
    for (const name of readdirSync(folder))
      if (name.endsWith('-lock')) assert.equal(statSync(path.join(folder, name)).size, lock)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('what README.md tells to run can be run', () => {
  const { scripts } = JSON.parse(projectText('package.json')) as { scripts: Record<string, string> }
  for (const [, name] of README.matchAll(/npm run (?:-s )?([\w:]+)/g)) assert.ok(name! in scripts, `npm run ${name}`)
  assert.ok('start' in scripts && 'test' in scripts)
  assert.match(README, /<!-- columns:begin -->\n[\s\S]*npm run bench -- columns[\s\S]*\n<!-- columns:end -->/)
})

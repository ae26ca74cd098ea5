import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, describe, test } from 'node:test'
import type { JournalMode } from '../../src/index.ts'
import { Database } from '../../src/index.ts'
import { checksum } from '../../src/base/checksum.ts'
import { PAGE_BYTES } from '../../src/base/limits.ts'
import { HEADER_CHECKSUM_OFFSET, HEADER_VERSION_OFFSET } from '../../src/pager/header-format.ts'
import {
  SEGMENT_CHECKSUM_OFFSET,
  SEGMENT_FORMAT_VERSION,
  SEGMENT_VERSION_OFFSET,
} from '../../src/wal/segment-format.ts'
import { LOGS, words } from '../support/open.ts'
import { rejects } from '../support/refusal.ts'

const root = fs.mkdtempSync(path.join(os.tmpdir(), 'manifold-files-'))
after(() => fs.rmSync(root, { recursive: true, force: true }))

const SEGMENT_BYTES = 64 * 1024

let directories = 0
function newDirectory(): string {
  const directory = path.join(root, String(directories++))
  fs.mkdirSync(directory)
  return directory
}

function snapshotOf(directory: string): Map<string, Buffer> {
  // The lock file belongs to who holds the lock, and stays behind.
  const names = fs.readdirSync(directory).filter(name => !name.endsWith('-lock'))
  return new Map(names.map(name => [name, fs.readFileSync(path.join(directory, name))]))
}

async function closedDatabase(journal: JournalMode = 'async'): Promise<string> {
  const file = path.join(newDirectory(), 'app.manifold')
  const db = await Database.open(file, { journal })
  await db.table(words).putMany(Array.from({ length: 200 }, (_, i) => [`k${i}`, 'x'.repeat(100)] as const))
  await db.close()
  return file
}

/**
 * The files of a database that is open, copied beside it: what a killed process leaves. With `fillers` of half a segment
 * each, its log has several segments.
 */
async function killedDatabase(journal: JournalMode, fillers = 0): Promise<string> {
  const file = await closedDatabase(journal)
  const db = await Database.open(file, { journal: { mode: journal, segmentBytes: SEGMENT_BYTES } })
  await db.table(words).put('late', '1')
  for (let i = 0; i < fillers; i++) await db.table(words).put(`filler${i}`, 'x'.repeat(SEGMENT_BYTES / 2))
  await db.columnFamily('x').table(words).put('late', '2')
  const copy = path.join(newDirectory(), 'app.manifold')
  for (const name of fs.readdirSync(path.dirname(file))) {
    if (!name.endsWith('-lock'))
      fs.copyFileSync(path.join(path.dirname(file), name), path.join(path.dirname(copy), name))
  }
  await db.close()
  return copy
}

/** Opens, checks the code and the advice, and that no file has changed. */
async function refusesToOpen(file: string, code: Parameters<typeof rejects>[1], advice: RegExp): Promise<void> {
  const before = snapshotOf(path.dirname(file))
  for (const readOnly of [false, true]) {
    const error = await rejects(Database.open(file, { readOnly, createIfMissing: false }), code, advice)
    assert.ok(error.message.includes(path.basename(file)), error.message)
    assert.deepEqual(snapshotOf(path.dirname(file)), before)
  }
}

function patch(file: string, change: (bytes: Buffer) => Buffer | void): void {
  const bytes = fs.readFileSync(file)
  fs.writeFileSync(file, change(bytes) ?? bytes)
}

/** A process of its own that runs `body` with the package as `manifold`, and says what it prints. */
function child(body: string, options: { uid?: number; handles?: number } = {}): ChildProcess {
  const entry = new URL('../../src/index.js', import.meta.url).href
  const script = `import * as manifold from ${JSON.stringify(entry)}\n${body}`
  const { handles, ...rest } = options
  const limit = handles === undefined ? '' : `ulimit -n ${handles}; `
  const command = ['-c', `${limit}exec "$0" --input-type=module -e "$1"`, process.execPath, script]
  return spawn('/bin/sh', command, { stdio: ['pipe', 'pipe', 'inherit'], ...rest })
}

async function output(process: ChildProcess): Promise<string> {
  let text = ''
  for await (const chunk of process.stdout!) text += String(chunk)
  return text.trim()
}

test('all files are for their owner alone', async () => {
  const file = path.join(newDirectory(), 'app.manifold')
  const db = await Database.open(file)
  await db.table(words).put('a', '1')
  for (const name of fs.readdirSync(path.dirname(file))) {
    assert.equal(fs.statSync(path.join(path.dirname(file), name)).mode & 0o777, 0o600, name)
  }
  await db.close()
  assert.equal(fs.statSync(file).mode & 0o777, 0o600)
})

describe('a database that is open already', () => {
  test('is refused to a second opening in this process, by whatever name', async () => {
    const file = await closedDatabase()
    const db = await Database.open(file)
    await db.table(words).put('a', '1')
    const link = path.join(newDirectory(), 'link')
    fs.symlinkSync(path.dirname(file), link)
    const names = [
      file,
      path.join(link, 'app.manifold'),
      path.join(path.dirname(file), '..', path.basename(path.dirname(file)), 'app.manifold'),
    ]
    for (const name of names) {
      for (const readOnly of [false, true]) {
        const error = await rejects(
          Database.open(name, { readOnly }),
          'MANIFOLD_LOCKED',
          /Use the Database that is open, or close it first/,
        )
        assert.match(error.message, /this process/)
        assert.ok(error.message.includes(String(process.pid)))
      }
    }
    assert.equal(db.table(words).get('a'), '1')
    await db.table(words).put('b', '2')
    await db.close()
    const again = await Database.open(file)
    assert.equal(again.table(words).get('b'), '2')
    await again.close()
  })

  test('is refused to another process, which is told the pid, and is free when that has ended', async () => {
    const file = await closedDatabase()
    const holder = child(`
      const db = await manifold.Database.open(${JSON.stringify(file)})
      console.log('open')
      process.stdin.resume()
    `)
    await new Promise(resolve => void holder.stdout!.once('data', resolve))
    const before = snapshotOf(path.dirname(file))
    const error = await rejects(Database.open(file), 'MANIFOLD_LOCKED', /Close it there, or wait/)
    assert.ok(error.message.includes(`process ${holder.pid}`), error.message)
    assert.deepEqual(snapshotOf(path.dirname(file)), before)
    holder.kill('SIGKILL')
    await new Promise(resolve => void holder.once('exit', resolve))
    const db = await Database.open(file)
    assert.equal(db.table(words).count(), 200)
    await db.close()
  })
})

describe('what is no database', () => {
  const contents: Record<string, Buffer> = {
    empty: Buffer.alloc(0),
    short: Buffer.from('MNFL'),
    text: Buffer.from('once upon a time '.repeat(10_000)),
    zeros: Buffer.alloc(5 * PAGE_BYTES),
    'another format': Buffer.concat([Buffer.from('SQLite format 3\0'), Buffer.alloc(4 * PAGE_BYTES)]),
  }
  for (const [name, bytes] of Object.entries(contents)) {
    test(`is refused: ${name}`, async () => {
      const file = path.join(newDirectory(), 'app.manifold')
      fs.writeFileSync(file, bytes)
      await refusesToOpen(file, 'MANIFOLD_NOT_A_DATABASE', /Check the path; the file has been left as it was/)
    })
  }

  test('is refused: a directory, a device, a path through a file, a directory that is not there', async () => {
    const directory = newDirectory()
    await rejects(Database.open(directory), 'MANIFOLD_NOT_A_DATABASE', /./)
    const file = path.join(directory, 'file')
    fs.writeFileSync(file, 'x')
    await rejects(Database.open(path.join(file, 'app.manifold')), 'MANIFOLD_NOT_FOUND', /check the path/)
    await rejects(
      Database.open(path.join(directory, 'none', 'app.manifold')),
      'MANIFOLD_NOT_FOUND',
      /Create the directory/,
    )
    assert.deepEqual(fs.readdirSync(directory), ['file'])
  })

  test('is refused: a symbolic link, whether it leads to a database or nowhere', async () => {
    const target = await closedDatabase()
    const directory = newDirectory()
    const link = path.join(directory, 'app.manifold')
    for (const to of [target, path.join(directory, 'nowhere')]) {
      fs.symlinkSync(to, link)
      for (const readOnly of [false, true]) {
        await rejects(Database.open(link, { readOnly }), 'MANIFOLD_NOT_A_DATABASE', /give the path of the file itself/)
      }
      assert.equal(fs.readlinkSync(link), to)
      fs.unlinkSync(link)
    }
    assert.deepEqual(
      fs.readdirSync(directory).filter(name => !name.endsWith('-lock')),
      [],
    )
    const db = await Database.open(target)
    assert.equal(db.table(words).count(), 200)
    await db.close()
  })

  test('is refused: a name that is too long', async () => {
    const error = await rejects(Database.open(path.join(newDirectory(), 'x'.repeat(300))), 'MANIFOLD_IO', /./)
    assert.match(error.message, /ENAMETOOLONG/)
  })
})

describe('a newer format', () => {
  test('of the data file is refused, in either header slot', async () => {
    for (const slots of [[0], [1], [0, 1]]) {
      const file = await closedDatabase()
      patch(file, bytes => {
        for (const slot of slots) {
          const base = slot * PAGE_BYTES
          bytes.writeUInt32LE(2, base + HEADER_VERSION_OFFSET)
          bytes.writeUInt32LE(
            checksum(bytes.subarray(base, base + HEADER_CHECKSUM_OFFSET)),
            base + HEADER_CHECKSUM_OFFSET,
          )
        }
      })
      await refusesToOpen(file, 'MANIFOLD_VERSION', /Open it with a newer Manifold/)
    }
  })

  for (const journal of LOGS) {
    test(`of the log is refused, journal '${journal}'`, async () => {
      const file = await killedDatabase(journal)
      patch(`${file}-wal0`, bytes => {
        bytes.writeUInt32LE(SEGMENT_FORMAT_VERSION + 1, SEGMENT_VERSION_OFFSET)
        bytes.writeUInt32LE(checksum(bytes.subarray(0, SEGMENT_CHECKSUM_OFFSET)), SEGMENT_CHECKSUM_OFFSET)
      })
      const before = snapshotOf(path.dirname(file))
      const error = await rejects(Database.open(file), 'MANIFOLD_VERSION', /newer/)
      assert.match(error.message, /-wal0/)
      assert.deepEqual(snapshotOf(path.dirname(file)), before)
    })
  }
})

describe('a missing log', () => {
  for (const journal of LOGS) {
    test(`beside a file that was not closed cleanly is refused, and opens when it is back, journal '${journal}'`, async () => {
      const file = await killedDatabase(journal)
      const log = new Map(
        fs
          .readdirSync(path.dirname(file))
          .filter(name => name.includes('-wal'))
          .map(name => [path.join(path.dirname(file), name), fs.readFileSync(path.join(path.dirname(file), name))]),
      )
      assert.ok(log.size > 0)
      for (const name of log.keys()) fs.unlinkSync(name)
      const before = snapshotOf(path.dirname(file))
      const error = await rejects(
        Database.open(file),
        'MANIFOLD_LOG_MISSING',
        /Put the log files back beside it, or restore both/,
      )
      assert.equal(error.file, file)
      assert.deepEqual(snapshotOf(path.dirname(file)), before)
      for (const [name, bytes] of log) fs.writeFileSync(name, bytes)
      const db = await Database.open(file)
      assert.equal(db.table(words).get('late'), '1')
      assert.equal(db.columnFamily('x').table(words).get('late'), '2')
      await db.close()
    })

    test(`of another database is not taken for its own, journal '${journal}'`, async () => {
      const file = await killedDatabase(journal)
      const other = await killedDatabase(journal)
      for (const name of fs.readdirSync(path.dirname(file))) {
        if (name.includes('-wal'))
          fs.copyFileSync(path.join(path.dirname(other), name), path.join(path.dirname(file), name))
      }
      const before = snapshotOf(path.dirname(file))
      await assert.rejects(Database.open(file), { code: /MANIFOLD_(CORRUPTION|LOG_MISSING)/ })
      assert.deepEqual(snapshotOf(path.dirname(file)), before)
    })
  }

  for (const journal of LOGS) {
    test(`without its first segment is refused, and nothing is changed, journal '${journal}'`, async () => {
      const file = await killedDatabase(journal, 6)
      const directory = path.dirname(file)
      const segments = fs
        .readdirSync(directory)
        .filter(name => name.includes('-wal'))
        .map(name => path.join(directory, name))
        .sort((a, b) => Number(/\d+$/.exec(a)![0]) - Number(/\d+$/.exec(b)![0]))
      // An empty one, made ahead, would not count: the second one has records, too.
      assert.ok(segments.length >= 3, `${segments.length} segments`)
      const [first] = segments as [string]
      const bytes = fs.readFileSync(first)
      fs.unlinkSync(first)
      const before = snapshotOf(directory)
      await assert.rejects(Database.open(file), { code: /MANIFOLD_(CORRUPTION|LOG_MISSING)/ })
      assert.deepEqual(snapshotOf(directory), before)
      fs.writeFileSync(first, bytes)
      const db = await Database.open(file)
      assert.equal(db.table(words).get('late'), '1')
      assert.equal(db.table(words).get('filler5')?.length, SEGMENT_BYTES / 2)
      await db.close()
    })
  }
})

describe('permissions', { skip: process.platform === 'win32' }, () => {
  const isRoot = process.getuid?.() === 0
  /** Root may write anywhere, so a test as root has an unprivileged child do it. */
  const nobody = isRoot ? { uid: 65_534 } : {}

  async function tryAs(file: string, options: string): Promise<string> {
    const process = child(
      `
      const words = manifold.table('words', { key: manifold.utf8, value: manifold.utf8 })
      try {
        const db = await manifold.Database.open(${JSON.stringify(file)}, ${options})
        console.log('open', db.table(words).count())
        await db.close()
      } catch (error) {
        console.log(error.code, error.message)
      }
    `,
      nobody,
    )
    process.stdin!.end()
    return output(process)
  }

  /** Lets the children reach the files. */
  function letIn(file: string): void {
    fs.chmodSync(root, 0o755)
    fs.chmodSync(path.dirname(file), 0o755)
  }

  test('a directory that may not be written refuses to create, and to open for writing; reading goes', async () => {
    const file = await closedDatabase()
    letIn(file)
    fs.rmSync(`${file}-lock`, { force: true })
    const before = snapshotOf(path.dirname(file))
    if (isRoot) fs.chownSync(file, 65_534, 65_534)
    else fs.chmodSync(path.dirname(file), 0o555)
    assert.match(
      await tryAs(path.join(path.dirname(file), 'new.manifold'), '{}'),
      /^MANIFOLD_PERMISSION .*Give the process permission/,
    )
    assert.match(await tryAs(file, '{}'), /^MANIFOLD_PERMISSION .*Give the process permission/)
    assert.equal(await tryAs(file, '{ readOnly: true }'), 'open 200')
    assert.deepEqual(snapshotOf(path.dirname(file)), before)
    fs.chmodSync(path.dirname(file), 0o755)
  })

  test('a file that may not be written, or read, refuses; reading goes where it may be read', async () => {
    const file = await closedDatabase()
    letIn(file)
    fs.chmodSync(path.dirname(file), 0o777)
    fs.rmSync(`${file}-lock`, { force: true })
    fs.chmodSync(file, 0o444)
    assert.match(await tryAs(file, '{}'), /^MANIFOLD_PERMISSION .*permission to read and write/)
    assert.equal(await tryAs(file, '{ readOnly: true }'), 'open 200')
    fs.chmodSync(file, 0)
    assert.match(await tryAs(file, '{ readOnly: true }'), /^MANIFOLD_PERMISSION /)
    assert.match(await tryAs(file, '{}'), /^MANIFOLD_PERMISSION /)
    fs.chmodSync(file, 0o600)
    fs.rmSync(`${file}-lock`, { force: true })
    const db = await Database.open(file)
    assert.equal(db.table(words).count(), 200)
    await db.close()
  })

  test('a directory that may not even be searched refuses', async () => {
    const file = await closedDatabase()
    letIn(file)
    fs.chmodSync(path.dirname(file), 0o700)
    if (!isRoot) fs.chmodSync(path.dirname(file), 0)
    for (const options of ['{}', '{ readOnly: true }']) {
      assert.match(await tryAs(file, options), /^MANIFOLD_PERMISSION /)
    }
    fs.chmodSync(path.dirname(file), 0o700)
  })
})

test('no file handles: opening says so, and works when there are some', async () => {
  const file = await closedDatabase()
  const before = snapshotOf(path.dirname(file))
  const opener = child(
    `
    import fs from 'node:fs'
    const held = []
    try { for (;;) held.push(fs.openSync('/dev/null', 'r')) } catch {}
    const seen = new Set()
    let opened
    while (opened === undefined && held.length > 0) {
      try {
        opened = await manifold.Database.open(${JSON.stringify(file)})
      } catch (error) {
        seen.add(error.code + (/ulimit -n/.test(error.message) ? ' says what to do' : ' ' + error.message))
        fs.closeSync(held.pop())
      }
    }
    for (const each of held) fs.closeSync(each)
    const words = manifold.table('words', { key: manifold.utf8, value: manifold.utf8 })
    console.log([...seen].join(', ') + '; ' + opened.table(words).count())
    await opened.close()
  `,
    { handles: 100 },
  )
  opener.stdin!.end()
  assert.equal(await output(opener), 'MANIFOLD_NO_HANDLES says what to do; 200')
  assert.deepEqual([...snapshotOf(path.dirname(file)).keys()], [...before.keys()])
})

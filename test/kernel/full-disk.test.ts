import assert from 'node:assert/strict'
import fs from 'node:fs'
import { test } from 'node:test'
import { figure } from '../support/figures.ts'
import { runs } from '../support/open.ts'
import { newDirectory } from './rounds.ts'
import { failureOf, missing, runInNamespace } from './tools.ts'

const PROGRAM = new URL(import.meta.url.replace('full-disk.test.', 'full-disk.'))
/** Who is not root may mount in a namespace of users of his own, where the system allows that. */
const NAMESPACE = process.getuid?.() === 0 ? ['-m'] : ['-U', '-r', '-m']

const reason = missing('mount', 'unshare') ?? failureOf('unshare', ...NAMESPACE, 'mount', '-t', 'tmpfs', 'none', '/tmp')

test(
  'a full disk fails the commits that find no room; with room again the database goes on',
  { skip: reason },
  async () => {
    const directory = newDirectory()
    try {
      assert.equal(await runInNamespace(NAMESPACE, PROGRAM, directory), 0, 'what the program has written above')
    } finally {
      fs.rmdirSync(directory)
    }
  },
)

if (reason !== undefined) figure('full disks', 0, runs(25, 1250), reason)

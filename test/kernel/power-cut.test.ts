import assert from 'node:assert/strict'
import fs from 'node:fs'
import { test } from 'node:test'
import { figure } from '../support/figures.ts'
import { runs } from '../support/open.ts'
import { newDirectory } from './rounds.ts'
import { failureOf, missing, runInNamespace } from './tools.ts'

const PROGRAM = new URL(import.meta.url.replace('power-cut.test.', 'power-cut.'))

/** Why such a file system cannot be mounted here; undefined where it can. */
function unmountable(kind: string): string | undefined {
  if (process.getuid?.() !== 0) return 'only root may mount a loop device'
  const tool = missing('mount', 'unshare', `mkfs.${kind}`, 'xfs_io')
  if (tool !== undefined) return tool
  const steps = [
    'mount -t tmpfs none /tmp',
    'cd /tmp',
    'truncate -s 320M i',
    `mkfs.${kind} -q i`,
    'mkdir m',
    'mount -o loop i m',
  ]
  return failureOf('unshare', '-m', 'sh', '-c', steps.join(' && '))
}

for (const [kind, name] of [
  ['ext4', 'ext4'],
  ['xfs', 'XFS'],
] as const) {
  const reason = unmountable(kind)

  test(`${name} loses no durable commit when the power fails`, { skip: reason }, async () => {
    const directory = newDirectory()
    try {
      assert.equal(await runInNamespace(['-m'], PROGRAM, kind, directory), 0, 'what the program has written above')
    } finally {
      fs.rmdirSync(directory)
    }
  })

  if (reason !== undefined) figure(`real power cuts, ${name}`, 0, runs(100, 5000), reason)
}

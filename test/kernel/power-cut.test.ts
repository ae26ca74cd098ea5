import assert from 'node:assert/strict'
import fs from 'node:fs'
import { test } from 'node:test'
import { figure } from '../support/figures.ts'
import { newDirectory, rounds } from './rounds.ts'
import { missing, runInNamespace } from './tools.ts'

const PROGRAM = new URL(import.meta.url.replace('power-cut.test.', 'power-cut.'))

for (const [kind, name] of [
  ['ext4', 'ext4'],
  ['xfs', 'XFS'],
] as const) {
  const reason =
    (process.getuid?.() === 0 ? undefined : 'only root may mount a loop device') ??
    missing('mount', 'unshare', `mkfs.${kind}`, 'xfs_io') ??
    (fs.existsSync('/dev/loop-control') ? undefined : 'there is no loop device')

  test(`${name} loses no durable commit when the power fails`, { skip: reason }, async () => {
    const directory = newDirectory()
    try {
      assert.equal(await runInNamespace(['-m'], PROGRAM, kind, directory), 0, 'what the program has written above')
    } finally {
      fs.rmdirSync(directory)
    }
  })

  if (reason !== undefined) figure(`real power cuts, ${name}`, 0, rounds(100, 5000), reason)
}

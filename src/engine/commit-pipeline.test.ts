import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Journal, Need } from '../wal/journal.ts'
import type { Commit } from './commit.ts'
import { CommitPipeline } from './commit-pipeline.ts'
import { Family } from './family.ts'

/** A log whose marks a test moves by hand; a record is 10 bytes. */
class HandJournal {
  appended = 0
  written = 0
  synced = 0
  append(): number {
    return (this.appended += 10)
  }
}

function setUp(): {
  journal: HandJournal
  pipeline: CommitPipeline
  append: (need: Need) => Promise<string>
  log: string[]
} {
  const journal = new HandJournal()
  const pipeline = new CommitPipeline(journal as unknown as Journal, 0)
  const family = new Family(1, 'f')
  const log: string[] = []
  const append = (need: Need): Promise<string> =>
    new Promise(resolve => {
      const commit: Commit = {
        sequence: 0,
        position: 0,
        need,
        parts: [{ family, memtable: undefined, end: 0, tables: new Map() }],
        publish: () => log.push(`visible ${commit.sequence}`),
        resolve: () => {
          log.push(`settled ${commit.sequence}`)
          resolve('done')
        },
        reject: error => {
          log.push(`failed ${commit.sequence}`)
          resolve(error.code)
        },
      }
      pipeline.append(commit, [], 0)
    })
  return { journal, pipeline, append, log }
}

test('a weak commit behind an immediate one becomes visible with it, not before', () => {
  const { journal, pipeline, append, log } = setUp()
  void append('write')
  void append('sync')
  void append('write')
  pipeline.progressed()
  assert.deepEqual(log, [])
  journal.written = 30
  pipeline.progressed()
  assert.deepEqual(log, ['visible 1', 'settled 1'])
  assert.equal(pipeline.visibleSequence, 1)
  journal.synced = 20
  pipeline.progressed()
  assert.deepEqual(log.slice(2), ['visible 2', 'visible 3', 'settled 2', 'settled 3'])
})

test('after a failure everybody who waits is told, in log order, and nothing becomes visible', async () => {
  const { journal, pipeline, append, log } = setUp()
  const results = [append('sync'), append('write'), append('sync')]
  const follower = pipeline.waitUntilVisible(2)!.then(
    () => 'visible',
    (error: { code: string }) => error.code,
  )
  journal.written = 30
  pipeline.fail(new Error('EIO'))
  pipeline.progressed()
  assert.deepEqual(log, ['failed 1', 'failed 2', 'failed 3'])
  assert.deepEqual(await Promise.all([...results, follower]), Array(4).fill('MANIFOLD_POISONED'))
  assert.equal(pipeline.visibleSequence, 0)
  await assert.rejects(pipeline.waitUntilVisible(1)!, { code: 'MANIFOLD_POISONED' })
  assert.equal(pipeline.failure?.code, 'MANIFOLD_POISONED')
})

test('a follower settles with the commit that it waits for', async () => {
  const { journal, pipeline, append, log } = setUp()
  void append('sync')
  void append('sync')
  const first = pipeline.waitUntilVisible(1)!.then(() => log.push('followed 1'))
  const second = pipeline.waitUntilVisible(2)!.then(() => log.push('followed 2'))
  journal.written = journal.synced = 10
  pipeline.progressed()
  await first
  assert.deepEqual(log, ['visible 1', 'settled 1', 'followed 1'])
  journal.synced = journal.written = 20
  pipeline.progressed()
  await second
  assert.equal(log.at(-1), 'followed 2')
  assert.equal(pipeline.waitUntilVisible(2), undefined)
})

test('a queue that never empties does not keep what is settled', () => {
  const { journal, pipeline, append } = setUp()
  for (let i = 0; i < 5000; i++) {
    void append('sync')
    journal.synced = journal.written = journal.appended - 10
    pipeline.progressed()
    assert.equal(pipeline.pending, 1)
  }
  assert.equal(pipeline.visibleSequence, 4999)
})

import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { describe, test } from 'node:test'
import type { CheckpointMessage, CommitGroupMessage, StallMessage, StatsMessage } from '../../src/index.ts'
import { Diagnostics } from '../../src/engine/diagnostics.ts'
import { nodeClock } from '../../src/platform/node/clock.ts'
import { NoJournal } from '../../src/wal/no-journal.ts'
import { Fault, isLog, needsSpace } from '../support/faults.ts'
import { blobs, fill, JOURNALS, LOGS, PATH, withDatabase, words } from '../support/open.ts'

/** Listens while `body` runs. */
async function listening<M>(channel: string, body: (messages: M[]) => Promise<void>): Promise<void> {
  const messages: M[] = []
  const listener = (message: unknown): void => void messages.push(message as M)
  subscribe(channel, listener)
  try {
    await body(messages)
  } finally {
    unsubscribe(channel, listener)
  }
}

for (const journal of JOURNALS) {
  describe(`journal '${journal}': stats and channels`, () => {
    test('commits, groups, syncs and bytes are counted, and each group is told', async () => {
      await withDatabase(journal, async db => {
        await db.table(words).put('first', 'nobody listens')
        await listening<CommitGroupMessage>('manifold:commit-group', async messages => {
          const before = db.stats().log
          const puts = Array.from({ length: 20 }, (_, i) => db.table(words).put(`k${i}`, 'value'))
          await Promise.all(puts)
          const { log, sequence } = db.stats()
          assert.equal(
            messages.reduce((sum, { commits }) => sum + commits, 0),
            20,
          )
          assert.equal(messages.at(-1)!.sequence, sequence)
          assert.ok(messages.every(({ path }) => path === PATH))
          assert.equal(log.waiting, 0)
          if (journal === 'off') return
          assert.equal(log.commits - before.commits, 20)
          assert.equal(
            messages.reduce((sum, { bytes }) => sum + bytes, 0),
            log.bytes - before.bytes,
          )
          const millis = messages.reduce((sum, { syncMillis }) => sum + syncMillis, 0)
          assert.ok(Math.abs(millis - (log.syncMillis - before.syncMillis)) < 1e-6)
          assert.ok(log.groups > before.groups && log.commitsPerGroup >= 1)
        })
      })
    })

    test('memtables are listed by family, and hits and misses of the cache counted', async () => {
      await withDatabase(journal, async db => {
        await db.table(words).put('a', 'b')
        await db.columnFamily('x').table(blobs).put(1, fill(50_000, 1))
        const { memtables, bytes } = db.stats().memory
        assert.deepEqual(
          memtables.map(({ columnFamily }) => columnFamily),
          ['default', 'x'],
        )
        assert.ok(memtables[1]!.activeBytes > 50_000 && memtables[1]!.frozenBytes === 0)
        assert.equal(
          memtables.reduce((sum, { activeBytes, frozenBytes }) => sum + activeBytes + frozenBytes, 0),
          bytes,
        )
        await db.checkpoint()
        assert.deepEqual(db.stats().memory.memtables, [])
        const before = db.stats().cache
        for (let i = 0; i < 10; i++) db.table(words).get('a')
        const { hits, misses } = db.stats().cache
        assert.equal(misses - before.misses, 1)
        assert.equal(hits - before.hits, 9)
      })
    })

    test('all that stats() shows is told after each checkpoint, also one that fails and the last one', async () => {
      const messages: StatsMessage[] = []
      const listener = (message: unknown): void => void messages.push(message as StatsMessage)
      try {
        await withDatabase(journal, async (db, disk) => {
          await db.table(words).put('a', 'b')
          subscribe('manifold:stats', listener)
          assert.equal(messages.length, 0)
          await db.checkpoint()
          db.table(words).get('a')
          assert.equal(messages.length, 1)
          assert.equal(messages[0]!.path, PATH)
          const { cache, ...before } = messages[0]!.stats
          const { cache: now, ...after } = db.stats()
          assert.deepEqual(before, after)
          assert.equal(now.misses - cache.misses, 1)
          assert.equal(before.checkpoints.count, 1)

          await db.columnFamily('x').table(words).put('c', 'd')
          const fault = new Fault(disk, 'ENOSPC', operation => !isLog(operation) && needsSpace(operation))
          await assert.rejects(db.checkpoint())
          fault.heal()
          assert.equal(messages.length, 2)
          assert.deepEqual(messages[1]!.stats, db.stats())
          const { checkpoints, memory } = messages[1]!.stats
          assert.deepEqual([checkpoints.count, checkpoints.failed], [1, 1])
          assert.deepEqual(
            memory.memtables.map(({ columnFamily, activeBytes }) => [columnFamily, activeBytes]),
            [['x', 0]],
          )
          await db.table(words).put('e', 'f')
        })
      } finally {
        unsubscribe('manifold:stats', listener)
      }
      assert.ok(messages.length > 2, 'closing ends with a checkpoint')
      assert.deepEqual(messages.at(-1)!.stats.memory.memtables, [])
    })

    test('each checkpoint is told, also one that fails', async () => {
      await withDatabase(journal, async (db, disk) => {
        await listening<CheckpointMessage>('manifold:checkpoint', async messages => {
          await db.table(words).put('a', 'b')
          await db.checkpoint()
          const { pagesWritten, bytesWritten } = db.stats().checkpoints
          assert.equal(messages.length, 1)
          assert.deepEqual(messages[0], { ...messages[0], path: PATH, pagesWritten, bytesWritten, error: undefined })
          assert.ok(messages[0]!.millis >= 0)
          await db.table(words).put('c', 'd')
          const fault = new Fault(disk, 'ENOSPC', operation => !isLog(operation) && needsSpace(operation))
          await assert.rejects(db.checkpoint())
          fault.heal()
          assert.equal(messages.length, 2)
          assert.equal(messages[1]!.error?.code, 'MANIFOLD_NO_SPACE')
        })
      })
    })
  })
}

for (const journal of LOGS) {
  test(`journal '${journal}': a writer that waits for the log or for memory is counted and told`, async () => {
    await withDatabase(
      journal,
      async db => {
        await listening<StallMessage>('manifold:stall', async messages => {
          const puts = Array.from({ length: 60 }, (_, i) => db.table(blobs).put(i % 4, fill(200_000, i)))
          await Promise.all(puts)
          const { log, memory } = db.stats()
          const of = (reason: string): StallMessage[] => messages.filter(message => message.reason === reason)
          assert.ok(log.stalls > 0 && memory.waits > 0)
          assert.equal(of('memory').length, memory.waits)
          assert.ok(of('log').length > 0 && of('log').length <= log.stalls)
          for (const [reason, millis] of [
            ['log', log.stallMillis],
            ['memory', memory.waitMillis],
          ] as const) {
            assert.ok(Math.abs(of(reason).reduce((sum, each) => sum + each.millis, 0) - millis) < 1e-6)
          }
        })
      },
      { writeBufferBytes: 2 ** 20 },
    )
  })
}

test('nothing is published where nobody listens', () => {
  const opened: string[] = []
  const diagnostics = new Diagnostics(
    PATH,
    nodeClock,
    new NoJournal(nodeClock, EVENTS, 0, 0, 0),
    name => {
      opened.push(name)
      return { hasSubscribers: false, publish: () => assert.fail(`${name} was told`) }
    },
    () => assert.fail('nothing is counted for nobody'),
  )
  diagnostics.progressed(1, 1, new NoJournal(nodeClock, EVENTS, 0, 0, 0))
  diagnostics.checkpointed(1, 1, 1, undefined)
  diagnostics.stall('log')()
  assert.deepEqual(opened, ['manifold:commit-group', 'manifold:checkpoint', 'manifold:stall', 'manifold:stats'])
  assert.ok(diagnostics.stallMillis.log >= 0)
})

const EVENTS = { progressed: (): void => {}, failed: (): void => {} }

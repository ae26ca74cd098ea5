import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SyncBehind } from './sync-behind.ts'

const PIECE_BYTES = 100

/** A file whose syncs end when the test says so. */
class HeldFile {
  readonly path = 'db'
  /** Ends a sync, in the order in which they began. */
  readonly ends: ((error?: Error) => void)[] = []

  sync(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.ends.push(error => (error === undefined ? resolve() : reject(error)))
    })
  }
}

async function turn(): Promise<void> {
  await new Promise(resolve => setImmediate(resolve))
}

test('a sync is due after each piece, and begins without being waited for', async () => {
  const file = new HeldFile()
  const syncs = new SyncBehind(file, PIECE_BYTES)
  syncs.wrote(60)
  assert.equal(syncs.isDue, false)
  syncs.wrote(60)
  assert.equal(syncs.isDue, true)
  await syncs.next()
  assert.equal(file.ends.length, 1)
  assert.equal(syncs.isDue, false, 'the next piece is counted from here')
  file.ends[0]!()
  await syncs.end()
})

test('the next sync begins when the one before has ended', async () => {
  const file = new HeldFile()
  const syncs = new SyncBehind(file, PIECE_BYTES)
  syncs.wrote(PIECE_BYTES)
  await syncs.next()
  syncs.wrote(PIECE_BYTES)
  let begun = false
  const next = syncs.next().then(() => (begun = true))
  await turn()
  assert.equal(begun, false)
  assert.equal(file.ends.length, 1)
  file.ends[0]!()
  await next
  assert.equal(file.ends.length, 2)
  file.ends[1]!()
  await syncs.end()
})

test('the end waits for the sync under way', async () => {
  const file = new HeldFile()
  const syncs = new SyncBehind(file, PIECE_BYTES)
  await syncs.end()
  syncs.wrote(PIECE_BYTES)
  await syncs.next()
  let ended = false
  const end = syncs.end().then(() => (ended = true))
  await turn()
  assert.equal(ended, false)
  file.ends[0]!()
  await end
})

test('a sync that fails ends the writing at the next piece, and at the end, and no other begins', async () => {
  const file = new HeldFile()
  const syncs = new SyncBehind(file, PIECE_BYTES)
  syncs.wrote(PIECE_BYTES)
  await syncs.next()
  file.ends[0]!(Object.assign(new Error('EIO: i/o error, fdatasync'), { code: 'EIO' }))
  await turn()
  syncs.wrote(PIECE_BYTES)
  await assert.rejects(syncs.next(), { code: 'MANIFOLD_IO' })
  await assert.rejects(syncs.end(), { code: 'MANIFOLD_IO' })
  assert.equal(file.ends.length, 1)
})

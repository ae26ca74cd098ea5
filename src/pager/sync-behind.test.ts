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

/** A run of steps that write so many bytes each, and how far it has come. */
class Run {
  readonly file = new HeldFile()
  steps = 0
  settled = false
  readonly result: Promise<string>

  constructor(writes: readonly number[], failure?: Error) {
    const syncs = new SyncBehind(this.file, PIECE_BYTES)
    this.result = syncs.run(this.#steps(writes, syncs, failure))
    const settled = (): void => void (this.settled = true)
    this.result.then(settled, settled)
  }

  *#steps(writes: readonly number[], syncs: SyncBehind, failure: Error | undefined): Generator<void, string> {
    for (const bytes of writes) {
      syncs.wrote(bytes)
      this.steps++
      yield
    }
    if (failure !== undefined) throw failure
    return 'done'
  }
}

async function turn(): Promise<void> {
  await new Promise(resolve => setImmediate(resolve))
}

test('what is shorter than a piece is not synced', async () => {
  const run = new Run([60, 39])
  assert.equal(await run.result, 'done')
  assert.equal(run.file.ends.length, 0)
})

test('the steps go on while a piece is synced, and the run ends with its sync', async () => {
  const run = new Run([60, 60, 60, 10])
  await turn()
  assert.equal(run.file.ends.length, 1)
  assert.equal(run.steps, 4)
  assert.equal(run.settled, false)
  run.file.ends[0]!()
  assert.equal(await run.result, 'done')
  assert.equal(run.file.ends.length, 1, 'the next piece is counted from where the sync began')
})

test('the next sync begins when the one before has ended', async () => {
  const run = new Run([PIECE_BYTES, PIECE_BYTES, 1])
  await turn()
  assert.equal(run.file.ends.length, 1)
  assert.equal(run.steps, 2)
  run.file.ends[0]!()
  await turn()
  assert.equal(run.file.ends.length, 2)
  assert.equal(run.steps, 3)
  run.file.ends[1]!()
  assert.equal(await run.result, 'done')
})

test('a sync that fails ends the run at the next piece, and no other begins', async () => {
  const run = new Run([PIECE_BYTES, PIECE_BYTES, 1])
  await turn()
  run.file.ends[0]!(Object.assign(new Error('EIO: i/o error, fdatasync'), { code: 'EIO' }))
  await assert.rejects(run.result, { code: 'MANIFOLD_IO' })
  assert.equal(run.steps, 2)
  assert.equal(run.file.ends.length, 1)
})

test('the last sync fails the run, too', async () => {
  const run = new Run([PIECE_BYTES])
  await turn()
  run.file.ends[0]!(Object.assign(new Error('EIO: i/o error, fdatasync'), { code: 'EIO' }))
  await assert.rejects(run.result, { code: 'MANIFOLD_IO' })
})

test('steps that throw end the run when no sync is under way any more', async () => {
  const run = new Run([PIECE_BYTES], new Error('no page is left'))
  await turn()
  assert.equal(run.settled, false)
  run.file.ends[0]!()
  await assert.rejects(run.result, { message: 'no page is left' })
})

import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import { Database } from '../../src/index.ts'
import { NodeFileSystem } from '../../src/platform/node/file-system.ts'
import { figure, timeIsOver } from '../support/figures.ts'
import { JOURNALS, runs } from '../support/open.ts'
import { checkPages } from '../support/pages.ts'
import { observeCommits } from './commit-observer.ts'
import { Recorder } from './recorder.ts'
import { assertIsolated, work } from './workload.ts'

const SEED = Number(process.env['MANIFOLD_TEST_SEED'] ?? 1)
const TARGET = runs(50_000)

const root = fs.mkdtempSync(path.join(os.tmpdir(), 'manifold-isolation-'))
after(() => fs.rmSync(root, { recursive: true, force: true }))

/** One history on real files, with the thread that merges. The seed says what clients do; when it happens, the machine. */
async function live(seed: number): Promise<Recorder> {
  const file = path.join(root, `${seed}.manifold`)
  const mode = JOURNALS[seed % JOURNALS.length]!
  const options = { journal: { mode, segmentBytes: 64 * 1024 }, writeBufferBytes: 1 << 20, pageCacheBytes: 64 * 8192 }
  const recorder = new Recorder()
  const stop = observeCommits(recorder.numbered)
  try {
    const db = await Database.open(file, options)
    await work(db, recorder, seed)
    const end = recorder.expectation('the end', db, mode !== 'off')
    await db.close()
    checkPages(new NodeFileSystem(), file)
    const again = await Database.open(file, options)
    recorder.found({ ...end, durable: end.appended }, again)
    await again.close()
  } finally {
    stop()
  }
  fs.rmSync(file, { force: true })
  return recorder
}

test('concurrent writers and readers on real files: an order of all transactions explains every history', async () => {
  let operations = 0
  for (let seed = SEED; operations < TARGET && !timeIsOver(); seed++) {
    try {
      const recorder = await live(seed)
      assertIsolated(recorder)
      operations += recorder.history.operations
    } catch (error) {
      const command = `MANIFOLD_TEST_SEED=${seed} MANIFOLD_TEST_RUNS=0.0001 npm test -- isolation/real`
      throw new Error(
        `seed ${seed}, again with: ${command}\n${error instanceof Error ? error.message : String(error)}`,
        {
          cause: error,
        },
      )
    }
  }
  figure('operations through the isolation checker', operations, TARGET)
})

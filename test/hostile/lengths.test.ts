import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { figure } from '../support/figures.ts'
import { openOn, PATH } from '../support/open.ts'
import { checkReads, checkRefusal, diskOf } from './contents.ts'
import type { Contents } from './contents.ts'
import { recordsOf } from './log-layout.ts'
import { closedSample, groupedSample, halfCheckpointedSample, uncleanSample } from './samples.ts'
import type { Sample } from './samples.ts'

const STEP_BYTES = 64

/** Opens the files with `path` cut to `length`; `contents` is what must be there where opening is not refused. */
async function isRefused(sample: Sample, path: string, length: number, contents: Contents): Promise<boolean> {
  const where = `${sample.name}: ${path} cut to ${length} bytes`
  const bytes = sample.files.get(path)!.slice(0, length)
  const disk = diskOf(sample.files, new Map([[path, bytes]]))
  const readOnly = sample.files.size === 1
  let db
  try {
    db = await openOn(disk, sample.journal, { readOnly, createIfMissing: false })
  } catch (error) {
    checkRefusal(error)
    assert.deepEqual(disk.contents(path), bytes, `${where}: a refused file is left as it is`)
    return true
  }
  assert.equal(checkReads(db, contents, where), 0, where)
  // A recovered one is left as it is, since its end is of no interest here and would cost more than all the rest.
  if (readOnly) await db.close()
  return false
}

describe('a file that is cut off at any 64 bytes', () => {
  for (const make of [closedSample, uncleanSample, groupedSample, halfCheckpointedSample]) {
    test(`${make.name}: the data file is refused`, async () => {
      const sample = await make()
      const size = sample.files.get(PATH)!.length
      for (let length = 0; length < size; length += STEP_BYTES) {
        assert.ok(await isRefused(sample, PATH, length, new Map()), `cut to ${length} of ${size}`)
      }
      figure('files cut off', size / STEP_BYTES, size / STEP_BYTES)
    })
  }

  for (const make of [uncleanSample, groupedSample, halfCheckpointedSample]) {
    test(`${make.name}: a segment that holds records is refused, also where none of them is cut`, async () => {
      const sample = await make()
      const all = sample.states.at(-1)!
      for (const [path, bytes] of sample.files) {
        if (path === PATH) continue
        const isUsed = recordsOf(bytes).length > 0
        for (let length = 0; length < bytes.length; length += STEP_BYTES) {
          const refused = await isRefused(sample, path, length, all)
          assert.equal(refused, isUsed, `${path} cut to ${length} of ${bytes.length}`)
        }
        figure('files cut off', bytes.length / STEP_BYTES, bytes.length / STEP_BYTES)
      }
    })
  }
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LogSurvey } from '../../src/salvage/log-survey.ts'
import { append, DATA_PATH, freshLog, freshOptions, quiet } from '../../src/wal/fixture.test.ts'
import { RECORD_HEADER_BYTES } from '../../src/wal/record-format.ts'
import { SEGMENT_HEADER_BYTES } from '../../src/wal/segment-format.ts'

test('the record behind a lost one is taken also where it begins a unit', async () => {
  const log = await freshLog('sync')
  for (const need of ['write', 'write', 'sync', 'sync'] as const) {
    await append(log, 40, need)
    await quiet()
  }
  const lost = SEGMENT_HEADER_BYTES + RECORD_HEADER_BYTES + 40
  log.disk.bytes(`${DATA_PATH}-wal0`).fill(0, lost, lost + RECORD_HEADER_BYTES + 40)
  const survey = new LogSurvey(freshOptions(log.disk), undefined, false)
  const found: number[] = []
  for (const { sequence } of survey.run()) found.push(sequence)
  assert.deepEqual(found, [1, 3, 4])
  assert.equal(survey.lostCommits, 1)
})

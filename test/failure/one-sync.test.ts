import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crash } from '../support/crash.ts'
import { Fault, isLog, nth } from '../support/faults.ts'
import { LOGS, newDisk, openOn, words } from '../support/open.ts'
import { rejects } from '../support/refusal.ts'

const NEVER_MICROS = 1_000_000_000

for (const mode of LOGS) {
  test(`journal '${mode}': a sync that fails once has lost what it covers, although the next one would succeed`, async () => {
    const disk = newDisk()
    const db = await openOn(disk, mode, { journal: { mode, segmentBytes: 64 * 1024, maxDelayMicros: NEVER_MICROS } })
    await db.table(words).put('weak', '1', { durability: 'none' })
    const fault = new Fault(
      disk,
      'EIO',
      nth(1, true, operation => isLog(operation) && operation.kind === 'sync'),
    )
    const commit = db.table(words).put('strong', '1')
    await rejects(commit, 'MANIFOLD_POISONED', /Close the database/)
    assert.equal(fault.hits, 1)
    const left = await crash(db, disk, 'none')
    const again = await openOn(left, mode)
    assert.equal(again.table(words).count(), 0)
    await again.close()
  })
}

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JournalMode } from '../../src/index.ts'
import type { SimulatedDisk } from '../../src/platform/simulated/disk.ts'
import { SeededRandom } from '../../src/platform/simulated/random.ts'
import { crash } from '../support/crash.ts'
import { entriesOf, LOGS, newDisk, openOn, words } from '../support/open.ts'
import { damageNewerSlot } from '../support/pages.ts'

const random = new SeededRandom(1)

/** What power cuts in each operation of an opening after a clean close leave, all of it written. */
async function cutOpenings(journal: JournalMode): Promise<SimulatedDisk[]> {
  const disk = newDisk()
  await (await openOn(disk, journal)).close()
  const images: SimulatedDisk[] = []
  disk.onMidway = () => images.push(disk.crash(random, { mode: 'all' }))
  const db = await openOn(disk, journal)
  await crash(db, disk, 'all')
  return images
}

for (const journal of LOGS) {
  test(`journal '${journal}': a cut between the two header slots leaves no slot that throws the log away later`, async () => {
    const images = await cutOpenings(journal)
    let lost = 0
    for (const image of images) {
      const db = await openOn(image, journal)
      await db.table(words).put('key', 'value')
      const left = await crash(db, image, 'none')
      if (damageNewerSlot(left)) lost++
      const again = await openOn(left, journal)
      assert.deepEqual(entriesOf(again.table(words)), [['key', 'value']])
      await again.close()
    }
    assert.equal(lost, 0, 'both slots name the state that the opening went on from')
    assert.ok(images.length > 5)
  })
}

import { before, describe, test } from 'node:test'
import type { SimulatedDisk } from '../../src/platform/simulated/disk.ts'
import { SeededRandom } from '../../src/platform/simulated/random.ts'
import { crash } from '../support/crash.ts'
import { PATH, runs } from '../support/open.ts'
import { copyOf, damagePage, DAMAGES, History, salvaged } from './damaged.ts'
import type { Held } from './damaged.ts'

const SEED = Number(process.env['MANIFOLD_TEST_SEED'] ?? 1)

/** Damages some pages and some bytes of the log, and may cut the data file. */
function damageAtRandom(disk: SimulatedDisk, random: SeededRandom): void {
  const pages = Math.floor(disk.contents(PATH).length / 8192)
  for (let i = random.below(6); i > 0; i--) {
    // Header, catalog and branches are few: low pages come more often than their share.
    const page = random.chance(0.4) ? random.below(6) : random.below(pages)
    damagePage(disk, page, DAMAGES[random.below(3)]!, random.below(8192))
  }
  for (let i = random.below(4); i > 0; i--) {
    const logs = disk.listSync('/data').filter(name => name.startsWith('app.manifold-wal'))
    const path = `/data/${logs[random.below(logs.length)]!}`
    const offset = random.below(disk.contents(path).length)
    disk.damage(path, offset, Uint8Array.of(disk.contents(path)[offset]! ^ (1 << random.below(8))))
  }
  if (!random.chance(0.1)) return
  const file = disk.openSync(PATH, { write: true, create: false, exclusive: false, dataSync: false })
  file.truncateSync((2 + random.below(pages - 2)) * 8192)
  file.closeSync()
}

describe('salvage, with damage of any kind in any number of places', () => {
  let disk: SimulatedDisk
  let held: Held

  before(async () => {
    const history = await History.make('async')
    await history.fill()
    await history.writeLog(60)
    held = history.held()
    disk = await crash(history.db, history.disk, 'all')
  })

  test('takes nothing that was never written, and what it calls whole is', async () => {
    for (let seed = SEED; seed < SEED + runs(50); seed++) {
      const random = new SeededRandom(seed)
      const copy = copyOf(disk)
      damageAtRandom(copy, random)
      await salvaged(copy, held, `MANIFOLD_TEST_SEED=${seed}`, { unverified: random.chance(0.3) })
    }
  })
})

import type { Clock } from '../../src/platform/clock.ts'
import type { Platform } from '../../src/platform/platform.ts'
import type { JournalMode } from '../../src/index.ts'
import { Database } from '../../src/index.ts'
import { usePlatform } from '../../src/api/database.ts'
import type { SimulatedDisk } from '../../src/platform/simulated/disk.ts'
import { simulatedPlatform } from '../../src/platform/simulated/simulated-platform.ts'
import { PATH } from '../support/open.ts'

/** The smallest of everything, so that an opening is cheap and segments end soon. */
const SEGMENT_BYTES = 64 * 1024
const PAGE_CACHE_BYTES = 64 * 8192
const WRITE_BUFFER_BYTES = 1 << 20

/** A clock for one who does one thing at a time: what is deferred comes next, and no timer fires. */
const INSTANT: Clock = {
  now: () => 0,
  after: () => ({ cancel: () => {} }),
  defer: callback => queueMicrotask(callback),
}

const { context } = simulatedPlatform(0)

/** Opens the database on the disk. The platform decides on time and chance. */
export function openOn(disk: SimulatedDisk, journal: JournalMode, platform: Platform): Promise<Database> {
  usePlatform(platform)
  return Database.open(PATH, {
    fileSystem: disk,
    journal: { mode: journal, segmentBytes: SEGMENT_BYTES },
    pageCacheBytes: PAGE_CACHE_BYTES,
    writeBufferBytes: WRITE_BUFFER_BYTES,
  })
}

/** Opens it for a look, at once. Each look has chance of its own, as the epochs of a log must differ. */
export function openNow(disk: SimulatedDisk, journal: JournalMode, seed: number): Promise<Database> {
  return openOn(disk, journal, { ...simulatedPlatform(seed, { disk }), clock: INSTANT, context })
}

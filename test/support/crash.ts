import type { Database, JournalMode, OpenOptions } from '../../src/index.ts'
import { DatabaseError } from '../../src/index.ts'
import type { SimulatedDisk } from '../../src/platform/simulated/disk.ts'
import { SeededRandom } from '../../src/platform/simulated/random.ts'
import type { CrashMode } from '../../src/platform/simulated/survival.ts'
import { newDisk, openOn } from './open.ts'

/** Cuts the power under an open database and opens what a cut may have left: 'none' of what was not synced, or 'all'. */
export async function reopenAfterCrash(
  db: Database,
  disk: SimulatedDisk,
  mode: CrashMode,
  journal: JournalMode,
  options: OpenOptions = {},
): Promise<{ db: Database; disk: SimulatedDisk }> {
  const left = await crash(db, disk, mode)
  return { db: await openOn(left, journal, options), disk: left }
}

/** Cuts the power, and gives back the disk as the cut may have left it. The database's end is of no interest. */
export async function crash(db: Database, disk: SimulatedDisk, mode: CrashMode, seed = 1): Promise<SimulatedDisk> {
  disk.cutPower()
  await db.close().catch((error: unknown) => {
    if (!(error instanceof DatabaseError)) throw error
  })
  return disk.crash(new SeededRandom(seed), { mode })
}

/** A disk whose asynchronous operations wait, while its gate is shut, until it is opened. */
export class GatedDisk {
  readonly disk: SimulatedDisk
  #shut = false
  readonly #held: (() => void)[] = []

  constructor() {
    this.disk = newDisk({
      schedule: operation => void (this.#shut ? this.#held.push(operation) : queueMicrotask(operation)),
    })
  }

  shut(): void {
    this.#shut = true
  }

  open(): void {
    this.#shut = false
    for (const operation of this.#held.splice(0)) operation()
  }
}

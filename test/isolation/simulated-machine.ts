import { usePlatform } from '../../src/api/database.ts'
import type { Database, JournalMode } from '../../src/index.ts'
import type { Clock, Timer } from '../../src/platform/clock.ts'
import { SimulatedClock } from '../../src/platform/simulated/clock.ts'
import { SimulatedDisk } from '../../src/platform/simulated/disk.ts'
import { SeededRandom } from '../../src/platform/simulated/random.ts'
import { simulatedPlatform } from '../../src/platform/simulated/simulated-platform.ts'
import { openOn } from '../support/open.ts'

/** Time that goes on a little with each look at it, so that what works in slices is interrupted here and there. */
class JumpyClock implements Clock {
  readonly #clock: SimulatedClock = new SimulatedClock()
  readonly #random: SeededRandom
  #jumped = 0

  constructor(random: SeededRandom) {
    this.#random = random
  }

  now(): number {
    if (this.#random.chance(0.05)) this.#jumped += 1
    return this.#clock.now() + this.#jumped
  }

  after(milliseconds: number, callback: () => void): Timer {
    return this.#clock.after(milliseconds, callback)
  }

  defer(callback: () => void): void {
    this.#clock.defer(callback)
  }
}

/** Turns that an operation of the disk takes: most few, some many, so that they overtake one another. */
const TURNS: readonly number[] = [0, 1, 1, 2, 3, 5, 30]

/** A machine whose disk takes its time, as the seed says. Everything on it happens again in the same order. */
export class SimulatedMachine {
  readonly disk: SimulatedDisk
  readonly journal: JournalMode

  constructor(seed: number, journal: JournalMode) {
    const random = new SeededRandom(seed)
    const clock = new JumpyClock(new SeededRandom(seed + 1))
    const later = (turns: number, operation: () => void): void => {
      if (turns === 0) operation()
      else clock.defer(() => later(turns - 1, operation))
    }
    const schedule = (operation: () => void): void =>
      clock.defer(() => later(TURNS[random.below(TURNS.length)]!, operation))
    this.disk = new SimulatedDisk({ schedule })
    this.journal = journal
    usePlatform({ ...simulatedPlatform(seed + 2, { disk: this.disk }), clock })
  }

  open(disk: SimulatedDisk = this.disk): Promise<Database> {
    return openOn(disk, this.journal, { writeBufferBytes: 1 << 20, onBackgroundError: () => {} })
  }
}

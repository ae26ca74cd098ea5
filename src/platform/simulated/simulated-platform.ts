import { nodeContext } from '../node/context.ts'
import type { Platform } from '../platform.ts'
import { SimulatedClock } from './clock.ts'
import type { SimulatedClockMode } from './clock.ts'
import { SimulatedDisk } from './disk.ts'
import { SeededRandom } from './random.ts'
import type { SimulatedScheduler } from './scheduler.ts'

export interface SimulatedPlatform extends Platform {
  readonly fileSystem: SimulatedDisk
  readonly clock: SimulatedClock
  readonly random: SeededRandom
  readonly threads: undefined
  readonly touch: undefined
  readonly channels: undefined
  readonly watchCollection: undefined
}

export interface SimulatedPlatformOptions {
  /** Default: an empty one, whose asynchronous operations take a turn of the clock, or of the scheduler. */
  disk?: SimulatedDisk
  /** Default 'event-loop'. */
  clock?: SimulatedClockMode | SimulatedScheduler
}

/** A machine that does the same again for the same seed. */
export function simulatedPlatform(seed: number, options: SimulatedPlatformOptions = {}): SimulatedPlatform {
  const clock = new SimulatedClock(options.clock)
  const fileSystem = options.disk ?? new SimulatedDisk({ schedule: operation => clock.defer(operation) })
  // The context is Node's own: following a call through what it awaits cannot be simulated, and leaves nothing to chance.
  return {
    fileSystem,
    clock,
    random: new SeededRandom(seed),
    context: nodeContext(),
    threads: undefined,
    touch: undefined,
    channels: undefined,
    watchCollection: undefined,
  }
}

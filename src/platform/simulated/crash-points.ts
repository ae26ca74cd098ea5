import { SimulatedDisk } from './disk.ts'
import type { CrashOptions, SimulatedDiskOptions } from './disk.ts'
import { SeededRandom } from './random.ts'
import type { CrashMode } from './survival.ts'

/** One power cut: in which operation, and which of the states that it may leave. */
export interface CrashPoint {
  /** The operation that was cut; one more than the workload has where the cut came after it. */
  readonly operation: number
  readonly image: number
  readonly mode: CrashMode
}

export interface CrashPointsOptions {
  readonly seed: number
  /** States tried for each operation: first all, then none of what was not synced, then random ones and prefixes in turn. Default 4. */
  readonly imagesPerOperation?: number
  readonly tornSectors?: boolean
  /** Makes the disk that each run of the workload begins with. Default: an empty one. */
  readonly disk?: () => SimulatedDisk
  /** Options of the disks after the cut. */
  readonly imageOptions?: SimulatedDiskOptions
  /** Only this point, to see a failure again. */
  readonly only?: { readonly operation: number; readonly image: number }
}

const MODES: readonly CrashMode[] = ['all', 'none']

/**
 * Runs `workload` again and again, with the power cut in its first operation, its second, and so on, and passes `verify`
 * states that each cut may leave. The workload must do the same each time, and may throw what it likes once the power
 * is cut. Returns how many states were verified. An error of `verify` is thrown on with the point and the seed in front.
 */
export async function crashEverywhere(
  workload: (disk: SimulatedDisk) => void | Promise<void>,
  verify: (image: SimulatedDisk, point: CrashPoint) => void | Promise<void>,
  options: CrashPointsOptions,
): Promise<number> {
  const makeDisk = options.disk ?? (() => new SimulatedDisk())
  const images = options.imagesPerOperation ?? 4
  let verified = 0
  for (let operation = 1, ended = false; !ended; operation++) {
    if (options.only !== undefined && operation < options.only.operation) continue
    const disk = makeDisk()
    disk.cutPowerAt(disk.operations + operation)
    await runUntilCut(workload, disk)
    ended = disk.powered || options.only !== undefined
    disk.cutPower()
    for (let image = 0; image < images; image++) {
      if (options.only !== undefined && image !== options.only.image) continue
      const mode = MODES[image] ?? (image % 2 === 0 ? 'random' : 'prefix')
      const random = new SeededRandom(options.seed + operation * 65_537 + image)
      const crash: CrashOptions = { mode, tornSectors: options.tornSectors ?? false }
      await verifyAt(verify, disk.crash(random, crash, options.imageOptions), { operation, image, mode }, options.seed)
      verified++
    }
  }
  return verified
}

async function runUntilCut(
  workload: (disk: SimulatedDisk) => void | Promise<void>,
  disk: SimulatedDisk,
): Promise<void> {
  try {
    await workload(disk)
  } catch (error) {
    if (disk.powered) throw error
  }
}

async function verifyAt(
  verify: (image: SimulatedDisk, point: CrashPoint) => void | Promise<void>,
  image: SimulatedDisk,
  point: CrashPoint,
  seed: number,
): Promise<void> {
  try {
    await verify(image, point)
  } catch (error) {
    const where = `power cut in operation ${point.operation}, image ${point.image} (${point.mode}), seed ${seed}`
    throw new Error(`${where}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  }
}

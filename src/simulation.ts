import { usePlatform } from './api/database.ts'
import { crashEverywhere } from './platform/simulated/crash-points.ts'
import { SimulatedDisk } from './platform/simulated/disk.ts'
import type { CrashOptions, SimulatedDiskOptions } from './platform/simulated/disk.ts'
import { FaultPlan } from './platform/simulated/fault.ts'
import type { Fault } from './platform/simulated/fault.ts'
import { SeededRandom } from './platform/simulated/random.ts'
import { SimulatedScheduler } from './platform/simulated/scheduler.ts'
import { simulatedPlatform } from './platform/simulated/simulated-platform.ts'
import type { SimulatedPlatform } from './platform/simulated/simulated-platform.ts'

export interface MachineOptions {
  /** What goes wrong on its disk. Default: nothing. */
  faults?: readonly Fault[]
  /** Bytes that its disk holds. Default: no limit. */
  capacityBytes?: number
}

/**
 * A machine in memory whose time, chance and order are decided by a seed, and whose disk forgets what was not synced when
 * its power is cut. A program that runs on it opens its databases as always, with or without options.
 *
 * @example
 * const machine = new SimulatedMachine(1)
 * await machine.run(async () => {
 *   const db = await Database.open('app.manifold')
 *   await db.table(users).put(1, 'Ada')
 * })
 * const after = machine.afterPowerCut()
 * await after.run(async () => console.log((await Database.open('app.manifold')).table(users).get(1)))
 */
export class SimulatedMachine {
  readonly disk: SimulatedDisk
  /** What the program's own writers and readers await to be put in an order of the seed's choice. */
  readonly scheduler: SimulatedScheduler
  readonly #random: SeededRandom
  readonly #platform: SimulatedPlatform

  constructor(seed: number, options: MachineOptions = {}, image?: (options: SimulatedDiskOptions) => SimulatedDisk) {
    this.#random = new SeededRandom(seed)
    this.scheduler = new SimulatedScheduler(new SeededRandom(this.#random.next()))
    const schedule = (task: () => void): void => this.scheduler.schedule(task)
    const diskOptions: SimulatedDiskOptions = { schedule, deliver: schedule }
    this.disk = image === undefined ? new SimulatedDisk(diskOptions) : image(diskOptions)
    if (options.faults !== undefined) this.disk.faults = new FaultPlan(options.faults)
    if (options.capacityBytes !== undefined) this.disk.capacityBytes = options.capacityBytes
    this.#platform = simulatedPlatform(this.#random.next(), { disk: this.disk, clock: this.scheduler })
  }

  /**
   * Runs `program`; every database that is opened meanwhile lies on this machine. One machine runs at a time in a process.
   * What the program awaits besides its databases (timers, other I/O) is real and follows no seed.
   */
  async run<R>(program: () => R): Promise<Awaited<R>> {
    const before = usePlatform(this.#platform)
    try {
      return await program()
    } finally {
      if (before !== undefined) usePlatform(before)
    }
  }

  /**
   * Another machine with the disk as a power cut at this moment may leave it: 'random', the default, any subset of what was not
   * synced, with sectors torn in two. This one goes on as if nothing had happened.
   */
  afterPowerCut(options: CrashOptions = {}): SimulatedMachine {
    const crash = { tornSectors: true, ...options }
    return new SimulatedMachine(this.#random.next(), {}, diskOptions =>
      this.disk.crash(this.#random, crash, diskOptions),
    )
  }
}

/** A program, and what must hold of what it leaves. Both run on the simulated machine. */
export interface Program {
  /** What is done while the power fails. It may throw what it likes once that has happened. */
  run(): Promise<void>
  /** Opens what the power cut has left, and throws where something is not as it must be. */
  check(): Promise<void>
}

export interface PowerCutOptions {
  /** Of everything that is left to chance. */
  readonly seed: number
  /** States tried for each cut: first all, then nothing of what was not synced, then random parts and prefixes. Default 4. */
  readonly imagesPerOperation?: number
  /** What goes wrong on the disk besides. Default: nothing. */
  readonly faults?: readonly Fault[]
  /** Only this cut, to see a failure again. */
  readonly only?: { readonly operation: number; readonly image: number }
}

/**
 * Runs a program again and again, with the power cut in its first operation on the disk, its second, and so on, and has it
 * check what each cut may leave. `begin` makes the program anew for each run, so that what it remembers is of that run alone.
 * Returns how many states were checked. A check that fails is thrown on with operation, image and seed, which `only` takes.
 *
 * @example
 * await cutPowerEverywhere(() => {
 *   let acknowledged = 0
 *   return {
 *     async run() {
 *       const db = await Database.open('app.manifold')
 *       for (let i = 1; i <= 5; i++) {
 *         await db.table(users).put(i, 'somebody')
 *         acknowledged = i
 *       }
 *     },
 *     async check() {
 *       const db = await Database.open('app.manifold')
 *       assert.ok(db.table(users).count() >= acknowledged)
 *     },
 *   }
 * }, { seed: 1 })
 */
export function cutPowerEverywhere(begin: () => Program, options: PowerCutOptions): Promise<number> {
  const { seed, faults = [], imagesPerOperation, only } = options
  let machine: SimulatedMachine
  let program: Program
  return crashEverywhere(
    () => {
      program = begin()
      return machine.run(() => program.run())
    },
    (image, { operation, image: number }) => {
      // The image has no scheduler of its own: the copy on the new machine has, and every image has chance of its own.
      const after = new SimulatedMachine(seed + operation * 65_537 + number, {}, diskOptions =>
        image.crash(new SeededRandom(0), { mode: 'all' }, diskOptions),
      )
      return after.run(() => program.check())
    },
    {
      seed,
      tornSectors: true,
      disk: () => (machine = new SimulatedMachine(seed, { faults })).disk,
      ...(imagesPerOperation === undefined ? {} : { imagesPerOperation }),
      ...(only === undefined ? {} : { only }),
    },
  )
}

export { FaultPlan } from './platform/simulated/fault.ts'
export type { Fault, FaultTarget, FaultyDisk } from './platform/simulated/fault.ts'
export { SimulatedDisk } from './platform/simulated/disk.ts'
export type { CrashOptions, SimulatedDiskOptions } from './platform/simulated/disk.ts'
export { PowerCut, systemError } from './platform/simulated/operation.ts'
export type {
  ChangingKind,
  Effect,
  Operation,
  OperationHook,
  OperationKind,
  Outcome,
} from './platform/simulated/operation.ts'
export { SeededRandom } from './platform/simulated/random.ts'
export { SimulatedScheduler } from './platform/simulated/scheduler.ts'
export type { CrashMode } from './platform/simulated/survival.ts'

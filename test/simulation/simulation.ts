import type { ErrorCode, JournalMode } from '../../src/index.ts'
import type { SimulatedDisk } from '../../src/platform/simulated/disk.ts'
import { SimulatedDisk as Disk } from '../../src/platform/simulated/disk.ts'
import { FaultPlan } from '../../src/platform/simulated/fault.ts'
import type { Fault } from '../../src/platform/simulated/fault.ts'
import { SeededRandom } from '../../src/platform/simulated/random.ts'
import { SimulatedScheduler } from '../../src/platform/simulated/scheduler.ts'
import { simulatedPlatform } from '../../src/platform/simulated/simulated-platform.ts'
import type { CrashMode } from '../../src/platform/simulated/survival.ts'
import { Values } from './change.ts'
import { Checker } from './checker.ts'
import type { Found, Image } from './checker.ts'
import { Ledger } from './ledger.ts'
import { Life } from './life.ts'
import { openOn } from './opening.ts'
import type { State } from './state.ts'
import { EMPTY } from './state.ts'
import type { Step } from './step.ts'

/** One life of a database, from its opening to a close, a power cut or the end of its process. */
export interface LifePlan {
  /** What each of its writers does, side by side. */
  readonly writers: readonly (readonly Step[])[]
  /** What goes wrong once it is open. */
  readonly faults: readonly Fault[]
  /** Bytes that the disk has left once it is open. */
  readonly freeBytes?: number | undefined
  readonly closes: boolean
  /** Default: that of the scenario. */
  readonly journal?: JournalMode | undefined
}

/** A database with several lives, the next on what a power cut in the one before has left. */
export interface Scenario {
  readonly seed: number
  /** Of lives that name none, and of all openings that look at what is left. */
  readonly journal: JournalMode
  readonly lives: readonly LifePlan[]
}

export interface SimulationOptions {
  /** Images of each operation that changes the disk. */
  readonly imagesPerOperation: number
}

/** Nothing but damage explains these; without it they are failures. */
const FAILING: readonly ErrorCode[] = ['MANIFOLD_POISONED', 'MANIFOLD_IO', 'MANIFOLD_NO_HANDLES', 'MANIFOLD_CLOSED']
const WITHOUT_SPACE: readonly ErrorCode[] = ['MANIFOLD_NO_SPACE', ...FAILING]
const DAMAGING: readonly ErrorCode[] = ['MANIFOLD_CORRUPTION', 'MANIFOLD_LOG_MISSING', ...FAILING]

const MODES: readonly CrashMode[] = ['random', 'none', 'random', 'prefix', 'random', 'all']

function isDamage({ fault }: Fault): boolean {
  return fault === 'lost write' || fault === 'misdirected write' || fault === 'bit rot'
}

function allowedCodes({ faults, freeBytes }: LifePlan): ReadonlySet<ErrorCode> {
  return new Set([
    ...(faults.length > 0 ? FAILING : []),
    ...(freeBytes === undefined && !faults.some(fault => fault.fault === 'error' && fault.code === 'ENOSPC')
      ? []
      : WITHOUT_SPACE),
    ...(faults.some(isDamage) ? DAMAGING : []),
  ])
}

export interface Checked {
  /** Operations in which the power was cut. */
  readonly points: number
  /** Faults that were planned and struck nothing. */
  readonly unmet: number
  /** Images that were opened and found to be right, those of cuts in recoveries among them. */
  readonly images: number
}

/** Runs a scenario and checks what every power cut in it may leave. */
export async function simulate(scenario: Scenario, options: SimulationOptions): Promise<Checked> {
  return new Simulation(scenario, options).run()
}

class Simulation {
  readonly #scenario: Scenario
  readonly #options: SimulationOptions
  readonly #random: SeededRandom
  readonly #scheduler: SimulatedScheduler
  readonly #checker: Checker
  readonly #values = new Values()
  #disk: SimulatedDisk
  #found: Found = { sequence: 0, text: '' }
  #state: State = EMPTY
  #images: Image[] = []
  /** The life before this one had a log, so both header slots named its last state, or there was none. */
  #cameWithLog = true
  #points = 0
  #unmet = 0

  constructor(scenario: Scenario, options: SimulationOptions) {
    this.#scenario = scenario
    this.#options = options
    this.#random = new SeededRandom(scenario.seed)
    this.#scheduler = new SimulatedScheduler(new SeededRandom(scenario.seed + 1))
    this.#checker = new Checker(scenario.journal, this.#random)
    this.#disk = new Disk(this.#slow)
  }

  /** Asynchronous operations happen, and are told of, when the scheduler says so. */
  get #slow(): { schedule: (task: () => void) => void; deliver: (task: () => void) => void } {
    const schedule = (task: () => void): void => this.#scheduler.schedule(task)
    return { schedule, deliver: schedule }
  }

  async run(): Promise<Checked> {
    for (const [index, plan] of this.#scenario.lives.entries()) {
      try {
        const ledger = await this.#notStalled(this.#live(plan, index))
        if (!(await this.#checkAll(plan, ledger))) break
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error)
        throw new Error(`life ${index + 1}: ${message}`, { cause: error })
      }
    }
    return { points: this.#points, unmet: this.#unmet, images: this.#checker.checked }
  }

  /** Rejects when nothing is left to run while the life still waits for something: it would hang. */
  async #notStalled<R>(life: Promise<R>): Promise<R> {
    const stalled = new Promise<never>((_, reject) => {
      this.#scheduler.onStall = () =>
        reject(new Error('the database hangs: nothing is left to run, and a promise is pending'))
    })
    this.#scheduler.pump()
    try {
      return await Promise.race([life, stalled])
    } finally {
      this.#scheduler.onStall = undefined
    }
  }

  #journalOf(plan: LifePlan): JournalMode {
    return plan.journal ?? this.#scenario.journal
  }

  async #live(plan: LifePlan, index: number): Promise<Ledger> {
    const disk = this.#disk
    const { seed } = this.#scenario
    const journal = this.#journalOf(plan)
    const platform = simulatedPlatform(seed * 31 + index, { disk, clock: this.#scheduler })
    const ledger = new Ledger(this.#found.sequence, this.#state)
    this.#images = []
    let images = 0
    disk.onMidway = operation => {
      this.#points++
      for (let image = 0; image < this.#options.imagesPerOperation; image++)
        this.#capture(disk, operation, MODES[images++ % MODES.length]!, ledger)
    }
    const open = () => openOn(disk, journal, platform)
    const life = new Life(
      await open(),
      open,
      ledger,
      this.#scheduler,
      allowedCodes(plan),
      this.#values,
      journal === 'off',
    )
    const faults = new FaultPlan(plan.faults)
    disk.faults = faults
    if (plan.freeBytes !== undefined) disk.capacityBytes = usedBytes(disk) + plan.freeBytes
    await life.run(plan.writers)
    if (plan.closes) await life.close()
    disk.onMidway = undefined
    this.#unmet += faults.struck.filter(count => count === 0).length
    this.#capture(disk, disk.operations + 1, 'random', ledger)
    if (journal === 'off') ledger.placeFailed()
    ledger.end()
    if (!plan.faults.some(isDamage)) life.compareReads()
    return ledger
  }

  #capture(disk: SimulatedDisk, operation: number, mode: CrashMode, ledger: Ledger): void {
    const image = disk.crash(this.#random, { mode, tornSectors: true })
    const moment = ledger.now()
    const last = this.#images.at(-1)
    const isKnown =
      last !== undefined &&
      last.moment.issued === moment.issued &&
      last.moment.acknowledged === moment.acknowledged &&
      last.disk.isSameAs(image)
    if (!isKnown) this.#images.push({ disk: image, moment, operation, mode })
  }

  /** Checks all images of a life, and goes on with one of them. False where that cannot be opened. */
  async #checkAll(plan: LifePlan, ledger: Ledger): Promise<boolean> {
    const damaged = plan.faults.some(isDamage)
    const next = this.#random.below(this.#images.length)
    const hasLog = this.#journalOf(plan) !== 'off'
    let found: Found | undefined
    for (const [index, image] of this.#images.entries()) {
      // An opening with a log has both slots name one state before anything is written; until then they may be those of a life without.
      const slotsAgree = hasLog && (this.#cameWithLog || image.moment.issued > 0)
      const result = damaged
        ? await this.#checker.checkDamaged(image, ledger, this.#lowestDamaged(ledger))
        : await this.#checker.check(image, ledger, slotsAgree)
      if (index === next) found = result
    }
    this.#cameWithLog = hasLog
    if (!damaged) await this.#endProcess(plan, ledger)
    if (found === undefined) return false
    this.#disk = this.#images[next]!.disk.crash(this.#random, { mode: 'all' }, this.#slow)
    this.#found = found
    this.#state = ledger.stateAt(found.sequence)
    return true
  }

  /** Damage may reach anything of the life, but nothing that was there before it began. */
  #lowestDamaged(ledger: Ledger): number {
    return ledger.bounds({ issued: 0, acknowledged: 0 })[0]
  }

  /** The process dies, the machine stays up, the disk is well again: the next opening finds all that was acknowledged. */
  async #endProcess(plan: LifePlan, ledger: Ledger): Promise<void> {
    const disk = this.#disk.afterProcessEnd()
    const forgets = plan.faults.some(({ fault }) => fault === 'reverted sync') || this.#journalOf(plan) === 'off'
    const [lowest] = ledger.bounds(ledger.now(), forgets)
    await this.#checker.checkProcessEnd(disk, ledger, lowest)
  }
}

function usedBytes(disk: SimulatedDisk): number {
  return disk.listSync('/data').reduce((sum, name) => sum + disk.contents(`/data/${name}`).length, 0)
}

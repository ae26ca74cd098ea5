import { DatabaseError } from '../../base/errors.ts'
import type { File, FileSystem, Lock, OpenMode } from '../file-system.ts'
import { Content } from './content.ts'
import { SimulatedFile } from './file.ts'
import type { FaultPlan } from './fault.ts'
import type { Circumstances, DiskEnvironment, OperationDetails } from './file.ts'
import { Names } from './names.ts'
import { PowerCut, systemError } from './operation.ts'
import type { ChangingKind, Operation, OperationHook, OperationKind, Outcome } from './operation.ts'
import type { SeededRandom } from './random.ts'
import { chooseSurvival } from './survival.ts'
import type { CrashMode } from './survival.ts'

export interface SimulatedDiskOptions {
  /** Decides what happens to each operation, reads included. Default: all succeed. */
  onOperation?: OperationHook
  /** What goes wrong. Asked before `onOperation`. Default: nothing. */
  faults?: FaultPlan
  /** Bytes of all files together. Default: no limit. */
  capacityBytes?: number
  /** Runs an asynchronous operation later. Default: in a microtask. */
  schedule?: (operation: () => void) => void
  /** Tells the caller later that an asynchronous operation has happened. Default: at once. */
  deliver?: (completion: () => void) => void
}

export interface CrashOptions {
  /** Default 'random'. */
  mode?: CrashMode
  /** True: a sector that is left may hold the end of what it held before. Default false: the medium writes sectors whole. */
  tornSectors?: boolean
}

/**
 * A disk in memory that forgets, when its power is cut, what was not synced. Directories need not be made: every path
 * has one. Deterministic: its only chance is the generator that is passed to `crash`.
 */
export class SimulatedDisk implements FileSystem {
  /** May be changed at any time, also by the hook itself. */
  onOperation: OperationHook | undefined
  /** May be changed at any time. */
  faults: FaultPlan | undefined
  /** May be changed at any time. */
  capacityBytes: number
  /**
   * Called in the middle of every operation that changes the disk: its change is made, and none of it is durable yet. What
   * `crash` gives here is what a power cut in this operation may leave.
   */
  onMidway: ((operation: number) => void) | undefined
  readonly #schedule: (operation: () => void) => void
  readonly #deliver: (completion: () => void) => void
  #names: Names
  readonly #locks = new Set<string>()
  readonly #environment: DiskEnvironment
  #operations = 0
  #cutAt = Infinity
  #powered = true

  constructor(options: SimulatedDiskOptions = {}, durable: ReadonlyMap<string, Uint8Array | Content> = new Map()) {
    this.onOperation = options.onOperation
    this.faults = options.faults
    this.capacityBytes = options.capacityBytes ?? Infinity
    this.#schedule = options.schedule ?? queueMicrotask
    this.#deliver = options.deliver ?? (completion => completion())
    const contents = [...durable].map(([path, left]): [string, Content] => [
      path,
      left instanceof Content ? left : new Content(left),
    ])
    this.#names = new Names(new Map(contents))
    const operations = (): number => this.#operations
    this.#environment = {
      get lastOperation() {
        return operations()
      },
      freeBytes: () => this.#freeBytes(),
      observe: (kind, details) => this.#observe(kind, details),
      perform: (kind, details, change, fail) => this.#perform(kind, details, change, fail),
      later: task => this.#later(task),
    }
  }

  /** How many operations have changed the disk. */
  get operations(): number {
    return this.#operations
  }

  get powered(): boolean {
    return this.#powered
  }

  /** Cuts the power now: every operation from here on throws `PowerCut`. Closing and releasing do not. */
  cutPower(): void {
    this.#powered = false
  }

  /** Cuts the power in operation number `operation`, counted from the disk's creation: it may be left in part, and throws. */
  cutPowerAt(operation: number): void {
    this.#cutAt = operation
  }

  /**
   * The process dies and the machine stays: another disk with all that was written, synced or not, and no locks. This one
   * answers nothing from here on, so that what the dead process had on its way is lost.
   */
  afterProcessEnd(options: SimulatedDiskOptions = {}): SimulatedDisk {
    const next = new SimulatedDisk(options)
    next.#names = this.#names
    next.#operations = this.#operations
    this.#names = new Names()
    this.#powered = false
    return next
  }

  /** A possible state of this disk after a power cut, as a new disk with nothing unsynced and no locks. This one stays as it is. */
  crash(random: SeededRandom, options: CrashOptions = {}, diskOptions: SimulatedDiskOptions = {}): SimulatedDisk {
    const survival = chooseSurvival(options.mode ?? 'random', random, this.#names.oldestUnsynced, this.#operations)
    const torn = (): number | undefined =>
      options.tornSectors === true && random.chance(0.25) ? 1 + random.below(511) : undefined
    const left = new Map<string, Content>()
    for (const [path, content] of this.#names.crash(survival)) left.set(path, content.crash(survival, torn))
    return new SimulatedDisk(diskOptions, left)
  }

  /** Whether this disk and `other` hold the very same files, which nothing was written to since they came from one disk. */
  isSameAs(other: SimulatedDisk): boolean {
    return this.#names.areSameAs(other.#names)
  }

  /** What a reader sees of the file, copied. Neither counted nor refused without power. */
  contents(path: string): Uint8Array {
    return this.#existing(path).copy()
  }

  /** Changes bytes on the medium behind the engine's back: rot, a misdirected write. */
  damage(path: string, position: number, bytes: Uint8Array): void {
    this.#existing(path).damage(position, bytes)
  }

  openSync(path: string, mode: OpenMode): File {
    this.#observe('open', { path })
    const found = this.#names.get(path)
    if (found !== undefined && mode.create && mode.exclusive) throw systemError('EEXIST', `${path} exists`)
    if (found === undefined && !mode.create) throw systemError('ENOENT', `no such file: ${path}`)
    return new SimulatedFile(path, this.#environment, found ?? this.#create(path), mode)
  }

  existsSync(path: string): boolean {
    this.#observe('list', { path })
    return this.#names.get(path) !== undefined
  }

  listSync(directory: string): string[] {
    this.#observe('list', { path: directory })
    const paths = this.#names.paths().filter(path => this.dirname(path) === directory)
    return paths.map(path => this.basename(path))
  }

  renameSync(from: string, to: string): void {
    const directory = this.dirname(to)
    if (directory !== this.dirname(from)) throw systemError('EXDEV', `${from} and ${to} are in different directories`)
    this.#perform('rename', { path: from, to }, ({ operation }) => {
      this.#names.rename(from, to, directory, this.#existing(from), operation)
    })
  }

  removeSync(path: string): void {
    this.#perform('remove', { path }, ({ operation }) => {
      this.#names.remove(path, this.dirname(path), this.#existing(path), operation)
    })
  }

  syncDirectorySync(directory: string): void {
    this.#perform('syncDirectory', { path: directory }, ({ endures }) => {
      if (endures()) this.#names.syncDirectory(directory)
    })
  }

  /** Locks are the process's: they are not on the medium, and a crash leaves none. */
  lockSync(path: string): Lock {
    this.#observe('lock', { path })
    if (this.#locks.has(path)) {
      throw new DatabaseError(
        'MANIFOLD_LOCKED',
        `The database is already open in this process (${path}). Close it first.`,
      )
    }
    this.#locks.add(path)
    let released = false
    return {
      releaseSync: () => {
        if (!released) this.#locks.delete(path)
        released = true
      },
    }
  }

  dirname(path: string): string {
    const slash = path.lastIndexOf('/')
    if (slash < 0) return '.'
    return slash === 0 ? '/' : path.slice(0, slash)
  }

  basename(path: string): string {
    return path.slice(path.lastIndexOf('/') + 1)
  }

  join(directory: string, name: string): string {
    if (directory === '.') return name
    return directory.endsWith('/') ? directory + name : `${directory}/${name}`
  }

  #create(path: string): Content {
    return this.#perform('create', { path }, ({ operation }) => {
      const content = new Content()
      this.#names.add(path, this.dirname(path), content, operation)
      return content
    })
  }

  #existing(path: string): Content {
    const content = this.#names.get(path)
    if (content === undefined) throw systemError('ENOENT', `no such file: ${path}`)
    return content
  }

  #freeBytes(): number {
    if (this.capacityBytes === Infinity) return Infinity
    const used = this.#names.paths().reduce((sum, path) => sum + this.#names.get(path)!.size, 0)
    return Math.max(0, this.capacityBytes - used)
  }

  #ask(kind: OperationKind, details: OperationDetails, number: number): Outcome {
    const { path, to, position = 0, length = 0, dataSync = false } = details
    const operation: Operation = { kind, number, path, to, position, length, dataSync }
    const outcome = this.faults?.strike(operation, this) ?? this.onOperation?.(operation)
    if (!this.#powered) throw new PowerCut()
    return outcome
  }

  #observe(kind: OperationKind, details: OperationDetails): void {
    if (!this.#powered) throw new PowerCut()
    const outcome = this.#ask(kind, details, this.#operations)
    if (outcome instanceof Error) throw outcome
  }

  #perform<R>(
    kind: ChangingKind,
    details: OperationDetails,
    change: (circumstances: Circumstances) => R,
    fail?: () => void,
  ): R {
    if (!this.#powered) throw new PowerCut()
    const operation = ++this.#operations
    if (operation >= this.#cutAt) {
      change({ operation, effect: undefined, endures: () => false })
      this.#powered = false
      throw new PowerCut()
    }
    const outcome = this.#ask(kind, details, operation)
    if (outcome instanceof Error) {
      fail?.()
      throw outcome
    }
    let told = false
    const endures = (): boolean => {
      if (!told) this.onMidway?.(operation)
      told = true
      return true
    }
    const result = change({ operation, effect: outcome, endures })
    endures()
    return result
  }

  #later<R>(task: () => R): Promise<R> {
    return new Promise((resolve, reject) => {
      this.#schedule(() => {
        let settle: () => void
        try {
          const result = task()
          settle = () => resolve(result)
        } catch (error) {
          settle = () => reject(error as Error)
        }
        this.#deliver(settle)
      })
    })
  }
}

import type { File, OpenMode } from '../file-system.ts'
import type { Content } from './content.ts'
import type { ChangingKind, Effect, OperationKind } from './operation.ts'
import { systemError } from './operation.ts'
import { WRITE_UNIT_BYTES } from '../../base/aligned-memory.ts'

export interface OperationDetails {
  path: string
  to?: string
  position?: number
  length?: number
  dataSync?: boolean
}

/** What an operation that changes the disk knows of its circumstances. */
export interface Circumstances {
  readonly operation: number
  readonly effect: Effect | undefined
  /** To be asked when the change is made and before it becomes durable: false where the power is cut in between. */
  endures(): boolean
}

/** What an open file needs of its disk. */
export interface DiskEnvironment {
  /** The number of the last operation that changed the disk. */
  readonly lastOperation: number
  /** Bytes by which files can still grow. */
  freeBytes(): number
  /** Reports an operation that changes nothing; throws what it fails with. */
  observe(kind: OperationKind, details: OperationDetails): void
  /** Counts an operation and performs it. An error that it is to fail with is thrown before `change`, after `fail`. */
  perform<R>(
    kind: ChangingKind,
    details: OperationDetails,
    change: (circumstances: Circumstances) => R,
    fail?: () => void,
  ): R
  /** Runs `task` later, as the disk's scheduler says. */
  later<R>(task: () => R): Promise<R>
}

/** An open file of the simulated disk. */
export class SimulatedFile implements File {
  readonly path: string
  readonly descriptor: number | undefined = undefined
  readonly isDirect: boolean
  readonly #disk: DiskEnvironment
  readonly #content: Content
  readonly #mode: OpenMode
  #closed = false

  constructor(path: string, disk: DiskEnvironment, content: Content, mode: OpenMode) {
    this.path = path
    this.#disk = disk
    this.#content = content
    this.#mode = mode
    this.isDirect = mode.direct === true
  }

  size(): number {
    this.#check(false)
    this.#disk.observe('read', { path: this.path })
    return this.#content.size
  }

  readSync(target: Uint8Array, position: number): number {
    this.#check(false)
    this.#disk.observe('read', { path: this.path, position, length: target.length })
    return this.#content.read(target, position)
  }

  writeSync(parts: readonly Uint8Array[], position: number): number {
    this.#check(true)
    return this.#write(parts, position)
  }

  /** The parts are read when the write happens, not at the call: whoever changes them in between sees it on the disk. */
  async write(parts: readonly Uint8Array[], position: number): Promise<number> {
    this.#check(true)
    return this.#disk.later(() => this.#write(parts, position))
  }

  syncSync(): void {
    this.#check(false)
    this.#sync(this.#disk.lastOperation)
  }

  /** Covers what was written before the call; what is written until it ends is as unsynced as it was. */
  async sync(): Promise<void> {
    this.#check(false)
    const through = this.#disk.lastOperation
    return this.#disk.later(() => this.#sync(through))
  }

  truncateSync(size: number): void {
    this.#check(true)
    this.#truncate(size)
  }

  async truncate(size: number): Promise<void> {
    this.#check(true)
    return this.#disk.later(() => this.#truncate(size))
  }

  closeSync(): void {
    this.#closed = true
  }

  #write(parts: readonly Uint8Array[], position: number): number {
    const total = parts.reduce((sum, part) => sum + part.length, 0)
    if (total === 0) return 0
    const { dataSync } = this.#mode
    if (this.isDirect) checkUnits(parts, position)
    const details = { path: this.path, position, length: total, dataSync }
    return this.#disk.perform('write', details, ({ operation, effect, endures }) => {
      if (effect?.effect === 'lost') return total
      const place = effect?.effect === 'misdirected' ? effect.position : position
      const least = this.isDirect ? WRITE_UNIT_BYTES : 1
      const shortened = effect?.effect === 'short' ? Math.max(least, Math.min(effect.bytes, total)) : total
      const asked = shortened - (shortened % least)
      const length = this.#fitting(place, asked)
      this.#content.write(joined(parts, length), place, operation)
      if (endures() && dataSync) this.#content.syncRange(place, length)
      return length
    })
  }

  /** A file that is made longer takes its room at once, since what is written into it later is not counted. */
  #truncate(size: number): void {
    this.#disk.perform('truncate', { path: this.path, position: size }, ({ operation }) => {
      if (size - this.#content.size > Math.max(0, this.#disk.freeBytes()))
        throw systemError('ENOSPC', 'no space left on device')
      this.#content.truncate(size, operation)
    })
  }

  /** How many of `length` bytes there is space for; a full disk takes what fits, and refuses a write of which nothing does. */
  #fitting(position: number, length: number): number {
    const growth = position + length - Math.max(this.#content.size, position)
    const free = this.#disk.freeBytes()
    if (growth <= free) return length
    const fitting = length - (growth - free)
    if (fitting <= 0) throw systemError('ENOSPC', 'no space left on device')
    return fitting
  }

  #sync(through: number): void {
    this.#disk.perform(
      'sync',
      { path: this.path },
      ({ effect, endures }) => {
        if (effect?.effect === 'reverted') {
          this.#content.revert(through)
          throw effect.error
        }
        if (endures()) this.#content.sync(through)
      },
      () => this.#content.failSync(through),
    )
  }

  #check(write: boolean): void {
    if (this.#closed) throw systemError('EBADF', `${this.path} is closed`)
    if (write && !this.#mode.write) throw systemError('EBADF', `${this.path} is open for reading only`)
  }
}

/** As the kernel does: a direct write whose position, memory or lengths are no multiples of a sector is refused. */
function checkUnits(parts: readonly Uint8Array[], position: number): void {
  const places = [position, ...parts.flatMap(part => [part.byteOffset, part.length])]
  if (places.some(place => place % WRITE_UNIT_BYTES !== 0))
    throw systemError('EINVAL', 'a direct write is not of whole sectors')
}

/** The first `length` bytes of `parts`, one after the other. */
function joined(parts: readonly Uint8Array[], length: number): Uint8Array {
  if (parts.length === 1) return parts[0]!.subarray(0, length)
  const bytes = new Uint8Array(length)
  let filled = 0
  for (const part of parts) {
    bytes.set(part.subarray(0, length - filled), filled)
    filled += Math.min(part.length, length - filled)
  }
  return bytes
}

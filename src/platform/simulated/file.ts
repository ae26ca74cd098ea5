import type { File, OpenMode } from '../file-system.ts'
import type { Content } from './content.ts'
import type { ChangingKind, OperationKind, Outcome } from './operation.ts'
import { systemError } from './operation.ts'

export interface OperationDetails {
  path: string
  to?: string
  position?: number
  length?: number
  dataSync?: boolean
}

/** What an open file needs of its disk. */
export interface DiskEnvironment {
  /** The number of the last operation that changed the disk. */
  readonly lastOperation: number
  /** Reports an operation that changes nothing; throws what it fails with. */
  observe(kind: OperationKind, details: OperationDetails): void
  /**
   * Counts an operation and performs it: `change` gets its number and its outcome, an error among them thrown before.
   * `cut` is true in the operation in which power is cut: then nothing of it becomes durable for certain, and the call
   * throws after it.
   */
  perform<R>(
    kind: ChangingKind,
    details: OperationDetails,
    change: (operation: number, outcome: Outcome, cut: boolean) => R,
    fail?: () => void,
  ): R
  /** Runs `task` later, as the disk's scheduler says. */
  later<R>(task: () => R): Promise<R>
}

/** An open file of the simulated disk. */
export class SimulatedFile implements File {
  readonly path: string
  readonly descriptor: number | undefined = undefined
  readonly #disk: DiskEnvironment
  readonly #content: Content
  readonly #mode: OpenMode
  #closed = false

  constructor(path: string, disk: DiskEnvironment, content: Content, mode: OpenMode) {
    this.path = path
    this.#disk = disk
    this.#content = content
    this.#mode = mode
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
    const details = { path: this.path, position, length: total, dataSync }
    return this.#disk.perform('write', details, (operation, outcome, cut) => {
      const length = outcome === 'short' ? Math.ceil(total / 2) : total
      this.#content.write(joined(parts, length), position, operation)
      if (dataSync && !cut) this.#content.syncRange(position, length)
      return length
    })
  }

  #truncate(size: number): void {
    this.#disk.perform('truncate', { path: this.path, position: size }, operation => {
      this.#content.truncate(size, operation)
    })
  }

  #sync(through: number): void {
    this.#disk.perform(
      'sync',
      { path: this.path },
      (_operation, _outcome, cut) => {
        if (!cut) this.#content.sync(through)
      },
      () => this.#content.failSync(through),
    )
  }

  #check(write: boolean): void {
    if (this.#closed) throw systemError('EBADF', `${this.path} is closed`)
    if (write && !this.#mode.write) throw systemError('EBADF', `${this.path} is open for reading only`)
  }
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

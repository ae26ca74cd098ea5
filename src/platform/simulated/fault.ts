import type { Operation, OperationKind, Outcome } from './operation.ts'
import { systemError } from './operation.ts'

/** Which operations a fault strikes. What is left out does not matter. */
export interface FaultTarget {
  readonly kind: OperationKind
  /** A part of the path: '-wal' for the log of a database. */
  readonly path?: string
  /** The first one of these operations that is struck, counted from 1. Default 1. */
  readonly nth?: number
  /** How many are struck from there on. Default 1; Infinity for all. */
  readonly times?: number
}

/** What a fault can reach besides the operation: the disk. */
export interface FaultyDisk {
  contents(path: string): Uint8Array
  damage(path: string, position: number, bytes: Uint8Array): void
  cutPower(): void
}

/** One thing that goes wrong. Plain data, so that a failing plan can be printed and made smaller. */
export type Fault =
  /** The operation fails and changes nothing: 'EIO', 'ENOSPC', 'EMFILE' and so on. A sync marks its data clean, and the cache keeps it. */
  | { readonly fault: 'error'; readonly on: FaultTarget; readonly code: string }
  /** The sync fails with EIO and its data is taken out of the cache: reads show what the medium holds. */
  | { readonly fault: 'reverted sync'; readonly on: FaultTarget }
  /** The write takes only so many bytes, and says so. */
  | { readonly fault: 'short write'; readonly on: FaultTarget; readonly bytes: number }
  /** The write reports success, and nothing was written. */
  | { readonly fault: 'lost write'; readonly on: FaultTarget }
  /** The write reports success, and lands so many bytes behind its place, or before it, in the same file. */
  | { readonly fault: 'misdirected write'; readonly on: FaultTarget; readonly byBytes: number }
  /** When the operation comes, one bit of the file that it concerns flips on the medium: counted from the file's begin, modulo its size. */
  | { readonly fault: 'bit rot'; readonly on: FaultTarget; readonly bit: number }
  /** The power fails before the operation. */
  | { readonly fault: 'power cut'; readonly on: FaultTarget }

/**
 * A list of faults, each counting the operations of its target for itself. Where several strike at once, the first in the list
 * decides what becomes of the operation.
 *
 * @example
 * const disk = new SimulatedDisk({
 *   faults: new FaultPlan([{ fault: 'error', on: { kind: 'sync', path: '-wal', nth: 3 }, code: 'EIO' }]),
 * })
 */
export class FaultPlan {
  readonly faults: readonly Fault[]
  /** How often each fault has struck. */
  readonly struck: number[]
  readonly #met: number[]

  constructor(faults: readonly Fault[]) {
    this.faults = faults
    this.struck = faults.map(() => 0)
    this.#met = faults.map(() => 0)
  }

  /** What becomes of the operation. Called by the disk. */
  strike(operation: Operation, disk: FaultyDisk): Outcome {
    let outcome: Outcome
    this.faults.forEach((fault, index) => {
      if (!this.#hits(fault.on, index, operation)) return
      this.struck[index]!++
      outcome ??= act(fault, operation, disk)
    })
    return outcome
  }

  #hits({ kind, path = '', nth = 1, times = 1 }: FaultTarget, index: number, operation: Operation): boolean {
    if (operation.kind !== kind || !operation.path.includes(path)) return false
    const met = ++this.#met[index]!
    return met >= nth && met < nth + times
  }
}

const MESSAGES: Readonly<Record<string, string>> = {
  EIO: 'i/o error',
  ENOSPC: 'no space left on device',
  EMFILE: 'too many open files',
  EACCES: 'permission denied',
  EROFS: 'read-only file system',
}

function act(fault: Fault, operation: Operation, disk: FaultyDisk): Outcome {
  switch (fault.fault) {
    case 'error':
      return systemError(fault.code, MESSAGES[fault.code] ?? fault.code)
    case 'reverted sync':
      return { effect: 'reverted', error: systemError('EIO', MESSAGES['EIO']!) }
    case 'short write':
      return { effect: 'short', bytes: fault.bytes }
    case 'lost write':
      return { effect: 'lost' }
    case 'misdirected write':
      return { effect: 'misdirected', position: Math.max(0, operation.position + fault.byBytes) }
    case 'bit rot':
      return flip(fault.bit, operation.path, disk)
    case 'power cut':
      disk.cutPower()
      return undefined
  }
}

function flip(bit: number, path: string, disk: FaultyDisk): undefined {
  const bytes = disk.contents(path)
  if (bytes.length === 0) return
  const position = Math.floor(bit / 8) % bytes.length
  disk.damage(path, position, Uint8Array.of(bytes[position]! ^ (1 << (bit % 8))))
}

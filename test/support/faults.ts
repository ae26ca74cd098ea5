import type { SimulatedDisk } from '../../src/platform/simulated/disk.ts'
import { systemError } from '../../src/platform/simulated/operation.ts'
import type { Operation } from '../../src/platform/simulated/operation.ts'

const MESSAGES: Readonly<Record<string, string>> = {
  EIO: 'i/o error',
  ENOSPC: 'no space left on device',
  EMFILE: 'too many open files',
  EACCES: 'permission denied',
  EROFS: 'read-only file system',
}

export function fault(code: string): Error {
  return systemError(code, MESSAGES[code] ?? code)
}

/** Makes those operations fail that `hits` accepts, until it is healed. */
export class Fault {
  /** Operations that have failed. */
  hits = 0
  readonly #disk: SimulatedDisk

  constructor(disk: SimulatedDisk, code: string, hits: (operation: Operation) => boolean) {
    this.#disk = disk
    disk.onOperation = operation => {
      if (!hits(operation)) return undefined
      this.hits++
      return fault(code)
    }
  }

  heal(): void {
    this.#disk.onOperation = undefined
  }
}

export function isLog({ path }: Operation): boolean {
  return path.includes('-wal')
}

/** Operations that a full disk refuses. */
export function needsSpace({ kind, dataSync }: Operation): boolean {
  return kind === 'create' || kind === 'write' || (kind === 'sync' && dataSync)
}

/** Accepts the operation number `nth` of those that `of` accepts, from 1 on, and that alone, or all from it on. */
export function nth(
  number: number,
  alone: boolean,
  of: (operation: Operation) => boolean,
): (operation: Operation) => boolean {
  let count = 0
  return operation => of(operation) && (++count === number || (!alone && count > number))
}

/** A disk that is full: what makes a file, or makes one longer, fails; what lies within one goes on. */
export function whenFull(disk: SimulatedDisk): (operation: Operation) => boolean {
  return ({ kind, path, position, length }) =>
    kind === 'create' || (kind === 'write' && position + length > disk.contents(path).length)
}

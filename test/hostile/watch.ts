import type { SimulatedDisk } from '../../src/platform/simulated/disk.ts'
import { systemError } from '../../src/platform/simulated/operation.ts'

type Constructor = new (...parameters: never[]) => object

/** What a constructor of memory is asked for, in bytes; zero where it makes a view of memory that is there. */
function bytesAsked(name: string, first: unknown): number {
  if (typeof first !== 'number') return 0
  const match = /(\d+)Array$/.exec(name)
  return first * (match === null ? 1 : Number(match[1]) / 8)
}

/**
 * Watches every array buffer and typed array that is made by its length, and remembers the longest: an allocation costs
 * nothing until it is touched, so nothing else shows one that an unchecked length asks for.
 */
export class AllocationWatch {
  longest = 0

  constructor() {
    for (const name of [
      'ArrayBuffer',
      'SharedArrayBuffer',
      'Uint8Array',
      'Uint16Array',
      'Int32Array',
      'Uint32Array',
      'Float64Array',
    ]) {
      const scope = globalThis as unknown as Record<string, Constructor>
      const original = scope[name]!
      scope[name] = new Proxy(original, {
        construct: (target, parameters: never[], made) => {
          this.longest = Math.max(this.longest, bytesAsked(name, parameters[0]))
          return Reflect.construct(target, parameters, made)
        },
      })
    }
  }
}

/** Where a disk in memory ends: a write beyond it finds no space. */
const DISK_BYTES = 32 * 1024 * 1024

/** Counts the calls that read from a disk, and fails them once there are more than `most`: an endless search ends so. */
export function boundReads(disk: SimulatedDisk, most: number): { count: number } {
  const reads = { count: 0 }
  disk.onOperation = ({ kind, position, length }) => {
    if (kind === 'write' && position + length > DISK_BYTES) return systemError('ENOSPC', 'no space left on device')
    if (kind === 'read' && ++reads.count > most) return systemError('ETIME', `more than ${most} reads`)
    return undefined
  }
  return reads
}

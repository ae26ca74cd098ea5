import { closeSync, constants, fdatasyncSync, fsyncSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { WRITE_UNIT_BYTES, alignedMemory } from '../engine.ts'
import type { Figures } from '../processes.ts'

export interface RawParameters {
  readonly directory: string
  /** In one synced write. */
  readonly bytes: number
  readonly warmMillis: number
  readonly milliseconds: number
  /** One write with O_DSYNC, one past the page cache (in whole sectors), or a write and a call of fdatasync. */
  readonly method: 'dsync' | 'direct' | 'fdatasync'
}

const FLAGS: Readonly<Record<RawParameters['method'], number>> = {
  dsync: constants.O_RDWR | constants.O_DSYNC,
  direct: constants.O_RDWR | constants.O_DSYNC | (constants.O_DIRECT ?? 0),
  fdatasync: constants.O_RDWR,
}

const FILE_BYTES = 128 << 20
/** Written in one call: the page cache keeps files in pieces as large as they were written in, and large ones make small synced
 * writes slower (137 against 120 µs with 1 MiB), small ones large writes. */
const ZEROS_BYTES = 64 << 10

/** A file that has been written with zeros before: overwriting it changes no metadata. */
function preallocated(path: string): void {
  const fd = openSync(path, 'w')
  const zeros = new Uint8Array(ZEROS_BYTES)
  for (let position = 0; position < FILE_BYTES; position += zeros.length)
    writeSync(fd, zeros, 0, zeros.length, position)
  fsyncSync(fd)
  closeSync(fd)
}

/** Synced writes one behind the other and nothing else: what no log on this disk can beat. */
export async function raw(parameters: RawParameters): Promise<Figures> {
  const { warmMillis, milliseconds, method } = parameters
  const path = join(parameters.directory, 'raw')
  preallocated(path)
  const fd = openSync(path, FLAGS[method])
  const bytes =
    method === 'direct' ? Math.ceil(parameters.bytes / WRITE_UNIT_BYTES) * WRITE_UNIT_BYTES : parameters.bytes
  const data = new Uint8Array(alignedMemory(bytes) ?? new ArrayBuffer(bytes), 0, bytes).fill(0xa5)
  const begin = performance.now() + warmMillis
  let position = 0
  let writes = 0
  let now = 0
  do {
    if (position + bytes > FILE_BYTES) position = 0
    writeSync(fd, data, 0, bytes, position)
    if (method === 'fdatasync') fdatasyncSync(fd)
    position += bytes
    now = performance.now()
    if (now >= begin) writes++
  } while (now < begin + milliseconds)
  closeSync(fd)
  return { writesPerSecond: (writes * 1000) / (now - begin) }
}

import { checksum } from '../base/checksum.ts'
import { corruption } from '../base/errors.ts'
import type { DatabaseError } from '../base/errors.ts'
import { PAGE_BYTES, VALUE_BYTES_MAX } from '../base/limits.ts'
import type { File } from '../platform/file-system.ts'
import { ioError } from '../platform/io-error.ts'
import { pageFault } from './page-format.ts'
import type { Slab } from './slab.ts'

/** A checksum for a person to read. */
export function hex(value: number): string {
  return `0x${(value >>> 0).toString(16).padStart(8, '0')}`
}

/** Bytes of the file. */
export function sizeOf(file: File): number {
  try {
    return file.size()
  } catch (error) {
    throw ioError(error, `read ${file.path}`, file.path)
  }
}

/** Fills `target` as far as the file reaches; returns how many bytes there were. */
export function readUpTo(file: File, target: Uint8Array, position: number): number {
  let done = 0
  try {
    while (done < target.length) {
      const count = file.readSync(done === 0 ? target : target.subarray(done), position + done)
      if (count === 0) break
      done += count
    }
  } catch (error) {
    throw ioError(error, `read ${file.path}`, file.path)
  }
  return done
}

/** Fills `target`, or reports that the file ends too early. */
export function readExactly(file: File, target: Uint8Array, position: number, what: string): void {
  const count = readUpTo(file, target, position)
  if (count < target.length) throw truncated(file, position, what, target.length, count)
}

function truncated(file: File, position: number, what: string, expected: number, found: number): DatabaseError {
  return corruption(file.path, position, `the file ends within ${what}`, `${expected} bytes`, `${found} bytes`)
}

/** Checks the page that has been read to byte `base` of a slab against its parent's checksum, then its structure. */
export function verifyPage(file: File, page: number, expected: number, level: number, slab: Slab, base: number): void {
  const found = checksum(slab.page(base)) | 0
  if (found !== expected) {
    throw corruption(file.path, page * PAGE_BYTES, `checksum of page ${page}`, hex(expected), hex(found))
  }
  const fault = pageFault(slab, base, level)
  if (fault !== undefined) throw corruption(file.path, page * PAGE_BYTES, `structure of page ${page}`, ...fault)
}

/** Reads one page of a tree to byte `base` of a slab. */
export function readPage(file: File, page: number, expected: number, level: number, slab: Slab, base: number): void {
  readExactly(file, slab.page(base), page * PAGE_BYTES, `page ${page}`)
  verifyPage(file, page, expected, level, slab, base)
}

/** Reads a long value: `target` is as long as the reference says, which has been bounded by `boundOverflow`. */
export function readOverflow(file: File, page: number, expected: number, target: Uint8Array<ArrayBuffer>): void {
  readExactly(file, target, page * PAGE_BYTES, `the value in page ${page}`)
  const found = checksum(target) | 0
  if (found !== expected) throw overflowFault(file, page, target.length, expected, found)
}

/** That a long value does not have the checksum which the leaf has. */
export function overflowFault(
  file: File,
  page: number,
  length: number,
  expected: number,
  found: number,
): DatabaseError {
  const what = `checksum of the value of ${length} bytes in page ${page}`
  return corruption(file.path, page * PAGE_BYTES, what, hex(expected), hex(found))
}

/** Refuses a reference to a value that no file could hold, before memory is allocated for it. */
export function boundOverflow(file: File, page: number, length: number): void {
  const room = Math.min(VALUE_BYTES_MAX, sizeOf(file) - page * PAGE_BYTES)
  if (page >= 2 && length >= 0 && length <= room) return
  throw corruption(
    file.path,
    Math.max(0, page) * PAGE_BYTES,
    'length of a long value',
    `at most ${room} bytes`,
    `${length} bytes`,
  )
}

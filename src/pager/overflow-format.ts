import { PAGE_BYTES } from '../base/limits.ts'

/**
 * A long value lies in pages of its own, contiguous and without a header; the last is filled up with zeros. The leaf
 * holds in its place:
 *
 * ```
 *  offset  bytes  field
 *       0      4  first page
 *       4      4  length of the value in bytes
 *       8      4  checksum, CRC-32 of the value
 * ```
 */
export const OVERFLOW_PAGE_OFFSET = 0
export const OVERFLOW_LENGTH_OFFSET = 4
export const OVERFLOW_CHECKSUM_OFFSET = 8
export const OVERFLOW_REFERENCE_BYTES = 12

/** A reference is three of these, at any alignment. Signed, as everywhere in memory. */
export function readWord(bytes: Uint8Array, offset: number): number {
  return bytes[offset]! | (bytes[offset + 1]! << 8) | (bytes[offset + 2]! << 16) | (bytes[offset + 3]! << 24)
}

export function writeWord(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value
  bytes[offset + 1] = value >>> 8
  bytes[offset + 2] = value >>> 16
  bytes[offset + 3] = value >>> 24
}

/** Pages that a value of `length` bytes takes. */
export function overflowPages(length: number): number {
  return Math.ceil(length / PAGE_BYTES)
}

import { KEY_BYTES_MAX } from '../base/limits.ts'

/**
 * A key on its way into or through the engine: its bytes in a reused buffer, and its first eight bytes as two words that
 * compare as signed integers in the order of the bytes (big-endian, padded with zeros, the sign bit flipped). Most
 * comparisons in an index end with these two words and touch no other memory.
 */
export class EncodedKey {
  /** Room for the longest key and what a bound may add to it. */
  readonly bytes: Uint8Array<ArrayBuffer> = new Uint8Array(KEY_BYTES_MAX + 64)
  length = 0
  high = 0
  low = 0

  /** To be called when `bytes` and `length` have been set. */
  prepare(): void {
    const { bytes, length } = this
    if (length < 8) bytes.fill(0, length, 8)
    this.high = ((bytes[0]! << 24) | (bytes[1]! << 16) | (bytes[2]! << 8) | bytes[3]!) ^ 0x80000000
    this.low = ((bytes[4]! << 24) | (bytes[5]! << 16) | (bytes[6]! << 8) | bytes[7]!) ^ 0x80000000
  }

  /** Takes over the key that stands in `source`. */
  assign(source: Uint8Array, offset: number, length: number): void {
    const { bytes } = this
    if (length <= 32) for (let i = 0; i < length; i++) bytes[i] = source[offset + i]!
    else bytes.set(source.subarray(offset, offset + length))
    this.length = length
    this.prepare()
  }
}

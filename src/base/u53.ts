/**
 * Unsigned numbers below 2^53 as 8 bytes, little-endian. Positions and sequences are such numbers, and BigInt would
 * allocate for each.
 */
const HIGH_MAX = 0x1f_ffff
const TWO_32 = 2 ** 32

export function writeU53(view: DataView, offset: number, value: number): void {
  view.setUint32(offset, value >>> 0, true)
  view.setUint32(offset + 4, Math.floor(value / TWO_32), true)
}

/** The number at `offset`, or -1 if it is 2^53 or more and so was never written by `writeU53`. */
export function readU53(view: DataView, offset: number): number {
  const high = view.getUint32(offset + 4, true)
  return high > HIGH_MAX ? -1 : high * TWO_32 + view.getUint32(offset, true)
}

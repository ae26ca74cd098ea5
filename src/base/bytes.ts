/** Unsigned, byte by byte; a prefix comes before what it is a prefix of. Negative, zero or positive. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  return compareRanges(a, 0, a.length, b, 0, b.length)
}

/** The same for parts of two arrays. */
export function compareRanges(
  a: Uint8Array,
  aOffset: number,
  aLength: number,
  b: Uint8Array,
  bOffset: number,
  bLength: number,
): number {
  const common = aLength < bLength ? aLength : bLength
  for (let i = 0; i < common; i++) {
    const difference = a[aOffset + i]! - b[bOffset + i]!
    if (difference !== 0) return difference
  }
  return aLength - bLength
}

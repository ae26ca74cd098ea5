/** Words of a record that `sortByWords` sorts; the first two are the key. */
export const STAGED_WORDS = 4

const DIGIT_BITS = 8
const DIGITS = 1 << DIGIT_BITS
const DIGIT_MASK = DIGITS - 1
/** Of both words together. */
const PASSES = 8

/**
 * Sorts the first `count` records of `words` by their first two words, signed, the first above the second; records that
 * are equal therein keep their order. Returns the array that holds the result, which may be `words`, whose content is lost
 * where it is not.
 *
 * A radix sort from the last digit on: a pass for each byte, but for those bytes that are the same in all records, as the
 * upper ones of counting numbers are. Sorting by comparisons takes four times as long and keeps no order.
 */
export function sortByWords(words: Int32Array, count: number): Int32Array {
  let from: Int32Array = words
  let to: Int32Array = new Int32Array(count * STAGED_WORDS)
  const counts = countDigits(words, count)
  for (let pass = 0; pass < PASSES; pass++) {
    const starts = counts.subarray(pass * DIGITS, (pass + 1) * DIGITS)
    if (!isSpread(starts, count)) continue
    turnIntoStarts(starts)
    scatter(from, to, count, pass, starts)
    const other = from
    from = to
    to = other
  }
  return from
}

/** The word that holds a pass's digit, and where in it. */
function passWord(pass: number): number {
  return pass < PASSES / 2 ? 1 : 0
}
function passShift(pass: number): number {
  return (pass & 3) * DIGIT_BITS
}

/** For each pass how often each digit occurs. The sign bit is flipped: digits are unsigned, words are signed. */
function countDigits(words: Int32Array, count: number): Int32Array {
  const counts = new Int32Array(PASSES * DIGITS)
  for (let at = 0; at < count * STAGED_WORDS; at += STAGED_WORDS) {
    for (let half = 0; half < 2; half++) {
      const word = words[at + 1 - half]! ^ 0x80000000
      const base = half * 4 * DIGITS
      counts[base + (word & DIGIT_MASK)]!++
      counts[base + DIGITS + ((word >>> 8) & DIGIT_MASK)]!++
      counts[base + 2 * DIGITS + ((word >>> 16) & DIGIT_MASK)]!++
      counts[base + 3 * DIGITS + (word >>> 24)]!++
    }
  }
  return counts
}

function isSpread(counts: Int32Array, count: number): boolean {
  return counts.every(each => each !== count)
}

function turnIntoStarts(counts: Int32Array): void {
  let start = 0
  for (let digit = 0; digit < DIGITS; digit++) {
    const next = start + counts[digit]!
    counts[digit] = start
    start = next
  }
}

function scatter(from: Int32Array, to: Int32Array, count: number, pass: number, starts: Int32Array): void {
  const word = passWord(pass)
  const shift = passShift(pass)
  for (let at = 0; at < count * STAGED_WORDS; at += STAGED_WORDS) {
    const digit = ((from[at + word]! ^ 0x80000000) >>> shift) & DIGIT_MASK
    const target = starts[digit]! * STAGED_WORDS
    starts[digit]!++
    to[target] = from[at]!
    to[target + 1] = from[at + 1]!
    to[target + 2] = from[at + 2]!
    to[target + 3] = from[at + 3]!
  }
}

import { performance } from 'node:perf_hooks'

/**
 * Calls `pass` until `milliseconds` are measured, after one pass that warms caches and compiler; returns units per
 * second.
 */
export function measure(milliseconds: number, unitsPerPass: number, pass: () => void): number {
  pass()
  const begin = performance.now()
  let passes = 0
  let elapsed = 0
  do {
    pass()
    passes++
    elapsed = performance.now() - begin
  } while (elapsed < milliseconds)
  return (unitsPerPass * passes * 1000) / elapsed
}

/** What every read adds to, so that no read is without a use. */
export const sink = { sum: 0 }

export function checkSeen(seen: number, expected: number, who: string): void {
  if (seen !== expected) throw new Error(`${who} saw ${seen} entries instead of ${expected}`)
}

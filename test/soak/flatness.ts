/** What is measured again and again during a run, each number of a kind of its own. */
export type Sample<Kind extends string> = Readonly<Record<Kind, number>>

/** How much more the second half of a run may need than the first: a part of that, and a fixed amount. */
export interface Tolerance {
  readonly part: number
  readonly amount: number
}

/** This part of a run is not looked at: caches and pools fill, and code is compiled. */
const WARM_UP = 0.25
/** With fewer samples a maximum is chance. */
const SAMPLES_MIN = 24

/**
 * Says of each kind whose greatest value in the second half of the run lies above that of the first half, by more than its
 * tolerance, after the warm-up. Greatest values are compared, and not ends, because memory goes up and down with each
 * checkpoint; what leaks goes up for ever and is greatest at the end.
 */
export function growth<Kind extends string>(
  samples: readonly Sample<Kind>[],
  tolerances: Readonly<Record<Kind, Tolerance>>,
): string[] {
  if (samples.length < SAMPLES_MIN) throw new Error(`${samples.length} samples are too few to tell anything`)
  const steady = samples.slice(Math.ceil(samples.length * WARM_UP))
  const middle = Math.floor(steady.length / 2)
  const found: string[] = []
  for (const kind of Object.keys(tolerances) as Kind[]) {
    const values = steady.map(sample => sample[kind])
    const [first, second] = [Math.max(...values.slice(0, middle)), Math.max(...values.slice(middle))]
    const limit = first * (1 + tolerances[kind].part) + tolerances[kind].amount
    if (second > limit) found.push(`${kind} grew from ${first} to ${second}, and ${Math.round(limit)} is allowed`)
  }
  return found
}

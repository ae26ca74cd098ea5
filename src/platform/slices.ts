import type { Clock } from './clock.ts'

/**
 * Runs steps on the caller's thread for `millis` at a time; between the slices the event loop has a turn, and `turned` is
 * called, which may throw to end the work. The steps are then ended, so that they can give back what they hold.
 */
export async function inSlices<R>(
  steps: Generator<void, R>,
  clock: Clock,
  millis: number,
  turned?: () => void,
): Promise<R> {
  try {
    for (;;) {
      const end = clock.now() + millis
      do {
        const step = steps.next()
        if (step.done === true) return step.value
      } while (clock.now() < end)
      await new Promise<void>(resolve => clock.defer(resolve))
      turned?.()
    }
  } finally {
    steps.return(undefined as R)
  }
}

/** Runs steps without a break. */
export function atOnce<R>(steps: Generator<void, R>): R {
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
  }
}

import { DatabaseError } from '../base/errors.ts'

/** An AbortSignal, as far as waiting needs it. */
export interface WaitSignal {
  readonly aborted: boolean
  readonly reason: unknown
  addEventListener(type: 'abort', listener: () => void): void
  removeEventListener(type: 'abort', listener: () => void): void
}

export function abortedError(signal: WaitSignal): DatabaseError {
  return new DatabaseError(
    'MANIFOLD_ABORTED',
    'The operation was aborted by its signal before it began; nothing was written.',
    {
      cause: signal.reason,
    },
  )
}

/**
 * The write locks, one for each family name, granted in the order in which they were asked for. They belong to names and
 * not to families, because a family's first write must lock what does not exist yet, and whoever waits for one that is
 * dropped meanwhile goes on to create it anew.
 *
 * A lock that is free has nobody waiting: `release` hands it to the next in line.
 */
export class FamilyLocks {
  readonly #waiting: Map<string, (() => void)[]> = new Map()

  isHeld(name: string): boolean {
    return this.#waiting.has(name)
  }

  /** Takes all of `names`, or none. */
  tryAcquire(names: readonly string[]): boolean {
    for (const name of names) if (this.#waiting.has(name)) return false
    for (const name of names) this.#waiting.set(name, [])
    return true
  }

  /** Takes `names`, which must be sorted and without duplicates, so that two transactions never wait for each other. */
  async acquire(names: readonly string[], signal: WaitSignal | undefined): Promise<void> {
    const taken: string[] = []
    try {
      for (const name of names) {
        if (signal?.aborted) throw abortedError(signal)
        const queue = this.#waiting.get(name)
        if (queue === undefined) this.#waiting.set(name, [])
        else await waitInLine(queue, signal)
        taken.push(name)
      }
    } catch (error) {
      this.release(taken)
      throw error
    }
  }

  release(names: readonly string[]): void {
    for (const name of names) {
      const next = this.#waiting.get(name)!.shift()
      if (next === undefined) this.#waiting.delete(name)
      else next()
    }
  }
}

function waitInLine(queue: (() => void)[], signal: WaitSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const granted = (): void => {
      signal?.removeEventListener('abort', aborted)
      resolve()
    }
    const aborted = (): void => {
      signal!.removeEventListener('abort', aborted)
      queue.splice(queue.indexOf(granted), 1)
      reject(abortedError(signal!))
    }
    queue.push(granted)
    signal?.addEventListener('abort', aborted)
  })
}

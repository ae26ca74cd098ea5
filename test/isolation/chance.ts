import type { Durability } from '../../src/index.ts'
import { SeededRandom } from '../../src/platform/simulated/random.ts'
import { FAMILIES, KEYS } from './recorder.ts'

const DURABILITIES: readonly Durability[] = ['immediate', 'immediate', 'eventual', 'none']

/** What one client does next. Each has chance of its own, so that the others' ways do not change it. */
export class Chance extends SeededRandom {
  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)]!
  }

  family(): number {
    return this.below(FAMILIES.length)
  }

  /** A few keys are wanted by everybody. */
  key(): number {
    return this.chance(0.4) ? this.below(4) : this.below(KEYS)
  }

  /** The keys from the first to before the second. */
  keys(): [from: number, to: number] {
    const from = this.below(KEYS)
    return [from, from + 1 + this.below(KEYS - from)]
  }

  durability(): Durability {
    return this.pick(DURABILITIES)
  }

  /** Mostly short, and now and then so long that memory fills. */
  length(): number {
    return this.chance(0.03) ? 2000 + this.below(30_000) : 4 + this.below(40)
  }

  /** Nothing, some microtasks, or some turns of the event loop. */
  async pause(): Promise<void> {
    const kind = this.below(10)
    if (kind < 4) return
    if (kind < 7) for (let i = this.below(8); i >= 0; i--) await Promise.resolve()
    else for (let i = this.below(4); i >= 0; i--) await new Promise<void>(resolve => void setImmediate(resolve))
  }
}

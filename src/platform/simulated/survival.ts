import type { SeededRandom } from './random.ts'

/**
 * Which of the changes that no sync covers a power cut leaves:
 * 'random': any subset, chosen sector by sector, size by size, name by name;
 * 'prefix': all up to some operation, and none after it;
 * 'all', 'none': the two ends.
 */
export type CrashMode = 'random' | 'prefix' | 'all' | 'none'

export interface SizeChange {
  readonly operation: number
  readonly size: number
}

/** Sizes between two that the engine gave a file are multiples of this. */
const SIZE_STEP = 512

/** The choices of one power cut. */
export interface Survival {
  /**
   * Which of a sector's contents is left: 0 is the one last synced, i the one that operation `operations[i - 1]` wrote.
   */
  version(operations: readonly number[]): number
  /** The size that is left of a file whose synced size stands first in `sizes`, the present one last. */
  size(sizes: readonly SizeChange[]): number
  /** Which changes of names are left, of those that these operations made. */
  changes(operations: readonly number[]): boolean[]
}

/** `first` and `last`: the operations, or those in between, that a power cut may undo. */
export function chooseSurvival(mode: CrashMode, random: SeededRandom, first: number, last: number): Survival {
  if (mode === 'all') return prefixSurvival(last)
  if (mode === 'none') return prefixSurvival(-1)
  if (mode === 'random') return randomSurvival(random)
  return prefixSurvival(first > last ? last : first - 1 + random.below(last - first + 2))
}

function prefixSurvival(last: number): Survival {
  return {
    version: operations => operations.filter(operation => operation <= last).length,
    size: sizes => sizes.filter((change, index) => index === 0 || change.operation <= last).at(-1)!.size,
    changes: operations => operations.map(operation => operation <= last),
  }
}

/** Each power cut keeps much, half or little, since an even chance for each sector would hardly ever keep a whole record. */
const CHANCES = [0.05, 0.5, 0.95] as const

function randomSurvival(random: SeededRandom): Survival {
  const chance = CHANCES[random.below(CHANCES.length)]!
  return {
    version: operations => (random.chance(chance) ? operations.length : random.below(operations.length)),
    size: sizes => {
      const newest = sizes.at(-1)!.size
      if (sizes.length === 1 || random.chance(chance)) return newest
      const other = sizes[random.below(sizes.length - 1)]!.size
      if (random.chance(0.5)) return other
      // A file grows block by block, and a power cut may find it on the way.
      const between = Math.min(newest, other) + random.below(Math.abs(newest - other) + 1)
      return Math.max(Math.min(newest, other), between - (between % SIZE_STEP))
    },
    changes: operations => {
      // A file system that logs its changes keeps a prefix of them; not every one does.
      const kept = random.below(operations.length + 1)
      const prefix = random.chance(0.5)
      return operations.map((_, index) => (prefix ? index < kept : random.chance(chance)))
    },
  }
}

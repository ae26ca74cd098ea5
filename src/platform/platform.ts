import type { Clock } from './clock.ts'
import type { WatchCollection } from './collection.ts'
import type { Context } from './context.ts'
import type { Channels } from './diagnostics.ts'
import type { FileSystem } from './file-system.ts'
import type { Random } from './random.ts'
import type { Threads } from './thread.ts'

/**
 * Writes to every page of `parts`, whose content is lost, on another thread: memory that was never written to, or not since
 * the process forked, costs its first writer a page fault for each 4 KiB.
 */
export type Touch = (parts: readonly Uint8Array[]) => Promise<void>

/** Everything external that the engine touches. `threads` is undefined where there are none: the checkpoint then runs in slices on the caller's thread. */
export interface Platform {
  readonly fileSystem: FileSystem
  readonly clock: Clock
  readonly random: Random
  readonly context: Context
  readonly threads: Threads | undefined
  /** Undefined where memory cannot be touched off the caller's thread. */
  readonly touch: Touch | undefined
  /** Undefined where nobody can listen. */
  readonly channels: Channels | undefined
  /** Undefined where the garbage collector tells nobody. */
  readonly watchCollection: WatchCollection | undefined
}

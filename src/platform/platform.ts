import type { Clock } from './clock.ts'
import type { Context } from './context.ts'
import type { FileSystem } from './file-system.ts'
import type { Random } from './random.ts'
import type { Threads } from './thread.ts'

/** Everything external that the engine touches. `threads` is undefined where there are none: the checkpoint then runs in slices on the caller's thread. */
export interface Platform {
  readonly fileSystem: FileSystem
  readonly clock: Clock
  readonly random: Random
  readonly context: Context
  readonly threads: Threads | undefined
}

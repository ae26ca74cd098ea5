import type { Platform } from '../platform.ts'
import { nodeClock } from './clock.ts'
import { nodeCollection } from './collection.ts'
import { nodeContext } from './context.ts'
import { nodeChannels } from './diagnostics.ts'
import { NodeFileSystem } from './file-system.ts'
import type { NodeFileSystemOptions } from './file-system.ts'
import { nodeRandom } from './random.ts'
import { nodeThreads } from './threads.ts'
import { touch } from './touch.ts'

/** Node.js: real files, time, chance and threads, and a context of its own. */
export function nodePlatform(options: NodeFileSystemOptions = {}): Platform {
  return {
    fileSystem: new NodeFileSystem(options),
    clock: nodeClock,
    random: nodeRandom,
    context: nodeContext(),
    threads: nodeThreads,
    touch,
    channels: nodeChannels,
    watchCollection: nodeCollection,
  }
}

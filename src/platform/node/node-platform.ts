import type { Platform } from '../platform.ts'
import { nodeClock } from './clock.ts'
import { NodeFileSystem } from './file-system.ts'
import type { NodeFileSystemOptions } from './file-system.ts'
import { nodeRandom } from './random.ts'
import { nodeThreads } from './threads.ts'

/** Node.js: real files, time, chance and threads. */
export function nodePlatform(options: NodeFileSystemOptions = {}): Platform {
  return { fileSystem: new NodeFileSystem(options), clock: nodeClock, random: nodeRandom, threads: nodeThreads }
}

import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Rival } from './rivals.ts'
import { runProgram } from './processes.ts'
import type { Figures } from './processes.ts'

const BUILD_SCRIPT = fileURLToPath(new URL('../native/build.sh', import.meta.url))
const PROGRAM = fileURLToPath(new URL('../native/build/rocksdb_bench', import.meta.url))
/** Status of build.sh when the compiler or the library is not installed. */
const STATUS_MISSING = 3

/** RocksDB as its authors ship it, and as the workload asks for; rocksdb_bench.cc says what the latter is. */
export const ROCKSDB_CONFIGURATIONS = ['default', 'tuned'] as const

/** Builds the native program when its source is newer. */
export async function nativeRocksDB(): Promise<Rival> {
  const missing = 'native RocksDB: missing (apt-get install librocksdb-dev g++)'
  const built = spawnSync('sh', [BUILD_SCRIPT], { encoding: 'utf8' })
  if (built.error !== undefined || built.status === STATUS_MISSING) return { name: 'native RocksDB', missing }
  if (built.status !== 0 || !existsSync(PROGRAM)) throw new Error(`native/build.sh failed:\n${built.stderr}`)
  const { version } = await runProgram(PROGRAM, ['version'])
  return { name: 'native RocksDB', version: String(version) }
}

export function runNative(command: string, parameters: Readonly<Record<string, string | number>>): Promise<Figures> {
  return runProgram(PROGRAM, [command, ...Object.entries(parameters).map(([name, value]) => `--${name}=${value}`)])
}

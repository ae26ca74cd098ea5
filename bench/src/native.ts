import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Rival } from './rivals.ts'
import { runProgram, runProgramVictim } from './processes.ts'
import type { Figures } from './processes.ts'

const BUILD_SCRIPT = fileURLToPath(new URL('../native/build.sh', import.meta.url))
/** Status of build.sh when the compiler or the library is not installed. */
const STATUS_MISSING = 3

const NATIVES = {
  rocksdb: { name: 'native RocksDB', packageName: 'librocksdb-dev' },
  lmdb: { name: 'native LMDB', packageName: 'liblmdb-dev' },
} as const

export type NativeName = keyof typeof NATIVES

/** RocksDB as its authors ship it, and as the workload asks for; rocksdb_options.h says what the latter is. */
export const ROCKSDB_CONFIGURATIONS = ['default', 'tuned'] as const

function programOf(native: NativeName): string {
  return fileURLToPath(new URL(`../native/build/${native}_bench`, import.meta.url))
}

/** Builds the native program when its source is newer. */
export async function nativeRival(native: NativeName): Promise<Rival> {
  const { name, packageName } = NATIVES[native]
  const built = spawnSync('sh', [BUILD_SCRIPT, native], { encoding: 'utf8' })
  if (built.error !== undefined || built.status === STATUS_MISSING) {
    return { name, missing: `${name}: missing (apt-get install ${packageName} g++)` }
  }
  const program = programOf(native)
  if (built.status !== 0 || !existsSync(program)) throw new Error(`native/build.sh failed:\n${built.stderr}`)
  const { version } = await runProgram(program, ['version'])
  return { name, version: String(version) }
}

type NativeParameters = Readonly<Record<string, string | number>>

function argumentsOf(command: string, parameters: NativeParameters): string[] {
  return [command, ...Object.entries(parameters).map(([name, value]) => `--${name}=${value}`)]
}

export function runNative(native: NativeName, command: string, parameters: NativeParameters): Promise<Figures> {
  return runProgram(programOf(native), argumentsOf(command, parameters))
}

/** Runs a command that ends with its process being killed. */
export function runNativeVictim(native: NativeName, command: string, parameters: NativeParameters): Promise<boolean> {
  return runProgramVictim(programOf(native), argumentsOf(command, parameters))
}

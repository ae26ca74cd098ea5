import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { Socket } from 'node:net'
import { fileURLToPath } from 'node:url'

/** In which package of Debian a program is found. */
const PACKAGES: Readonly<Record<string, string>> = {
  strace: 'strace',
  'mkfs.ext4': 'e2fsprogs',
  'mkfs.xfs': 'xfsprogs',
  xfs_io: 'xfsprogs',
  mount: 'mount',
  unshare: 'util-linux',
  prlimit: 'util-linux',
}

/** Programs of the system administrator are not in everybody's path. */
export const PATH = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`

/** Runs a program; says how it failed, or undefined. */
export function failureOf(program: string, ...flags: readonly string[]): string | undefined {
  const { status, stderr, error } = spawnSync(program, flags, {
    encoding: 'utf8',
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, PATH },
  })
  if (status === 0) return undefined
  return `${program}: ${error?.message ?? stderr.trim().split('\n')[0]}`
}

/** Why these programs cannot be run here; undefined where they can. */
export function missing(...programs: readonly string[]): string | undefined {
  if (process.platform !== 'linux') return `made for Linux, and this is ${process.platform}`
  for (const program of programs) {
    const { error } = spawnSync(program, ['--version'], { stdio: 'ignore', env: { ...process.env, PATH } })
    if (error !== undefined) return `${program} is missing: apt-get install ${PACKAGES[program] ?? program}`
  }
  return undefined
}

/**
 * Runs a program of ours in a namespace of its own, in which it may mount what it likes: with its end, whatever the reason,
 * all of that is gone. Resolves with its exit code; what it says on its error output is seen at once.
 */
export async function runInNamespace(
  flags: readonly string[],
  program: URL,
  ...args: readonly string[]
): Promise<number> {
  const command = [...flags, process.execPath, '--enable-source-maps', fileURLToPath(program), ...args]
  const env = { ...process.env, PATH }
  const child = spawn('unshare', command, { stdio: ['pipe', 'ignore', 'inherit'], env })
  const [code] = (await once(child, 'close')) as [number | null]
  return code ?? -1
}

/** In a program run so: it ends when its parent does, however that ends, and nothing stays mounted for its sake. */
export function endWithParent(): void {
  process.stdin.on('end', () => process.exit(1)).resume()
  if (process.stdin instanceof Socket) process.stdin.unref()
}

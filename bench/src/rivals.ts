import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

/** A rival is there in some version, or missing with the command that installs it. */
export interface Rival {
  readonly name: string
  readonly version?: string
  readonly missing?: string
}

/** An npm package of this folder's own `package.json`; nothing at the root depends on it. */
export async function npmRival(name: string): Promise<Rival> {
  try {
    await import(name)
  } catch {
    return { name, missing: `${name}: missing (npm install --prefix bench)` }
  }
  const entry = createRequire(import.meta.url).resolve(name)
  const root = entry.slice(0, entry.lastIndexOf(`node_modules/${name}/`) + `node_modules/${name}/`.length)
  const { version } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as { version: string }
  return { name, version }
}

export function rivalLine(rival: Rival): string {
  return rival.missing ?? `${rival.name} ${rival.version}`
}

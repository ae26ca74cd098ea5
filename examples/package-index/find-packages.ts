import { readdir, realpath } from 'node:fs/promises'
import path from 'node:path'

/**
 * Finds every installed package below a node_modules folder: `name` and `@scope/name`, the packages that are nested in
 * the node_modules of others, and those in pnpm's store. A folder that is reached by several links comes once.
 */
export async function* findPackages(nodeModules: string): AsyncGenerator<string, void, undefined> {
  yield* packagesIn(nodeModules, new Set())
}

async function* packagesIn(folder: string, seen: Set<string>): AsyncGenerator<string, void, undefined> {
  for (const name of await foldersIn(folder)) {
    const inner = path.join(folder, name)
    if (name === '.pnpm') yield* packagesInStore(inner, seen)
    else if (name.startsWith('@')) {
      for (const scoped of await foldersIn(inner)) yield* packageAt(path.join(inner, scoped), seen)
    } else if (!name.startsWith('.')) yield* packageAt(inner, seen)
  }
}

/** The store has a folder for each version, with a node_modules of its own in it. */
async function* packagesInStore(store: string, seen: Set<string>): AsyncGenerator<string, void, undefined> {
  for (const name of await foldersIn(store)) yield* packagesIn(path.join(store, name, 'node_modules'), seen)
}

async function* packageAt(folder: string, seen: Set<string>): AsyncGenerator<string, void, undefined> {
  const real = await realpath(folder).catch(() => undefined)
  if (real === undefined || seen.has(real)) return
  seen.add(real)
  yield real
  yield* packagesIn(path.join(real, 'node_modules'), seen)
}

/** The names of the folders in a folder, links to folders included, sorted; none where it does not exist. */
async function foldersIn(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true })
    return entries
      .filter(entry => entry.isDirectory() || entry.isSymbolicLink())
      .map(entry => entry.name)
      .sort()
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'ENOENT' || code === 'ENOTDIR') return []
    throw error
  }
}

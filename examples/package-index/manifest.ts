import { readFile } from 'node:fs/promises'
import type { Dependency, DependencyKind, PackageVersion } from './schema.ts'

/** npm allows 214 characters; longer names and versions would not fit into a key. */
const NAME_LENGTH_MAX = 214

export const UNKNOWN_LICENCE = 'unknown'

const DEPENDENCY_FIELDS: readonly (readonly [field: string, kind: DependencyKind])[] = [
  ['dependencies', 'dependency'],
  ['peerDependencies', 'peer'],
  ['optionalDependencies', 'optional'],
]

/** What a package.json says, or why it cannot be used. Undefined: the folder has none, and is no package. */
export async function readManifest(file: string): Promise<PackageVersion | Error | undefined> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? undefined : (error as Error)
  }
  try {
    return parseManifest(JSON.parse(text.replace(/^\uFEFF/, '')))
  } catch (error) {
    return error as Error
  }
}

function parseManifest(manifest: unknown): PackageVersion {
  if (!isObject(manifest)) throw new Error('it is not a JSON object')
  const version: PackageVersion = {
    name: nameField(manifest, 'name'),
    version: nameField(manifest, 'version'),
    licence: licenceOf(manifest),
    dependencies: dependenciesOf(manifest),
    folders: [],
  }
  const { description, homepage } = manifest
  if (isText(description)) version.description = description
  if (isText(homepage)) version.homepage = homepage
  return version
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.isWellFormed()
}

function nameField(manifest: Record<string, unknown>, field: string): string {
  const value = manifest[field]
  if (!isText(value)) throw new Error(`it has no ${field}`)
  if (value.length > NAME_LENGTH_MAX) throw new Error(`its ${field} is longer than ${NAME_LENGTH_MAX} characters`)
  return value
}

/** `license` is an SPDX expression; old packages have `{ type }`, or a list of these in `licenses`. */
function licenceOf(manifest: Record<string, unknown>): string {
  const given = manifest['license'] ?? manifest['licenses']
  const names = (Array.isArray(given) ? given : [given])
    .map(each => (isObject(each) ? each['type'] : each))
    .filter(isText)
  const licence = names.length > 1 ? `(${names.join(' OR ')})` : (names[0] ?? UNKNOWN_LICENCE)
  return licence.slice(0, NAME_LENGTH_MAX).toWellFormed()
}

function dependenciesOf(manifest: Record<string, unknown>): Dependency[] {
  // npm lists an optional dependency under `dependencies` too: the later kind counts.
  const found = new Map<string, Dependency>()
  for (const [field, kind] of DEPENDENCY_FIELDS) {
    const listed = manifest[field]
    if (!isObject(listed)) continue
    for (const [name, range] of Object.entries(listed)) {
      if (!isText(name) || name.length > NAME_LENGTH_MAX || typeof range !== 'string') continue
      found.set(name, { name, range: range.toWellFormed(), kind })
    }
  }
  return [...found.values()]
}

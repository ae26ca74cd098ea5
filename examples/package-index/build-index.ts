import { realpath, stat } from 'node:fs/promises'
import path from 'node:path'
import type { Database } from 'manifold-db'
import { findPackages } from './find-packages.ts'
import { readManifest } from './manifest.ts'
import type { IndexInfo, PackageVersion } from './schema.ts'
import { dependentVersions, familiesOf, INFO_KEY, indexInfo, licensedVersions, packageVersions } from './schema.ts'

export interface Problem {
  file: string
  reason: string
}

/** A mistake of whoever called, to be shown without a stack. */
export class UsageError extends Error {}

/** What was read from a node_modules folder. */
export interface Reading {
  info: IndexInfo
  versions: PackageVersion[]
  skipped: Problem[]
}

/** Reads every package below `nodeModules`. */
export async function readPackages(nodeModules: string, onRead: (count: number) => void): Promise<Reading> {
  const root = await nodeModulesFolder(nodeModules)
  const versions = new Map<string, PackageVersion>()
  const skipped: Problem[] = []
  let packageFiles = 0
  for await (const folder of findPackages(root)) {
    const file = path.join(folder, 'package.json')
    const manifest = await readManifest(file)
    if (manifest === undefined) continue
    onRead(++packageFiles)
    if (manifest instanceof Error) skipped.push({ file, reason: manifest.message })
    else addCopy(versions, manifest, path.relative(root, folder))
  }
  if (packageFiles === 0)
    throw new UsageError(`There is no package in ${root}: give the path of a node_modules folder.`)
  const info = { root, indexedAt: new Date().toISOString(), packageFiles, problems: skipped.length }
  return { info, versions: [...versions.values()], skipped }
}

async function nodeModulesFolder(given: string): Promise<string> {
  try {
    const root = await realpath(given)
    if ((await stat(root)).isDirectory()) return root
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw new UsageError(`${given} does not exist.`)
    throw error
  }
  throw new UsageError(`${given} is not a folder.`)
}

function addCopy(versions: Map<string, PackageVersion>, found: PackageVersion, folder: string): void {
  const id = `${found.name}@${found.version}`
  const known = versions.get(id)
  if (known === undefined) versions.set(id, { ...found, folders: [folder] })
  else known.folders.push(folder)
}

/**
 * Replaces the index with what was read, in one transaction: whoever reads meanwhile sees the old one or the new one, and a
 * crash leaves one of them.
 */
export async function replaceIndex(db: Database, { info, versions }: Reading): Promise<void> {
  const { packages, dependents, licences } = familiesOf(db)
  await db.write([packages, dependents, licences], txn => {
    const versionTable = txn.family(packages).table(packageVersions)
    const dependentTable = txn.family(dependents).table(dependentVersions)
    const licenceTable = txn.family(licences).table(licensedVersions)
    for (const table of [versionTable, dependentTable, licenceTable]) table.clear()
    for (const found of versions) {
      const { name, version, licence, dependencies, folders } = found
      versionTable.put([name, version], found)
      licenceTable.put([licence, name, version], folders.length)
      for (const { name: needed, range, kind } of dependencies)
        dependentTable.put([needed, name, version], { range, kind })
    }
    txn.family(packages).table(indexInfo).put(INFO_KEY, info)
  })
}

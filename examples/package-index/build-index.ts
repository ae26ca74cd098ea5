import { realpath, stat } from 'node:fs/promises'
import path from 'node:path'
import type { Database, FamiliesTransaction } from 'manifold-db'
import { findPackages } from './find-packages.ts'
import { readManifest } from './manifest.ts'
import type { IndexInfo, PackageVersion } from './schema.ts'
import { dependentVersions, familiesOf, INFO_KEY, indexInfo, licensedVersions, packageVersions } from './schema.ts'

export interface Problem {
  file: string
  reason: string
}

export interface IndexReport extends IndexInfo {
  versions: number
  skipped: Problem[]
}

/** A mistake of whoever called, to be shown without a stack. */
export class UsageError extends Error {}

/** Reads every package below `nodeModules`, then replaces the index with what was found, in one transaction. */
export async function buildIndex(db: Database, nodeModules: string, onRead: (count: number) => void): Promise<IndexReport> {
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
  if (packageFiles === 0) throw new UsageError(`There is no package in ${root}: give the path of a node_modules folder.`)
  const info: IndexInfo = { root, indexedAt: new Date().toISOString(), packageFiles, problems: skipped.length }
  await replaceIndex(db, [...versions.values()], info)
  return { ...info, versions: versions.size, skipped }
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

/** Whoever reads meanwhile sees the old index or the new one, and a crash leaves one of them. */
async function replaceIndex(db: Database, versions: readonly PackageVersion[], info: IndexInfo): Promise<void> {
  const { packages, dependents, licences } = familiesOf(db)
  await db.write([packages, dependents, licences], (txn: FamiliesTransaction) => {
    const versionTable = txn.family(packages).table(packageVersions)
    const dependentTable = txn.family(dependents).table(dependentVersions)
    const licenceTable = txn.family(licences).table(licensedVersions)
    for (const each of [versionTable, dependentTable, licenceTable]) each.clear()
    for (const found of versions) {
      const { name, version, licence, dependencies, folders } = found
      versionTable.put([name, version], found)
      licenceTable.put([licence, name, version], folders.length)
      for (const { name: needed, range, kind } of dependencies) dependentTable.put([needed, name, version], { range, kind })
    }
    txn.family(packages).table(indexInfo).put(INFO_KEY, info)
  })
}

import type { Database, Snapshot } from 'manifold-db'
import { UsageError } from './build-index.ts'
import type { Dependent, IndexInfo, PackageVersion } from './schema.ts'
import { dependentVersions, familiesOf, INFO_KEY, indexInfo, licensedVersions, packageVersions } from './schema.ts'

export interface DependentRow extends Dependent {
  name: string
  version: string
}

export interface LicenceRow {
  licence: string
  versions: number
  copies: number
}

export interface IndexStats extends IndexInfo {
  names: number
  versions: number
  copies: number
  dependencies: number
  licences: number
  fileBytes: number
}

/** The versions of a package that are installed. */
export function show(db: Database, name: string): PackageVersion[] {
  const versions = familiesOf(db).packages.table(packageVersions)
  const found = versions.values({ prefix: [name] }).toArray()
  if (found.length > 0) return found
  const similar = new Set(
    versions
      .keys({ gte: [name] })
      .take(100)
      .map(([other]) => other)
      .filter(other => other.startsWith(name)),
  )
  const hint = similar.size > 0 ? ` Did you mean ${[...similar].slice(0, 5).join(', ')}?` : ''
  throw new UsageError(`There is no package '${name}' in the index.${hint}`)
}

/** Who depends on a package, installed or not. */
export function dependents(db: Database, name: string): DependentRow[] {
  const table = familiesOf(db).dependents.table(dependentVersions)
  return table
    .range({ prefix: [name] })
    .map(([[, dependent, version], how]) => ({ name: dependent, version, ...how }))
    .toArray()
}

/** The licences, the most frequent first. Keys are in the order of licences, so each one's entries stand together. */
export function licences(db: Database): LicenceRow[] {
  const rows: LicenceRow[] = []
  for (const [[licence], copies] of familiesOf(db).licences.table(licensedVersions).range()) {
    const last = rows.at(-1)
    if (last?.licence !== licence) rows.push({ licence, versions: 1, copies })
    else {
      last.versions++
      last.copies += copies
    }
  }
  return rows.sort((a, b) => b.copies - a.copies)
}

/** Counts everything in one cut. */
export function stats(db: Database): IndexStats {
  const snapshot = db.snapshot()
  try {
    return { ...info(db, snapshot), ...count(db, snapshot), fileBytes: db.stats().file.bytes }
  } finally {
    snapshot.close()
  }
}

function info(db: Database, snapshot: Snapshot): IndexInfo {
  const found = snapshot.family(familiesOf(db).packages).table(indexInfo).get(INFO_KEY)
  if (found === undefined) throw new UsageError('The database has no index: run `index <node_modules>` first.')
  return found
}

function count(db: Database, snapshot: Snapshot): Omit<IndexStats, keyof IndexInfo | 'fileBytes'> {
  const families = familiesOf(db)
  const names = new Set<string>()
  const licenceNames = new Set<string>()
  let versions = 0
  let copies = 0
  for (const [name] of snapshot.family(families.packages).table(packageVersions).keys()) {
    names.add(name)
    versions++
  }
  snapshot
    .family(families.licences)
    .table(licensedVersions)
    .scan({}, ([licence], installed) => {
      licenceNames.add(licence)
      copies += installed
    })
  const dependencies = snapshot.family(families.dependents).table(dependentVersions).count()
  return { names: names.size, versions, copies, dependencies, licences: licenceNames.size }
}

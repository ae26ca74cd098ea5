import { json, table, tuple, uint, utf8 } from 'manifold-db'
import type { ColumnFamily, Database } from 'manifold-db'

/** One version of a package, however many copies of it are installed. */
export interface PackageVersion {
  name: string
  version: string
  licence: string
  description?: string
  homepage?: string
  dependencies: Dependency[]
  /** The folders it is installed in, relative to the folder that was indexed. */
  folders: string[]
}

export type DependencyKind = 'dependency' | 'peer' | 'optional'

export interface Dependency {
  name: string
  range: string
  kind: DependencyKind
}

/** How a package depends on another one. */
export interface Dependent {
  range: string
  kind: DependencyKind
}

/** What was indexed, and when. */
export interface IndexInfo {
  root: string
  indexedAt: string
  packageFiles: number
  problems: number
}

/** Key: name, version. */
export const packageVersions = table('versions', { key: tuple(utf8, utf8), value: json<PackageVersion>() })
/** Key: the package depended upon, then the name and version of the one that depends. */
export const dependentVersions = table('dependents', { key: tuple(utf8, utf8, utf8), value: json<Dependent>() })
/** Key: licence, name, version. The value counts installed copies. */
export const licensedVersions = table('licensed', { key: tuple(utf8, utf8, utf8), value: uint })
export const indexInfo = table('info', { key: utf8, value: json<IndexInfo>() })

/** The key of the only entry of `indexInfo`. */
export const INFO_KEY = 'index'

export interface Families {
  readonly packages: ColumnFamily
  readonly dependents: ColumnFamily
  readonly licences: ColumnFamily
}

export function familiesOf(db: Database): Families {
  return {
    packages: db.columnFamily('packages'),
    dependents: db.columnFamily('dependents'),
    licences: db.columnFamily('licences'),
  }
}

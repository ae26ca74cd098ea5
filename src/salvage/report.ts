import type { UnreadableRange } from './tolerant-files.ts'

/** Where the names of tables, their codecs and the roots of their trees came from. */
export type CatalogSource =
  /** The header's own, whole. */
  | 'whole'
  /** The older header slot's, whole; the log leads on from it. */
  | 'older'
  /** The header's own, damaged: read as far as it goes, names and codecs may be wrong. */
  | 'damaged'
  /** An earlier one, found among the free pages. */
  | 'found'
  /** None: trees were found by their pages alone. */
  | 'none'

/** A page that is damaged, and what of its table it leaves unknown. */
export interface DamagedPage {
  readonly file: string
  readonly offset: number
  readonly length: number
  /** 'leaf', 'branch' or 'value'. */
  readonly kind: 'leaf' | 'branch' | 'value'
  /** The keys that it covers, encoded, in hexadecimal; undefined: no bound. `to` is exclusive. */
  readonly from: string | undefined
  readonly to: string | undefined
  /** Entries that the page above says it leads to. */
  readonly entries: number
}

export interface SalvagedTable {
  readonly columnFamily: string
  readonly name: string
  readonly keyCodec: string
  readonly valueCodec: string
  /** Entries in the new database. */
  readonly entries: number
  /** Entries read from pages, and changes made by the log after them. */
  readonly fromPages: number
  readonly fromLog: number
  /** Entries that are known to have been in the data file and were not found. The log may have brought some back. */
  readonly lost: number
  /** Nothing of it is known to be lost or stale. */
  readonly whole: boolean
  /** A newer version of some entry may have existed, or its deletion. */
  readonly possiblyStale: boolean
  /** Why it is not whole. */
  readonly reasons: readonly string[]
  readonly damage: readonly DamagedPage[]
}

/** A stretch of the log that could not be read. */
export interface LogDamage {
  readonly file: string
  readonly offset: number
  /** Log positions. */
  readonly from: number
  /** Where the next record stands; undefined: there is none, the log ends here. */
  readonly to: number | undefined
  readonly what: string
  /** Commits that are missing; undefined where that cannot be known. */
  readonly lostCommits: number | undefined
}

export interface SalvageReport {
  readonly source: string
  readonly target: string
  /** Nothing is known to be lost or stale. */
  readonly whole: boolean
  /** Header slots that could be read. */
  readonly headerSlots: number
  readonly catalog: CatalogSource
  readonly tables: readonly SalvagedTable[]
  readonly log: {
    readonly records: number
    readonly entries: number
    /** Commits that are known to be missing between those that were read. */
    readonly lostCommits: number
    readonly damage: readonly LogDamage[]
  }
  /** Leaves that hold entries of some table, but which one is not known: they were left out. */
  readonly unassigned: { readonly pages: number; readonly entries: number }
  /** Leaves that look whole but that no checksum confirms. They were left out, or, by `unverified`, put into tables of their own. */
  readonly unverified: { readonly pages: number; readonly entries: number }
  /** What the operating system could not read. */
  readonly unreadable: readonly UnreadableRange[]
}

export type SalvageStage = 'catalog' | 'tables' | 'pages' | 'log' | 'finish'

export interface SalvageProgress {
  readonly stage: SalvageStage
  /** Entries written to the new database. */
  readonly entries: number
  /** Pages of the data file read, of those there are. */
  readonly pages: number
  readonly totalPages: number
}

export function hexKey(key: Uint8Array | undefined): string | undefined {
  if (key === undefined) return undefined
  return Array.from(key, byte => byte.toString(16).padStart(2, '0')).join('')
}

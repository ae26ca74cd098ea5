import type { DatabaseError } from '../base/errors.ts'

/** What a problem was found in: a header slot, the catalog, a table's tree, the accounts of pages, the log. */
export type ProblemPlace = 'header' | 'catalog' | 'tree' | 'pages' | 'log'

export interface VerifyProblem {
  readonly place: ProblemPlace
  /** Of a problem in a table's tree. */
  readonly columnFamily: string | undefined
  readonly table: string | undefined
  /** MANIFOLD_CORRUPTION with file, offset, expected and found; or what the operating system said to a read. */
  readonly error: DatabaseError
}

/** What the data file holds of one table. */
export interface TableReport {
  readonly name: string
  readonly keyCodec: string
  readonly valueCodec: string
  readonly entries: number
  /** Those of them in damaged pages or below them, as far as the pages above say. */
  readonly uncheckedEntries: number
  readonly leafPages: number
  readonly branchPages: number
  readonly overflowPages: number
  /** The bytes of all its pages, and how many of them entries and branches use. */
  readonly bytes: number
  readonly usedBytes: number
}

export interface ColumnFamilyReport {
  readonly name: string
  readonly entries: number
  readonly pages: number
  readonly bytes: number
  readonly tables: readonly TableReport[]
}

/** What `verify` found. Counts are those of the data file as the last checkpoint before the call left it. */
export interface VerifyReport {
  /** No problem was found. */
  readonly ok: boolean
  readonly problems: readonly VerifyProblem[]
  /** Problems beyond those that are listed. */
  readonly problemsLeftOut: number
  /** The last commit that the data file holds. */
  readonly sequence: number
  readonly columnFamilies: readonly ColumnFamilyReport[]
  readonly pages: {
    /** All pages of the file. */
    readonly total: number
    /** Reached from the header: slots, catalog, trees. */
    readonly reachable: number
    /** Not reached, and used for the next pages that are written. */
    readonly free: number
    /** Not reached, and kept for the other header slot or for snapshots. */
    readonly pending: number
    /** Neither, because the pages that lead to them are damaged. */
    readonly unknown: number
  }
  /** What was read of the log: from the data file's position on, up to what was written when the check began. */
  readonly log: { readonly records: number; readonly bytes: number }
}

export interface VerifyProgress {
  /** Pages of trees that have been read, and about how many there are. */
  readonly pages: number
  readonly totalPages: number
  /** Bytes of log that have been read, and about how many there are. */
  readonly logBytes: number
  readonly totalLogBytes: number
}

/** So many problems are listed: the first ones say what happened. */
const PROBLEMS_MAX = 1000

/** Collects problems while a check goes on. */
export class Problems {
  readonly list: VerifyProblem[] = []
  leftOut = 0

  add(place: ProblemPlace, error: DatabaseError, columnFamily?: string, table?: string): void {
    if (this.list.length < PROBLEMS_MAX) this.list.push({ place, columnFamily, table, error })
    else this.leftOut++
  }
}

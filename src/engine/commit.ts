import type { DatabaseError } from '../base/errors.ts'
import type { Memtable } from '../memtable/memtable.ts'
import type { Need } from '../wal/journal.ts'
import type { Family, Tables } from './family.ts'

/** A commit, or commits that share their fate, on the way through the pipeline (`commit-pipeline.ts`). */
export interface Commit {
  sequence: number
  /** Position in the log behind its record. */
  position: number
  readonly need: Need
  readonly parts: readonly CommitPart[]
  /** Changes to the set of families that readers see, made when the commit becomes visible. */
  readonly publish: (() => void) | undefined
  readonly resolve: () => void
  readonly reject: (error: DatabaseError) => void
}

/** What one family's view becomes. */
export interface CommitPart {
  readonly family: Family
  readonly memtable: Memtable | undefined
  readonly end: number
  readonly tables: Tables
}

import type { DatabaseError } from '../base/errors.ts'
import type { Memtable } from '../memtable/memtable.ts'
import type { Need } from '../wal/journal.ts'
import type { Commit, CommitPart } from './commit.ts'
import type { Family, Tables } from './family.ts'

/** A run looks for a family's part among so many at most; commits to more families begin the next run. */
const PARTS_MAX = 16

interface RunPart extends CommitPart {
  end: number
}

/**
 * Commits of one entry each that follow one another in the log, in one group and with the same need. They are written and
 * synced together and so become visible in the same turn, or fail with the same error: they have one place in the queue,
 * one promise, and one part for each family. What is left for each commit is its record: with 64 to 512 awaiting writers 1.1 to
 * 1.2 times as many unsynced puts as with a promise, a commit and a part for each.
 */
export class CommitRun implements Commit {
  sequence = 0
  position = 0
  readonly need: Need
  /** Of the journal: a group that has been taken gets no more records. */
  readonly groupStart: number
  readonly parts: RunPart[] = []
  readonly publish: undefined = undefined
  /** Settles for every caller of the run, in the order in which they called. */
  readonly promise: Promise<void>
  resolve: () => void = NOTHING
  reject: (error: DatabaseError) => void = NOTHING

  constructor(need: Need, groupStart: number) {
    this.need = need
    this.groupStart = groupStart
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve
      this.reject = reject
    })
  }

  /** True if a commit with that need to the group that starts there may join. */
  takes(need: Need, groupStart: number): boolean {
    return this.need === need && this.groupStart === groupStart && this.parts.length < PARTS_MAX
  }

  /** The family's history now reaches `end` in its memtable. */
  add(family: Family, memtable: Memtable, tables: Tables, end: number): void {
    const { parts } = this
    for (let i = parts.length - 1; i >= 0; i--) {
      const part = parts[i]!
      if (part.family !== family) continue
      if (part.memtable !== memtable || part.tables !== tables) break
      part.end = end
      return
    }
    parts.push({ family, memtable, end, tables })
  }
}

function NOTHING(): void {}

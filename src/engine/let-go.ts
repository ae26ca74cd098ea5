import type { Memtable } from '../memtable/memtable.ts'
import type { MemoryUse } from '../shared/chunk-pool.ts'

/**
 * A memtable's family needs it no more: it leaves the budget, and its memory goes back when no snapshot, no iterator and
 * no write of the log, however late, reads it. `quiet`: what the journal's `quiesce` has answered in this turn.
 */
export function letGo(memtable: Memtable, pinned: MemoryUse, quiet: Promise<void> | undefined): void {
  memtable.use.moveTo(pinned)
  if (quiet === undefined) memtable.unpin()
  else void quiet.then(() => memtable.unpin())
}

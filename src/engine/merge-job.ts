import type { FrozenTable } from '../memtable/frozen-source.ts'
import { FrozenSource } from '../memtable/frozen-source.ts'
import { dropTree } from '../btree/drop-tree.ts'
import { mergeTree } from '../btree/merge.ts'
import { MergeWorkspace } from '../btree/merge-workspace.ts'
import { ExtentList } from '../pager/extent-list.ts'
import { FreeSpace } from '../pager/free-space.ts'
import type { TreeRoot } from '../pager/meta-format.ts'
import type { File } from '../platform/file-system.ts'

/** One table's part of a checkpoint. */
export interface TableMerge {
  readonly id: number
  readonly root: TreeRoot
  readonly frozen: FrozenTable
}

/** The work of a checkpoint that can be done on another thread. Posted as it is: arenas and indexes are shared, the rest is small. */
export interface MergeJob {
  readonly path: string
  readonly descriptor: number | undefined
  /** The pages that may be written, as `ExtentList` pairs. */
  readonly pageCount: number
  readonly free: Uint32Array<ArrayBuffer>
  readonly tables: readonly TableMerge[]
  /** Trees that no table owns any more. */
  readonly orphans: readonly TreeRoot[]
}

export interface MergeResult {
  /** The new roots by table id. */
  readonly roots: ReadonlyMap<number, TreeRoot>
  readonly pageCount: number
  readonly free: Uint32Array<ArrayBuffer>
  /** What was allocated: given back if the checkpoint fails later. */
  readonly allocated: Uint32Array<ArrayBuffer>
  /** What the old trees reach and the new ones do not. */
  readonly freed: Uint32Array<ArrayBuffer>
  readonly pagesWritten: number
  readonly bytesWritten: number
}

/**
 * Does the work in steps, so that a caller can do something else in between. Pages are written and
 * not synced; `wrote` is told how many bytes of them each time.
 */
export function* mergeAll(job: MergeJob, file: File, wrote?: (bytes: number) => void): Generator<void, MergeResult> {
  const free = new FreeSpace(job.pageCount, new ExtentList(job.free))
  const workspace = new MergeWorkspace(file, free, wrote)
  const roots = new Map<number, TreeRoot>()
  for (const { id, root, frozen } of job.tables) {
    const source = new FrozenSource(frozen)
    roots.set(id, yield* mergeTree(workspace, root, source, source.ranges()))
  }
  for (const root of job.orphans) yield* dropTree(workspace.reader, root, workspace.freed)
  workspace.flush()
  const { allocated, bytesWritten } = workspace.writer
  return {
    roots,
    pageCount: free.pageCount,
    free: free.extents().toPairs(),
    allocated: allocated.toPairs(),
    freed: workspace.freed.toPairs(),
    pagesWritten: allocated.pages,
    bytesWritten,
  }
}

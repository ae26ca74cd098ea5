import { PAGE_BYTES } from '../base/limits.ts'
import type { File } from '../platform/file-system.ts'
import { ExtentList } from '../pager/extent-list.ts'
import { HEIGHT_MAX } from '../pager/page-format.ts'
import { PageWriter } from '../pager/page-writer.ts'
import type { PageAllocator } from '../pager/page-writer.ts'
import { Slab } from '../pager/slab.ts'
import { KeyBuffer } from './key-buffer.ts'
import { PageStage, STAGE_BYTES } from './page-stage.ts'
import { PageView } from './page-view.ts'
import { READER_BYTES, TreeReader } from './tree-reader.ts'

const WRITE_PAGES = 128

/**
 * The memory of the merges of one checkpoint, a few MiB in one slab, and what they have in common: the file, the pages
 * they have written and those they have freed. Merges use it one after the other.
 */
export class MergeWorkspace {
  readonly slab: Slab
  readonly reader: TreeReader
  readonly writer: PageWriter
  /** Pages of the old trees that the new ones do not reach. */
  readonly freed: ExtentList = new ExtentList()
  /** Per level two pages that are being built. */
  readonly stages: readonly PageStage[]
  /** Two more, to divide the entries of two pages anew. */
  readonly spares: readonly [PageStage, PageStage]

  /** Per level of the old tree: the branch that is being read, and the keys between which its current child lies. */
  readonly views: readonly PageView[]
  readonly lowers: readonly KeyBuffer[]
  readonly uppers: readonly KeyBuffer[]

  /** `wrote` is told of each write of pages. */
  constructor(file: File, allocator: PageAllocator, wrote: (bytes: number) => void = ignore) {
    const stagesAt = WRITE_PAGES * PAGE_BYTES + READER_BYTES
    this.slab = new Slab(stagesAt + (2 * HEIGHT_MAX + 4) * STAGE_BYTES)
    this.writer = new PageWriter(file, allocator, this.slab, 0, WRITE_PAGES, wrote)
    this.reader = new TreeReader(file, this.slab, WRITE_PAGES * PAGE_BYTES)
    const stage = (index: number): PageStage => new PageStage(this.slab, stagesAt + index * STAGE_BYTES)
    this.spares = [stage(0), stage(1)]
    this.stages = Array.from({ length: 2 * HEIGHT_MAX + 2 }, (_, index) => stage(2 + index))
    this.views = Array.from({ length: HEIGHT_MAX }, () => new PageView(this.slab))
    this.lowers = Array.from({ length: HEIGHT_MAX }, () => new KeyBuffer())
    this.uppers = Array.from({ length: HEIGHT_MAX }, () => new KeyBuffer())
  }

  /** Writes what the merges have left in the buffer. Their pages are then handed to the operating system. */
  flush(): void {
    this.writer.flush()
  }
}

function ignore(): void {}

import type { TreeRoot } from '../pager/meta-format.ts'
import { frameBase, frameSlab } from '../pager/page-cache.ts'
import type { PageCache } from '../pager/page-cache.ts'
import {
  KEY_LENGTH_MASK,
  OVERFLOW_BIT,
  checksumsAt,
  offsetsAt,
  pageCount,
  pageHeap,
  pagesAt,
} from '../pager/page-format.ts'
import { searchChild, searchPage } from '../pager/page-search.ts'
import { placeOverflow } from './value-place.ts'
import type { ValuePlace } from './value-place.ts'

/** The result of a lookup, to be reused from one to the next. */
export class LookupResult implements ValuePlace {
  bytes: Uint8Array = NO_BYTES
  valueOffset = 0
  valueLength = 0
  overflow = false
  overflowPage = 0
  overflowChecksum = 0
}

const NO_BYTES: Uint8Array = new Uint8Array(0)

/** Finds the key that is the first `keyLength` bytes of `key` and sets `result`; false if the tree does not have it. */
export function lookup(
  cache: PageCache,
  root: TreeRoot,
  key: Uint8Array,
  keyLength: number,
  result: LookupResult,
): boolean {
  if (root.height === 0) return false
  let { page, checksum } = root
  for (let level = root.height - 1; level > 0; level--) {
    const frame = cache.load(page, checksum, level)
    const slab = cache.slabs[frameSlab(frame)]!
    const base = frameBase(frame)
    const child = searchChild(slab, base, level, 0, key, 0, keyLength)
    const count = pageCount(slab, base)
    page = slab.words[pagesAt(base, count) + child]!
    checksum = slab.words[checksumsAt(base, count) + child]!
  }
  const frame = cache.load(page, checksum, 0)
  const slab = cache.slabs[frameSlab(frame)]!
  const base = frameBase(frame)
  const index = searchPage(slab, base, 0, 0, key, 0, keyLength)
  if (index < 0) return false
  const { bytes, halves } = slab
  const count = pageCount(slab, base)
  const offsets = offsetsAt(base, count, 0)
  const length = halves[offsets + count + 1 + index]!
  const heap = pageHeap(slab, base)
  const at = heap + halves[offsets + index]! + (length & KEY_LENGTH_MASK)
  result.bytes = bytes
  if ((length & OVERFLOW_BIT) !== 0) {
    placeOverflow(result, bytes, at)
    return true
  }
  result.overflow = false
  result.valueOffset = at
  result.valueLength = heap + halves[offsets + index + 1]! - at
  return true
}

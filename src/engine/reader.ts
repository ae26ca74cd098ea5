import { Cursor } from '../btree/cursor.ts'
import { lookup, LookupResult } from '../btree/lookup.ts'
import type { Memtable } from '../memtable/memtable.ts'
import type { PageCache } from '../pager/page-cache.ts'
import type { Pager } from '../pager/pager.ts'
import type { EncodedKey } from '../shared/encoded-key.ts'
import type { EntryCursor } from './entry-cursor.ts'
import type { FamilyView } from './family.ts'
import type { ValuePlace } from './find.ts'
import { findInMemtable } from './find.ts'
import type { Layer } from './merged-cursor.ts'
import { MergedCursor } from './merged-cursor.ts'
import { TreeEntryCursor } from './tree-entry-cursor.ts'

/** Reads a family's view: its memtables, and the tree below them. */
export class Reader {
  readonly cache: PageCache
  readonly #pager: Pager
  readonly #result: LookupResult = new LookupResult()

  constructor(pager: Pager, cache: PageCache) {
    this.#pager = pager
    this.cache = cache
  }

  /** Asks the active memtable, the frozen one, the tree; the first that knows the key has the word. */
  find(view: FamilyView, tableId: number, key: EncodedKey, place: ValuePlace): boolean {
    if (view.active !== undefined) {
      const answer = findInMemtable(view.active, tableId, key, view.activeLimit, place)
      if (answer !== 'absent') return answer === 'present'
    }
    if (view.frozen !== undefined) {
      const answer = findInMemtable(view.frozen, tableId, key, view.frozenLimit, place)
      if (answer !== 'absent') return answer === 'present'
    }
    const root = view.roots.get(tableId)
    const result = this.#result
    if (root === undefined || !lookup(this.cache, root, key.bytes, key.length, result)) return false
    if (result.overflow) this.#readLong(result, place)
    else {
      place.owned = false
      place.words = undefined
      place.bytes = result.bytes
      place.offset = result.valueOffset
      place.length = result.valueLength
    }
    return true
  }

  #readLong({ overflowPage, valueLength, overflowChecksum }: LookupResult, place: ValuePlace): void {
    place.owned = true
    place.words = undefined
    place.bytes = this.#pager.readOverflow(overflowPage, valueLength, overflowChecksum)
    place.offset = 0
    place.length = valueLength
  }

  /** A cursor over one table. Without anything in the memtables it is the tree's own. */
  cursor(view: FamilyView, tableId: number): EntryCursor {
    const layers: Layer[] = []
    addLayer(layers, view.active, view.activeLimit, tableId)
    addLayer(layers, view.frozen, view.frozenLimit, tableId)
    const root = view.roots.get(tableId)
    if (root === undefined) return new MergedCursor(layers, undefined)
    const tree = new TreeEntryCursor(this.#pager, new Cursor(this.cache), root)
    return layers.length === 0 ? tree : new MergedCursor(layers, tree)
  }
}

function addLayer(layers: Layer[], memtable: Memtable | undefined, limit: number, tableId: number): void {
  const table = memtable?.table(tableId)
  if (table === undefined) return
  layers.push({ cursor: table.cursor(limit), tombstones: table.tombstones, limit })
}

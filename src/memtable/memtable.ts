import type { MemoryUse } from '../shared/chunk-pool.ts'
import type { EncodedKey } from '../shared/encoded-key.ts'
import type { FrozenTable } from './frozen-source.ts'
import type { RangeTombstones } from './range-tombstones.ts'

/**
 * What one column family has written since its last freeze, as the engine sees it. One transaction writes at a time; its
 * entries lie behind `appended` until it commits, so nobody else sees them. Any number of readers look on, each with an
 * address as the limit of what it sees.
 *
 *   0 .. visible .. appended .. arena.end
 *      \          \           \_ the open transaction
 *       \          \_ committed, but a sync it waits for is still to come: the next transactions of the family see it
 *        \_ what readers see
 *
 * `ArenaMemtable` is the one implementation, for a family whose writers are on one thread. One for several threads has to
 * keep this: entries are in the log's format, addresses order them by age, and what lies below `appended` never changes.
 */
export interface Memtable {
  readonly arena: EntryMemory
  readonly use: MemoryUse
  visible: number
  readonly appended: number

  table(tableId: number): MemtableTable | undefined
  tableForWriting(tableId: number): MemtableTable

  /** Returns the entry's address. */
  put(table: MemtableTable, tableId: number, key: EncodedKey, value: Uint8Array, valueLength: number): number
  /** Returns the entry's address. */
  delete(table: MemtableTable, tableId: number, key: EncodedKey): number
  /** Deletes the keys from `start` up to `end`; undefined: to the end. */
  deleteRange(table: MemtableTable, tableId: number, start: Uint8Array, end: Uint8Array | undefined): void
  /** Appends an entry that no index holds: the creation, renaming or end of a table or family. */
  note(kind: number, id: number, name: Uint8Array, value: Uint8Array): void
  /** The open transaction has committed: everything up to the arena's end belongs to the family's history. */
  append(): void
  /** Takes back everything from `address` on. */
  rollback(address: number): void

  /**
   * Takes over an entry that stands at the tail of another memtable. Requires: `bytes` holds the whole entry at `offset`, and
   * its fields have been checked.
   */
  adopt(bytes: Uint8Array, offset: number): void
  /**
   * Copies the open transaction's entries, from `address` on, to the end of `target` and calls `moved` with the old and
   * the new address of each. They stay here too, beyond every limit but those of the transaction's own iterators.
   */
  copyTail(address: number, target: Memtable, moved: (from: number, to: number) => void): void
  /** Begins to fill it from records of the log. Requires: nobody reads it until the load is finished. */
  load(): MemtableLoad
  /** What a checkpoint merges of a table, in a form that another thread takes; undefined: nothing. */
  freeze(tableId: number): FrozenTable | undefined

  /** Keeps the memory while a snapshot, an iterator or a checkpoint reads it. */
  pin(): void
  /** The last pin, or the family itself, gives the memory back. */
  unpin(): void
}

/** The memory in which the entries lie (`shared/arena.ts` says how an address names a place). */
export interface EntryMemory {
  /** The chunks by number, as bytes and as words. */
  readonly bytes: readonly Uint8Array<SharedArrayBuffer>[]
  readonly words: readonly Int32Array<SharedArrayBuffer>[]
  /** The address of the next entry. */
  readonly end: number
  /** The bytes from one address to another, at most one part a chunk. */
  extents(from: number, to: number): Uint8Array<SharedArrayBuffer>[]
  /** The first entry at or behind `address`: an address taken at the end of a chunk moves on to the next one. */
  normalise(address: number): number
}

/** One table's part of a memtable. */
export interface MemtableTable {
  readonly tombstones: RangeTombstones
  /** The newest entry of `key` with an address below `limit`, or a negative number. Knows nothing of range deletions. */
  lookup(key: EncodedKey, limit: number): number
  /** Walks the entries below `limit`. */
  cursor(limit: number): MemtableCursor
}

/**
 * Walks one table of a memtable in key order, in both directions, over the entries whose address lies below a limit:
 * for each key the newest such entry, deletions included. Writers go on meanwhile.
 */
export interface MemtableCursor {
  /** The entry that the cursor stands on; negative behind either end. */
  readonly address: number
  readonly kind: number
  /** Key and value lie in `bytes`. */
  readonly bytes: Uint8Array
  readonly keyOffset: number
  readonly keyLength: number
  readonly valueOffset: number
  readonly valueLength: number
  /** To the first entry whose key is not below `key`. */
  seek(key: EncodedKey): void
  /** To the last entry whose key is below `key`. */
  seekBefore(key: EncodedKey): void
  /** To the last entry. */
  seekLast(): void
  next(): void
  previous(): void
}

/** Fills a memtable with entries that stand one after the other, as in a record of the log. */
export interface MemtableLoad {
  /** Takes over the entries from `from` to `to`. Requires: they are whole, of tables, and their fields have been checked. */
  append(bytes: Uint8Array, from: number, to: number): void
  /** Puts what was taken over into the indexes where that is much, or everything. */
  insert(everything: boolean): void
}

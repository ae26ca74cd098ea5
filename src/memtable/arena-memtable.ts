import { Arena, CHUNK_WORD_BITS } from '../shared/arena.ts'
import type { ChunkPool } from '../shared/chunk-pool.ts'
import { MemoryUse } from '../shared/chunk-pool.ts'
import { EncodedKey } from '../shared/encoded-key.ts'
import {
  ENTRY_HEADER_BYTES,
  entryWords,
  KIND_DELETE,
  KIND_DELETE_RANGE,
  KIND_PUT,
  tagKeyLength,
  tagKind,
  valueStart,
} from '../shared/entry-format.ts'
import { BulkLoad } from './bulk-load.ts'
import type { FrozenTable } from './frozen-source.ts'
import { IndexCursor } from './index-cursor.ts'
import type { Memtable, MemtableCursor, MemtableLoad, MemtableTable } from './memtable.ts'
import { OrderedIndex } from './ordered-index.ts'
import { RangeTombstones } from './range-tombstones.ts'

const CHUNK_WORD_MASK = (1 << CHUNK_WORD_BITS) - 1
const NO_BYTES: Uint8Array = new Uint8Array(0)

/** An index over the entries of one table, and its range deletions. */
export class ArenaTable implements MemtableTable {
  readonly index: OrderedIndex
  readonly tombstones: RangeTombstones = new RangeTombstones()

  constructor(index: OrderedIndex) {
    this.index = index
  }

  lookup(key: EncodedKey, limit: number): number {
    return this.index.lookup(key, limit)
  }

  cursor(limit: number): MemtableCursor {
    return new IndexCursor(this.index, limit)
  }
}

/** A memtable whose writers are on one thread: an arena of entries in commit order and, for each table, an index over it. */
export class ArenaMemtable implements Memtable {
  readonly arena: Arena
  readonly tables: Map<number, ArenaTable> = new Map()
  /** The table that was asked for last: most reads ask for the one before, and this saves them 15 ns in the map. */
  #lastId = -1
  #last: ArenaTable | undefined
  visible = 0
  appended = 0
  readonly use: MemoryUse
  readonly #pool: ChunkPool
  #pins = 1
  /** The tombstones to which the open transaction has added. */
  readonly #unsettled: RangeTombstones[] = []

  constructor(pool: ChunkPool, total: MemoryUse) {
    this.#pool = pool
    this.use = new MemoryUse(total)
    this.arena = new Arena(pool, this.use)
  }

  put(table: ArenaTable, tableId: number, key: EncodedKey, value: Uint8Array, valueLength: number): number {
    const address = this.arena.append(KIND_PUT, tableId, key, value, valueLength)
    table.index.insert(key, address)
    return address
  }

  delete(table: ArenaTable, tableId: number, key: EncodedKey): number {
    const address = this.arena.append(KIND_DELETE, tableId, key, NO_BYTES, 0)
    table.index.insert(key, address)
    return address
  }

  deleteRange(table: ArenaTable, tableId: number, start: Uint8Array, end: Uint8Array | undefined): void {
    scratch.assign(start, 0, start.length)
    const value = new Uint8Array(end === undefined ? 1 : 1 + end.length)
    if (end !== undefined) {
      value[0] = 1
      value.set(end, 1)
    }
    table.tombstones.add(start, end, this.arena.append(KIND_DELETE_RANGE, tableId, scratch, value, value.length))
    this.#unsettled.push(table.tombstones)
  }

  note(kind: number, id: number, name: Uint8Array, value: Uint8Array): void {
    scratch.assign(name, 0, name.length)
    this.arena.append(kind, id, scratch, value, value.length)
  }

  table(tableId: number): ArenaTable | undefined {
    if (tableId === this.#lastId) return this.#last
    const table = this.tables.get(tableId)
    if (table !== undefined) {
      this.#lastId = tableId
      this.#last = table
    }
    return table
  }

  tableForWriting(tableId: number): ArenaTable {
    let table = this.table(tableId)
    if (table === undefined) {
      table = new ArenaTable(new OrderedIndex(this.arena, this.#pool, this.use))
      this.tables.set(tableId, table)
    }
    return table
  }

  append(): void {
    this.appended = this.arena.end
    for (const tombstones of this.#unsettled) tombstones.settle()
    this.#unsettled.length = 0
  }

  /** Index entries go newest first, then the arena's tail. */
  rollback(address: number): void {
    const { arena } = this
    const addresses: number[] = []
    for (let at = arena.normalise(address); at < arena.end; at = arena.next(at)) addresses.push(at)
    for (let i = addresses.length - 1; i >= 0; i--) this.#unlink(addresses[i]!)
    for (const tombstones of this.#unsettled) tombstones.cut(address)
    arena.cut(address)
  }

  #unlink(address: number): void {
    const words = this.arena.words[address >>> CHUNK_WORD_BITS]!
    const word = address & CHUNK_WORD_MASK
    const tag = words[word]!
    const kind = tagKind(tag)
    if (kind !== KIND_PUT && kind !== KIND_DELETE) return
    scratch.assign(this.arena.bytes[address >>> CHUNK_WORD_BITS]!, word * 4 + ENTRY_HEADER_BYTES, tagKeyLength(tag))
    this.tables.get(words[word + 1]!)!.index.remove(scratch, address)
  }

  adopt(bytes: Uint8Array, offset: number): void {
    const tag = bytes[offset]! | (bytes[offset + 1]! << 8) | (bytes[offset + 2]! << 16) | (bytes[offset + 3]! << 24)
    const keyLength = tagKeyLength(tag)
    const tableId = readWord(bytes, offset + 4)
    const valueLength = readWord(bytes, offset + 8)
    const length = entryWords(keyLength, valueLength) * 4
    const address = this.arena.reserve(length >>> 2)
    const target = this.arena.bytes[address >>> CHUNK_WORD_BITS]!
    target.set(bytes.subarray(offset, offset + length), (address & CHUNK_WORD_MASK) * 4)
    this.link(tagKind(tag), tableId, bytes, offset + ENTRY_HEADER_BYTES, keyLength, valueLength, address)
  }

  /** Makes an entry that stands at `address` and in `bytes` known to its table. */
  link(
    kind: number,
    tableId: number,
    bytes: Uint8Array,
    keyOffset: number,
    keyLength: number,
    valueLength: number,
    address: number,
  ): void {
    if (kind === KIND_PUT || kind === KIND_DELETE) {
      scratch.assign(bytes, keyOffset, keyLength)
      this.tableForWriting(tableId).index.insert(scratch, address)
    } else if (kind === KIND_DELETE_RANGE) {
      const valueOffset = keyOffset - ENTRY_HEADER_BYTES + valueStart(keyLength)
      const end = bytes[valueOffset] === 1 ? bytes.slice(valueOffset + 1, valueOffset + valueLength) : undefined
      const { tombstones } = this.tableForWriting(tableId)
      tombstones.add(bytes.slice(keyOffset, keyOffset + keyLength), end, address)
      this.#unsettled.push(tombstones)
    }
  }

  copyTail(address: number, target: Memtable, moved: (from: number, to: number) => void): void {
    const { arena } = this
    for (let at = arena.normalise(address); at < arena.end; at = arena.next(at)) {
      const before = target.arena.end
      target.adopt(arena.bytes[at >>> CHUNK_WORD_BITS]!, (at & CHUNK_WORD_MASK) * 4)
      moved(at, target.arena.normalise(before))
    }
  }

  load(): MemtableLoad {
    return new BulkLoad(this)
  }

  freeze(tableId: number): FrozenTable | undefined {
    const table = this.table(tableId)
    if (table === undefined) return undefined
    const { index, tombstones } = table
    return {
      chunks: this.arena.bytes.map(bytes => bytes.buffer),
      slabs: index.slabs.map(slab => slab.buffer),
      versions: index.versions.buffer,
      fragments: tombstones.fragments,
      limit: this.appended,
    }
  }

  pin(): void {
    this.#pins++
  }

  unpin(): void {
    if (--this.#pins > 0) return
    for (const { index } of this.tables.values()) index.release()
    this.tables.clear()
    this.#lastId = -1
    this.#last = undefined
    this.arena.release()
  }
}

/** Every function that uses it is done with it when it returns. */
const scratch = new EncodedKey()

function readWord(bytes: Uint8Array, offset: number): number {
  return (bytes[offset]! | (bytes[offset + 1]! << 8) | (bytes[offset + 2]! << 16) | (bytes[offset + 3]! << 24)) >>> 0
}

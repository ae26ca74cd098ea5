import type { Memtable } from '../memtable/memtable.ts'
import { CHUNK_WORD_BITS, CHUNK_WORD_MASK } from '../shared/arena.ts'
import type { EncodedKey } from '../shared/encoded-key.ts'
import { entryWords, SECTION_HEADER_BYTES } from '../shared/entry-format.ts'
import type { Journal } from '../wal/journal.ts'
import type { Durability } from './engine-transaction.ts'
import { NEEDS } from './engine-transaction.ts'
import type { Engine } from './engine.ts'
import type { Family } from './family.ts'

/**
 * Commits one entry, a put or where `value` is undefined a delete, to a table of a family that `Engine.familyNow` has just given: the
 * short way, without a transaction (decision 0014). The lock is neither taken nor given back: nobody else runs between this call and
 * its return. Undefined, with nothing done, where the log has no room at once or a checkpoint must follow.
 */
export function commitNow(
  engine: Engine,
  family: Family,
  tableId: number,
  key: EncodedKey,
  value: Uint8Array | undefined,
  valueLength: number,
  durability: Durability,
): Promise<void> | undefined {
  if (engine.makeDurable !== undefined && durability === 'immediate') return undefined
  const words = entryWords(key.length, valueLength)
  const bytes = SECTION_HEADER_BYTES + words * 4
  if (!engine.journal.tryReserve(bytes)) return undefined
  const memtable = family.active!
  const address = insertNow(engine.journal, memtable, tableId, key, value, valueLength, bytes)
  const chunk = memtable.arena.words[address >>> CHUNK_WORD_BITS]!
  const begin = address & CHUNK_WORD_MASK
  const done = engine.pipeline.appendEntry(family, memtable, chunk, begin, begin + words, NEEDS[durability])
  engine.appended()
  return done
}

function insertNow(
  journal: Journal,
  memtable: Memtable,
  tableId: number,
  key: EncodedKey,
  value: Uint8Array | undefined,
  valueLength: number,
  reservedBytes: number,
): number {
  const start = memtable.arena.end
  try {
    const table = memtable.tableForWriting(tableId)
    const address =
      value === undefined ? memtable.delete(table, tableId, key) : memtable.put(table, tableId, key, value, valueLength)
    memtable.append()
    return address
  } catch (error) {
    memtable.rollback(start)
    journal.release(reservedBytes)
    throw error
  }
}

import type { EncodedKey } from '../shared/encoded-key.ts'
import { addressChunk, addressWord } from '../shared/arena.ts'
import { KIND_DELETE, tagKeyLength, tagKind, valueStart } from '../shared/entry-format.ts'
import type { Memtable } from '../memtable/memtable.ts'

/** How a memtable answers a lookup. */
export type Answer = 'absent' | 'deleted' | 'present'

/** Where a value lies that a lookup has found; reused from lookup to lookup. */
export interface ValuePlace {
  /** The bytes were read for this lookup alone, and are the whole value. */
  owned: boolean
  bytes: Uint8Array
  /** The words of `bytes`, where the value lies in an arena and so starts at a multiple of 8. */
  words: Int32Array | undefined
  offset: number
  length: number
}

/** Asks one memtable, as readers below `limit` see it. Sets `place` if the key is there. */
export function findInMemtable(
  memtable: Memtable,
  tableId: number,
  key: EncodedKey,
  limit: number,
  place: ValuePlace,
): Answer {
  const table = memtable.table(tableId)
  if (table === undefined) return 'absent'
  const address = table.lookup(key, limit)
  if (table.tombstones.size > 0) {
    const deletion = table.tombstones.newest(key.bytes, 0, key.length, limit)
    if (deletion > address) return 'deleted'
  }
  if (address < 0) return 'absent'
  const chunk = addressChunk(address)
  const word = addressWord(address)
  const words = memtable.arena.words[chunk]!
  const tag = words[word]!
  if (tagKind(tag) === KIND_DELETE) return 'deleted'
  place.owned = false
  place.words = words
  place.bytes = memtable.arena.bytes[chunk]!
  place.offset = word * 4 + valueStart(tagKeyLength(tag))
  place.length = words[word + 2]!
  return 'present'
}

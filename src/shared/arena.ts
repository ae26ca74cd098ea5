import { TRANSACTION_BYTES_MAX } from '../base/limits.ts'
import { DatabaseError } from '../base/errors.ts'
import type { ChunkPool, MemoryUse } from './chunk-pool.ts'
import { CHUNK_BYTES_LARGE, CHUNK_BYTES_MIDDLE, longChunkBytes, nextChunkBytes } from './chunk-pool.ts'
import type { EncodedKey } from './encoded-key.ts'
import { ENTRY_HEADER_BYTES, entryTag, entryWords, valueStart } from './entry-format.ts'

/**
 * The entries of one column family in the order in which they were written: chunks of shared memory to which one writer
 * appends. The bytes are those of the log's records (`entry-format.ts`), so a commit hands them over as they are.
 *
 * An address is a 31-bit number that grows with every entry: the chunk's number above `CHUNK_WORD_BITS`, the word within
 * the chunk below. Addresses therefore order entries by age, and a reader's view of the family is one address.
 *
 * Invariants
 * - An entry lies in one chunk. What does not fit behind the last entry starts the next chunk.
 * - Bytes before the last commit's end never change. Only the tail of the one open transaction may be cut.
 */
export const CHUNK_WORD_BITS = 18
export const CHUNK_WORD_MASK: number = (1 << CHUNK_WORD_BITS) - 1
const CHUNKS_MAX = 1 << (31 - CHUNK_WORD_BITS)
/** A longer entry gets a chunk of its own, so that it wastes at most the rest of the chunk before it. */
const SHARED_ENTRY_WORDS_MAX = CHUNK_BYTES_LARGE / 16

export function addressChunk(address: number): number {
  return address >>> CHUNK_WORD_BITS
}

export function addressWord(address: number): number {
  return address & CHUNK_WORD_MASK
}

export class Arena {
  /** The chunks by number, as bytes and as words. */
  readonly bytes: Uint8Array<SharedArrayBuffer>[] = []
  readonly words: Int32Array<SharedArrayBuffer>[] = []
  /** The address of the next entry, if it fits into that chunk; the chunk may not exist yet. */
  end = 0
  readonly #pool: ChunkPool
  readonly #use: MemoryUse
  /** Words in use of each chunk before the last. */
  readonly #usedWords: number[] = []

  constructor(pool: ChunkPool, use: MemoryUse) {
    this.#pool = pool
    this.#use = use
  }

  /** Makes room for an entry of `words` and returns its address. */
  reserve(words: number): number {
    const chunk = this.end >>> CHUNK_WORD_BITS
    const word = this.end & CHUNK_WORD_MASK
    const present = this.words[chunk]
    if (present === undefined || word + words > present.length) return this.#reserveInNewChunk(words)
    this.end += words
    // A chunk that is exactly full: the addition has carried into the next chunk's number.
    if (word + words > CHUNK_WORD_MASK) this.#usedWords[chunk] = word + words
    return this.end - words
  }

  #reserveInNewChunk(words: number): number {
    let chunk = this.end >>> CHUNK_WORD_BITS
    if (this.words[chunk] !== undefined) this.#usedWords[chunk++] = this.end & CHUNK_WORD_MASK
    if (chunk >= CHUNKS_MAX) {
      throw new DatabaseError(
        'MANIFOLD_TRANSACTION_TOO_LARGE',
        `The transaction does not fit into memory beside what its family holds already (limit ${TRANSACTION_BYTES_MAX} bytes). Split it.`,
      )
    }
    const alone = words > SHARED_ENTRY_WORDS_MAX
    const buffer = this.#pool.take(alone ? longChunkBytes(words * 4) : this.#chunkBytes(words * 4))
    this.bytes.push(new Uint8Array(buffer))
    this.words.push(new Int32Array(buffer))
    this.#use.add(buffer.byteLength)
    const address = chunk << CHUNK_WORD_BITS
    if (alone) {
      this.#usedWords[chunk] = words
      this.end = (chunk + 1) << CHUNK_WORD_BITS
    } else this.end = address + words
    return address
  }

  #chunkBytes(entryBytes: number): number {
    const last = this.bytes.at(-1)?.length ?? 0
    // After a chunk made for one long entry the sizes start anew, not at the smallest.
    const regular = last <= CHUNK_BYTES_LARGE && (last & (last - 1)) === 0
    let size = regular ? nextChunkBytes(last) : CHUNK_BYTES_MIDDLE
    while (size < entryBytes) size = nextChunkBytes(size)
    return size
  }

  /** Appends an entry and returns its address. */
  append(kind: number, tableId: number, key: EncodedKey, value: Uint8Array, valueLength: number): number {
    const keyLength = key.length
    const count = entryWords(keyLength, valueLength)
    const address = this.reserve(count)
    const chunk = address >>> CHUNK_WORD_BITS
    const word = address & CHUNK_WORD_MASK
    const words = this.words[chunk]!
    const valueWord = word + (valueStart(keyLength) >>> 2)
    // Zeros behind the key and behind the value; what is not padding is written over.
    words[valueWord - 2] = 0
    words[valueWord - 1] = 0
    words[word + count - 2] = 0
    words[word + count - 1] = 0
    words[word] = entryTag(kind, keyLength)
    words[word + 1] = tableId
    words[word + 2] = valueLength
    const bytes = this.bytes[chunk]!
    const keyBytes = key.bytes
    const keyOffset = word * 4 + ENTRY_HEADER_BYTES
    if (keyLength <= 24) for (let i = 0; i < keyLength; i++) bytes[keyOffset + i] = keyBytes[i]!
    else bytes.set(keyBytes.subarray(0, keyLength), keyOffset)
    if (valueLength !== 0) {
      bytes.set(value.length === valueLength ? value : value.subarray(0, valueLength), valueWord * 4)
    }
    return address
  }

  /** Takes back everything from `address` on. Requires: no reader has seen any of it. */
  cut(address: number): void {
    const chunk = address >>> CHUNK_WORD_BITS
    const keep = (address & CHUNK_WORD_MASK) === 0 ? chunk : chunk + 1
    while (this.bytes.length > keep) {
      this.words.pop()
      const bytes = this.bytes.pop()!
      this.#use.add(-bytes.length)
      this.#pool.give(bytes.buffer)
    }
    this.#usedWords.length = Math.min(this.#usedWords.length, chunk)
    this.end = address
  }

  /** The bytes from one address to another, at most one part a chunk. */
  extents(from: number, to: number): Uint8Array<SharedArrayBuffer>[] {
    const parts: Uint8Array<SharedArrayBuffer>[] = []
    const last = to >>> CHUNK_WORD_BITS
    for (let chunk = from >>> CHUNK_WORD_BITS; chunk <= last; chunk++) {
      const start = chunk === from >>> CHUNK_WORD_BITS ? from & CHUNK_WORD_MASK : 0
      const end = chunk === last ? to & CHUNK_WORD_MASK : this.#usedWords[chunk]!
      if (end > start) parts.push(this.bytes[chunk]!.subarray(start * 4, end * 4))
    }
    return parts
  }

  /** The entry behind the one at `address`, which may be `end`. */
  next(address: number): number {
    const chunk = address >>> CHUNK_WORD_BITS
    const word = address & CHUNK_WORD_MASK
    const words = this.words[chunk]!
    const behind = word + entryWords(words[word]! >>> 16, words[word + 2]!)
    const used = this.#usedWords[chunk]
    return used !== undefined && behind >= used ? (chunk + 1) << CHUNK_WORD_BITS : (chunk << CHUNK_WORD_BITS) + behind
  }

  /** The first entry at or behind `address`: an address taken at the end of a chunk moves on to the next one. */
  normalise(address: number): number {
    const chunk = address >>> CHUNK_WORD_BITS
    const used = this.#usedWords[chunk]
    return used !== undefined && (address & CHUNK_WORD_MASK) >= used ? (chunk + 1) << CHUNK_WORD_BITS : address
  }

  /** Gives the memory back. Requires: no reader is left, on any thread. */
  release(): void {
    for (const bytes of this.bytes) {
      this.#use.add(-bytes.length)
      this.#pool.give(bytes.buffer)
    }
    this.bytes.length = 0
    this.words.length = 0
  }
}

import type { EncodedKey } from '../shared/encoded-key.ts'

/**
 * Walks the entries of one table in key order, in one direction at a time: only what a reader sees, no deletions.
 * Key and value are places in memory that stay valid until the cursor moves.
 */
export interface EntryCursor {
  /** False behind either end. */
  readonly valid: boolean
  readonly keyBytes: Uint8Array
  readonly keyOffset: number
  readonly keyLength: number
  /** Set by `loadValue`. */
  readonly valueBytes: Uint8Array
  readonly valueOffset: number
  readonly valueLength: number
  /** The value was read for this cursor alone: `valueBytes` is all of it, and whoever takes it may keep it. */
  readonly valueOwned: boolean
  /** To the first entry whose key is not below `key`; then `next` goes on. */
  seek(key: EncodedKey): void
  /** To the last entry whose key is below `key`; then `previous` goes on. */
  seekBefore(key: EncodedKey): void
  /** To the last entry; then `previous` goes on. */
  seekLast(): void
  next(): void
  previous(): void
  /** Sets the value's place; reads it from the file where it is long. */
  loadValue(): void
}

import type { ValueCodec } from './value-codec.ts'

/**
 * A codec whose bytes, compared as unsigned numbers from the first on, are in the order of the keys. Only such a codec
 * can be the key of a table; `ordered: true` is its promise.
 */
export interface KeyCodec<K> extends ValueCodec<K> {
  readonly ordered: true
}

/** Bytes that a read returns: the caller's own, over an `ArrayBuffer` that no other thread shares. */
export type Bytes = Uint8Array<ArrayBuffer>

/**
 * Turns values of one type into bytes and back. An own codec is an object with these three members.
 *
 * @example
 * const gzipped: ValueCodec<string> = {
 *   id: 'gzip',
 *   encode: text => gzipSync(text),
 *   decode: bytes => gunzipSync(bytes).toString(),
 * }
 */
export interface ValueCodec<V> {
  /** Stored with every table that uses the codec; a table cannot be opened with a codec of another id. */
  readonly id: string
  encode(value: V): Uint8Array
  /** Gets a private copy of the stored bytes, which it may keep or change. */
  decode(bytes: Bytes): V
}

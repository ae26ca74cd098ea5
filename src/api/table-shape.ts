import { DatabaseError } from '../base/errors.ts'
import { KEY_BYTES_MAX } from '../base/limits.ts'
import type { DirectKeyCodec, DirectValueCodec } from '../codec/direct-codec.ts'
import { EncodedValue } from '../codec/direct-codec.ts'
import { directKeyCodec, directValueCodec } from '../codec/own-codec.ts'
import { KEY, keyTooLarge, VALUE } from '../codec/refusal.ts'
import type { TableDefinition } from '../codec/table.ts'
import { checkDefinition } from '../codec/table.ts'
import type { TableEntry } from '../engine/family.ts'
import type { TableSchema } from '../engine/family-writer.ts'
import { EncodedKey } from '../shared/encoded-key.ts'

/**
 * Encodings go into buffers that every table uses, because a put or a get must not allocate for its key. Nothing of the
 * caller's runs between encoding and the use of what was encoded: a value's codec, which may be the caller's and may use the
 * database, runs before the key is encoded; a key codec of the caller's own gets a buffer of its own and runs first.
 */
const keyBuffer = new EncodedKey()
const valueBuffer = new EncodedValue()

/** A table as its handles use it: its codecs, and the check that a family's table of that name has the same. */
export class TableShape<K, V> {
  readonly key: DirectKeyCodec<K>
  readonly value: DirectValueCodec<V>
  /** What a new table's catalog entry says. */
  readonly schema: TableSchema
  /** The last entry of a catalog that was found to fit. */
  #checked: TableEntry | undefined
  /** The last catalog that had an entry, and the entry: a catalog never changes, and a read asks for the one before. */
  #catalog: ReadonlyMap<string, TableEntry> | undefined
  #entry: TableEntry | undefined

  constructor(definition: TableDefinition<K, V>) {
    checkDefinition(definition)
    this.key = directKeyCodec(definition.key)
    this.value = directValueCodec(definition.value)
    this.schema = { name: definition.name, keyCodec: this.key.id, valueCodec: this.value.id }
  }

  /** The table's entry in a family's catalog, or undefined if the family has none of that name. Throws if it has other codecs. */
  find(tables: ReadonlyMap<string, TableEntry>): TableEntry | undefined {
    if (tables === this.#catalog) return this.#entry
    const entry = tables.get(this.schema.name)
    if (entry === undefined) return undefined
    if (entry !== this.#checked) this.#check(entry)
    this.#catalog = tables
    this.#entry = entry
    return entry
  }

  #check(entry: TableEntry): void {
    const { name, keyCodec, valueCodec } = this.schema
    if (entry.keyCodec !== keyCodec || entry.valueCodec !== valueCodec) {
      throw new DatabaseError(
        'MANIFOLD_TABLE_MISMATCH',
        `The table '${name}' has keys of the codec '${entry.keyCodec}' and values of '${entry.valueCodec}', but was opened with ` +
          `'${keyCodec}' and '${valueCodec}'. Open it with its own codecs, or use another name.`,
        { expected: `${entry.keyCodec}, ${entry.valueCodec}`, found: `${keyCodec}, ${valueCodec}` },
      )
    }
    this.#checked = entry
  }

  /** The encoded key, valid until the next is encoded. */
  encodeKey(key: unknown): EncodedKey {
    const into = this.key.foreign ? new EncodedKey() : keyBuffer
    const length = this.key.encodeInto(key, into.bytes, 0, KEY)
    // The buffer has more room than a key may take, for what a bound adds. NO_ROOM is negative.
    if (length < 0 || length > KEY_BYTES_MAX) throw keyTooLarge(this.key.id)
    into.length = length
    into.prepare()
    return into
  }

  /** The encoded key; the encoded value is in `encodedValue`. Both are valid until the next are encoded. */
  encodeEntry(key: unknown, value: unknown): EncodedKey {
    if (this.key.foreign) {
      const encoded = this.encodeKey(key)
      this.value.encodeValue(value, valueBuffer, VALUE)
      return encoded
    }
    this.value.encodeValue(value, valueBuffer, VALUE)
    return this.encodeKey(key)
  }

  /** Of the last `encodeEntry`. */
  get encodedValue(): EncodedValue {
    return valueBuffer
  }
}

/** An encoded entry that outlives the call: the caller may change what it gave. */
export interface KeptEntry {
  readonly key: Uint8Array
  readonly value: Uint8Array
}

const again = new EncodedKey()

/** A kept key, ready for a search; valid until the next is loaded. */
export function loadKey(key: Uint8Array): EncodedKey {
  again.assign(key, 0, key.length)
  return again
}

import { DatabaseError } from '../base/errors.ts'
import type { EncodedValue } from '../codec/direct-codec.ts'
import { EncodedValue as ValueBuffer } from '../codec/direct-codec.ts'
import type { TableEntry } from '../engine/family.ts'
import type { TableSchema } from '../engine/family-writer.ts'
import { EncodedKey } from '../shared/encoded-key.ts'
import type { CheckedTable } from './table-definition.ts'

/**
 * Encodings go into buffers that every table uses, because a put or a get must not allocate for its key. Nothing of the
 * caller's runs between encoding and the use of what was encoded; a key codec of the caller's own, which might itself use
 * the database, gets a buffer of its own.
 */
const keyBuffer = new EncodedKey()
const valueBuffer = new ValueBuffer()

/** A table as its handles use it: its definition, and the check that a family's table of that name has the same codecs. */
export class TableShape<K, V> {
  readonly definition: CheckedTable<K, V>
  /** What a new table's catalog entry says. */
  readonly schema: TableSchema
  /** The last entry of a catalog that was found to fit. */
  #checked: TableEntry | undefined

  constructor(definition: CheckedTable<K, V>) {
    this.definition = definition
    this.schema = { name: definition.name, keyCodec: definition.keyCodec.id, valueCodec: definition.valueCodec.id }
  }

  /** The table's entry in a family's catalog, or undefined if the family has none of that name. Throws if it has other codecs. */
  find(tables: ReadonlyMap<string, TableEntry>): TableEntry | undefined {
    const entry = tables.get(this.schema.name)
    if (entry !== undefined && entry !== this.#checked) this.#check(entry)
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
    const into = this.definition.keyCodec.foreign ? new EncodedKey() : keyBuffer
    this.definition.encodeKey(key, into)
    return into
  }

  /** The encoded key; the encoded value is in `value`. Both are valid until the next are encoded. */
  encodeEntry(key: unknown, value: unknown): EncodedKey {
    const into = this.definition.keyCodec.foreign ? new EncodedKey() : keyBuffer
    this.definition.encodeEntry(key, value, into, valueBuffer)
    return into
  }

  /** Of the last `encodeEntry`. */
  get value(): EncodedValue {
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

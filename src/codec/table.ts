import { DatabaseError } from '../base/errors.ts'
import { checkCodec } from './check-codec.ts'
import { checkName } from './check-name.ts'
import type { KeyCodec } from './key-codec.ts'
import { describe } from './refusal.ts'
import type { ValueCodec } from './value-codec.ts'

/** A table's name and codecs: declared once, used with every column family, transaction and snapshot. */
export interface TableDefinition<K, V> {
  readonly name: string
  readonly key: KeyCodec<K>
  readonly value: ValueCodec<V>
}

function checkObject(what: string, given: unknown): void {
  if (typeof given === 'object' && given !== null) return
  throw new DatabaseError(
    'MANIFOLD_INVALID_ARGUMENT',
    `${what} must be an object with the codecs, but ${describe(given)} was given. Declare it with table().`,
  )
}

/** Refuses what is not a table definition. A definition need not come from `table()`: any object of the shape is one. */
export function checkDefinition(definition: TableDefinition<unknown, unknown>): void {
  checkObject('A table definition', definition)
  checkName('table', definition.name)
  checkCodec(definition.key, `the key codec of the table '${definition.name}'`, true)
  checkCodec(definition.value, `the value codec of the table '${definition.name}'`, false)
}

/**
 * Declares a table. The table itself comes into being with the first write to it, in each column family of its own.
 *
 * @example
 * const users = table('users', { key: uint, value: json<{ name: string }>() })
 * await db.table(users).put(1, { name: 'Ada' })
 */
export function table<K, V>(name: string, of: { key: KeyCodec<K>; value: ValueCodec<V> }): TableDefinition<K, V> {
  checkObject('The second argument of table()', of)
  const definition: TableDefinition<K, V> = Object.freeze({ name, key: of.key, value: of.value })
  checkDefinition(definition)
  return definition
}

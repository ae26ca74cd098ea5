import { DatabaseError } from '../base/errors.ts'
import { NAME_BYTES_MAX } from '../base/limits.ts'
import { NO_ROOM } from './direct-codec.ts'
import { describe } from './refusal.ts'
import { writeText } from './utf8.ts'

const scratch = new Uint8Array(NAME_BYTES_MAX)

/** Refuses what cannot name a column family or table; `what` says which, for the message. */
export function checkName(what: 'column family' | 'table', name: unknown): asserts name is string {
  const fits = typeof name === 'string' && name !== '' && name.isWellFormed() && writeText(name, scratch, 0) !== NO_ROOM
  if (fits) return
  throw new DatabaseError(
    'MANIFOLD_INVALID_ARGUMENT',
    `The name of a ${what} must be a string of 1 to ${NAME_BYTES_MAX} bytes of UTF-8, but ${describe(name)} was given. Choose another.`,
  )
}

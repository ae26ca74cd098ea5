import { DatabaseError } from '../base/errors.ts'
import { KEY_BYTES_MAX, VALUE_BYTES_MAX } from '../base/limits.ts'

/** What a codec's input was meant for: the code with which it is refused. */
export type Role = 'MANIFOLD_INVALID_KEY' | 'MANIFOLD_INVALID_VALUE'
export const KEY: Role = 'MANIFOLD_INVALID_KEY'
export const VALUE: Role = 'MANIFOLD_INVALID_VALUE'

const SHOWN_LENGTH_MAX = 40

function shortened(text: string): string {
  return text.length > SHOWN_LENGTH_MAX ? `${text.slice(0, SHOWN_LENGTH_MAX)}...` : text
}

function describeObject(value: object): string {
  if (Array.isArray(value)) return `an array of ${value.length}`
  // A proxy or a getter may throw here, and the refusal must not be lost to that.
  try {
    if (value instanceof Date)
      return Number.isNaN(value.getTime()) ? 'an invalid Date' : `the Date ${value.toISOString()}`
    const name: unknown = value.constructor?.name
    if (typeof name !== 'string' || name === '' || name === 'Object') return 'an object'
    const article = /^[AEIO]/.test(name) ? 'an' : 'a'
    return ArrayBuffer.isView(value) ? `${article} ${name} of ${value.byteLength} bytes` : `${article} ${name}`
  } catch {
    return 'an object'
  }
}

/** What was given, for a person to read: short, and never the whole of a long value. */
export function describe(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return `the string ${JSON.stringify(shortened(value))}`
    case 'number':
      return Object.is(value, -0) ? 'the number -0' : `the number ${value}`
    case 'bigint':
      return `the bigint ${shortened(value.toString())}n`
    case 'boolean':
      return String(value)
    case 'function':
      return 'a function'
    case 'symbol':
      return 'a symbol'
    case 'undefined':
      return 'undefined'
    default:
      return value === null ? 'null' : describeObject(value as object)
  }
}

/** Refuses a key or value that is not of the codec's type, or not in its domain. `advice` is a sentence on what to do. */
export function refuse(role: Role, id: string, expected: string, given: unknown, advice: string): never {
  const what = role === KEY ? 'The key' : 'The value'
  throw new DatabaseError(
    role,
    `${what} does not fit the codec '${id}': expected ${expected}, but ${describe(given)} was given. ${advice}`,
  )
}

export function keyTooLarge(id: string): DatabaseError {
  return new DatabaseError(
    'MANIFOLD_KEY_TOO_LARGE',
    `The key is longer than ${KEY_BYTES_MAX} bytes when encoded by the codec '${id}'. Use a shorter key, such as a hash of it, ` +
      'and keep the long form in the value.',
  )
}

export function valueTooLarge(id: string): DatabaseError {
  return new DatabaseError(
    'MANIFOLD_VALUE_TOO_LARGE',
    `The value is longer than ${VALUE_BYTES_MAX} bytes when encoded by the codec '${id}'. Split it over several keys, ` +
      'or keep it in a file of its own.',
  )
}

import { DatabaseError } from '../base/errors.ts'
import type { EncodedValue } from './direct-codec.ts'
import { DirectValueCodec } from './direct-codec.ts'
import type { Role } from './refusal.ts'
import { refuse } from './refusal.ts'
import { readText, writeTextValue } from './utf8.ts'
import type { ValueCodec } from './value-codec.ts'

/** Any value that JSON can hold. */
export type JsonValue =
  string | number | boolean | null | readonly JsonValue[] | { readonly [name: string]: JsonValue | undefined }

/** `T` where JSON gives back what it was given, and `never` in the places where it does not. */
type Jsonable<T> = [T] extends [JsonValue | undefined]
  ? T
  : T extends string | number | boolean | null | undefined
    ? T
    : T extends bigint | symbol | ((...parameters: never[]) => unknown)
      ? never
      : { [P in keyof T]: Jsonable<T[P]> }

/** Arrays, plain objects and scalars; a function has what `instanceof` asks for. */
type JsonRoot = string | number | boolean | null | (object & { readonly [Symbol.hasInstance]?: never })

/**
 * The constraint of a type parameter that must be JSON: `T extends Json<T>`. An interface fits it without an index
 * signature. It is one mapped level above `Jsonable`, because a type parameter cannot be its own constraint.
 */
export type Json<T> = { [P in keyof T]: Jsonable<T[P]> } & JsonRoot

/** No parameters where `T` is JSON, and one that nobody can give where it is not. */
type TypeIsNotJson<T> = [T] extends [Json<T>] ? [] : [typeIsNotJson: never]

interface Misfit {
  readonly given: unknown
  /** Where in the value it stands, such as `.tags[2]`. */
  readonly place: string
}

function isPlainObject(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === Object.prototype || prototype === null) return true
  // A plain object of another realm: its prototype is the end of the chain, and is not one that somebody created.
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype as object, 'hasOwnProperty')
}

function misfitInArray(array: readonly unknown[]): Misfit | undefined {
  for (let i = 0; i < array.length; i++) {
    const misfit = findMisfit(array[i])
    if (misfit !== undefined) return { given: misfit.given, place: `[${i}]${misfit.place}` }
  }
  return undefined
}

function misfitInObject(object: Readonly<Record<string, unknown>>): Misfit | undefined {
  for (const name in object) {
    const value = object[name]
    // An undefined property is absent when it is read again, which reads the same.
    if (value === undefined || !Object.hasOwn(object, name)) continue
    const misfit = findMisfit(value)
    if (misfit !== undefined) return { given: misfit.given, place: `.${name}${misfit.place}` }
  }
  return undefined
}

/** Finds what JSON.stringify would silently drop or change. Requires: the value has no cycles. */
function findMisfit(value: unknown): Misfit | undefined {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return undefined
    case 'number':
      return Number.isFinite(value) ? undefined : { given: value, place: '' }
    case 'object':
      if (value === null) return undefined
      if (Array.isArray(value)) return misfitInArray(value)
      return isPlainObject(value) ? misfitInObject(value as Record<string, unknown>) : { given: value, place: '' }
    default:
      return { given: value, place: '' }
  }
}

const EXPECTED = 'strings, finite numbers, booleans, null, arrays and plain objects'

class JsonCodec extends DirectValueCodec<unknown> {
  readonly id = 'json'

  encodeValue(value: unknown, into: EncodedValue, role: Role): void {
    let text: string | undefined
    let misfit: Misfit | undefined
    try {
      // First, because it refuses cycles, on which the search would not end.
      text = JSON.stringify(value)
      misfit = findMisfit(value)
    } catch (error) {
      if (error instanceof DatabaseError) throw error
      const reason = error instanceof Error ? error.message : String(error)
      // What a cycle runs through stands on the lines behind the first; `cause` has them.
      const advice = 'Store a value without cycles, with bigints converted by String() for example.'
      throw new DatabaseError(role, `The value does not fit the codec 'json': ${reason.split('\n')[0]}. ${advice}`, {
        cause: error,
      })
    }
    if (misfit !== undefined || text === undefined) {
      const { given, place } = misfit ?? { given: value, place: '' }
      refuse(
        role,
        place === '' ? 'json' : `json' at '${place}`,
        EXPECTED,
        given,
        'Convert it, a Date with toISOString() for example.',
      )
    }
    writeTextValue(text, into, this.id)
  }

  decodeFrom(source: Uint8Array, offset: number, length: number): unknown {
    return JSON.parse(readText(source, offset, length))
  }

  decode(bytes: Uint8Array): unknown {
    try {
      return this.decodeFrom(bytes, 0, bytes.length)
    } catch {
      return refuse(this.role, this.id, 'the bytes of a JSON text', bytes, 'Decode only what this codec has encoded.')
    }
  }
}

const codec = new JsonCodec()

/**
 * Values that JSON can hold, as JSON text. `T` must be such a type: dates, maps, bigints and functions are refused, by
 * the compiler and when they are stored.
 *
 * @example
 * const users = table('users', { key: uint, value: json<{ name: string, email?: string }>() })
 */
export function json<T extends Json<T> = JsonValue>(): ValueCodec<T>
// This one alone would do but for generic callers, whose `T` is not known yet; the first alone could not be assigned to a
// plain `<T>() => ValueCodec<T>`.
export function json<T>(...typeIsNotJson: TypeIsNotJson<T>): ValueCodec<T>
export function json(): ValueCodec<unknown> {
  return codec
}

// Compiled, never run: what the codecs and table() infer and refuse.
import { boolean, bytes, f64, int, json, table, timestamp, tuple, u64, uint, utf8, uuid } from '../../src/index.ts'
import type {
  Bounds,
  Bytes,
  Entries,
  Json,
  JsonValue,
  KeyCodec,
  Prefix,
  RangeOptions,
  TableDefinition,
  ValueCodec,
} from '../../src/index.ts'
import { is } from './equal.ts'

is<KeyCodec<number>>()(uint)
is<KeyCodec<number>>()(int)
is<KeyCodec<number>>()(f64)
is<KeyCodec<bigint>>()(u64)
is<KeyCodec<boolean>>()(boolean)
is<KeyCodec<Date>>()(timestamp)
is<KeyCodec<string>>()(uuid)
is<KeyCodec<Bytes>>()(bytes)
is<KeyCodec<readonly [number, string]>>()(tuple(uint, utf8))
is<KeyCodec<readonly [readonly [number, string], Bytes]>>()(tuple(tuple(uint, utf8), bytes))

interface User {
  name: string
  age?: number
  tags: readonly string[]
  address: { city: string | null }
}
interface Tree {
  children: Tree[]
}
is<ValueCodec<User>>()(json<User>())
is<ValueCodec<Tree>>()(json<Tree>())
is<ValueCodec<JsonValue>>()(json())
is<ValueCodec<JsonValue>>()(json<JsonValue>())
json<string>()
json<number[]>()
json<[string, number?]>()
json<{ kind: 'a'; a: 1 } | { kind: 'b' }>()
json<Record<string, User>>()
json<string | null>()
json<{ readonly [name: string]: unknown[] & string[] }>()
const contextual: ValueCodec<User> = json()

// @ts-expect-error A Date becomes a string.
json<Date>()
// @ts-expect-error The same further down.
json<{ born: Date }>()
// @ts-expect-error A map becomes {}.
json<Map<string, string>>()
// @ts-expect-error A set becomes {}.
json<{ tags: Set<string> }>()
// @ts-expect-error A function is dropped.
json<() => void>()
// @ts-expect-error The same further down.
json<{ greet(): string }>()
// @ts-expect-error A bigint is refused.
json<bigint>()
// @ts-expect-error The same further down.
json<bigint[]>()
// @ts-expect-error A byte array becomes an object.
json<Uint8Array>()
// @ts-expect-error There is no JSON for it.
json<undefined>()
// @ts-expect-error There is no JSON for it.
json<symbol>()
// @ts-expect-error It may be anything.
json<unknown>()
export function generic<T extends Json<T>>(): ValueCodec<T> {
  return json<T>()
}

const users = table('users', { key: uint, value: json<{ name: string }>() })
is<TableDefinition<number, { name: string }>>()(users)
const visits = table('visits', { key: tuple(utf8, uint, bytes), value: bytes })
is<TableDefinition<readonly [string, number, Bytes], Bytes>>()(visits)
const own: KeyCodec<{ id: number }> = {
  id: 'own',
  ordered: true,
  encode: key => uint.encode(key.id),
  decode: given => ({ id: uint.decode(given) }),
}
is<TableDefinition<{ id: number }, Date>>()(table('own', { key: own, value: timestamp }))
// @ts-expect-error JSON has no order.
table('wrong', { key: json<string>(), value: uint })
// @ts-expect-error A tuple's codecs have an order.
tuple(uint, json<string>())
// @ts-expect-error There is no value codec.
table('wrong', { key: uint })

type Of<P> = { of: P }
declare const prefixes: {
  text: Of<Prefix<string>>
  bytes: Of<Prefix<Bytes>>
  number: Of<Prefix<number>>
  single: Of<Prefix<readonly [string]>>
  triple: Of<Prefix<readonly [string, number, Bytes]>>
}
is<Of<string>>()(prefixes.text)
is<Of<Bytes>>()(prefixes.bytes)
is<Of<never>>()(prefixes.number)
is<Of<never>>()(prefixes.single)
is<Of<readonly [string, number] | readonly [string]>>()(prefixes.triple)

const range: RangeOptions<readonly [string, number]> = {
  gte: ['a'],
  lt: ['a', 5],
  prefix: ['a'],
  reverse: true,
  limit: 1,
  offset: 1,
}
const anyBytes: Bounds<Bytes> = { gt: new Uint8Array(new SharedArrayBuffer(1)) }
// @ts-expect-error A scalar has no prefix.
const noPrefix: Bounds<number> = { prefix: 1 }
// @ts-expect-error Not the first elements.
const wrongPart: Bounds<readonly [string, number]> = { prefix: [5] }
// @ts-expect-error An empty prefix bounds nothing.
const emptyPart: Bounds<readonly [string, number]> = { prefix: [] }
// @ts-expect-error A misspelt name.
const misspelt: Bounds<number> = { gtee: 1 }

export function iterate(entries: Entries<[key: number, value: string]>): void {
  is<number[]>()(entries.map(([key]) => key).toArray())
  is<void>()(entries[Symbol.dispose]())
  for (const [key, value] of entries) {
    is<number>()(key)
    is<string>()(value)
  }
}
export { anyBytes, contextual, emptyPart, misspelt, noPrefix, range, wrongPart }

/**
 * Keys and values of every benchmark, functions of (stream, index) alone. `native/common.h` computes the same ones, so
 * that all contestants write the same bytes, and a verification can tell what must be there without keeping a list.
 */
export type Order = 'ordered' | 'random'

/** How many different values are taken in turn, at most so many bytes of them; constants of `native/common.h` too. */
const VALUE_COUNT_MAX = 1024
const VALUE_POOL_BYTES = 16 << 20

/** A bijection of 32-bit words that leaves no order behind. */
export function mix32(word: number): number {
  let h = word
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/**
 * The key at `index` of a stream, below 2^53. Random keys of one stream are distinct because their low word is a
 * bijection of the index.
 */
export function keyAt(stream: number, index: number, order: Order): number {
  if (order === 'ordered') return index
  const low = mix32(index ^ mix32(stream + 1))
  return (mix32((low + 0x9e3779b9) | 0) >>> 11) * 0x1_0000_0000 + low
}

/** The first `count` keys of a stream, made before the clock runs. */
export function keysOf(stream: number, count: number, order: Order): Float64Array {
  const keys = new Float64Array(count)
  for (let i = 0; i < count; i++) keys[i] = keyAt(stream, i, order)
  return keys
}

/** Every key of stream 0 once, in an order unlike that of insertion and of the keys. */
export function lookupsOf(count: number): Float64Array {
  const keys = keysOf(0, count, 'random')
  let state = 1
  for (let i = count - 1; i > 0; i--) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    const j = Math.floor((state * (i + 1)) / 0x1_0000_0000)
    const key = keys[i]!
    keys[i] = keys[j]!
    keys[j] = key
  }
  return keys
}

/** Incompressible values: compression would compare codecs, not engines. */
export class Values {
  readonly #slices: Uint8Array<ArrayBuffer>[] = []

  constructor(bytes: number) {
    const count = Math.min(VALUE_COUNT_MAX, Math.max(1, Math.floor(VALUE_POOL_BYTES / bytes)))
    const pool = new Uint8Array(bytes * count)
    for (let i = 0; i < pool.length; i++) pool[i] = mix32(i)
    // Arrays of their own, as values usually are: views into one buffer would start at odd places.
    for (let i = 0; i < count; i++) this.#slices.push(pool.slice(i * bytes, (i + 1) * bytes))
  }

  at(stream: number, index: number): Uint8Array<ArrayBuffer> {
    return this.#slices[(index + stream * 131) % this.#slices.length]!
  }
}

/** The entries of stream 0, each computed when it is asked for. */
export class Source {
  readonly #order: Order
  readonly #values: Values

  constructor(order: Order, valueBytes: number) {
    this.#order = order
    this.#values = new Values(valueBytes)
  }

  key(index: number): number {
    return keyAt(0, index, this.#order)
  }

  value(index: number): Uint8Array<ArrayBuffer> {
    return this.#values.at(0, index)
  }
}

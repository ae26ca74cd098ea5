import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { EntriesIterator } from './entries.ts'

/** Counts 0, 1, 2, ... below `end` and knows whether it has been finished. */
class Counter extends EntriesIterator<number> {
  released = 0
  #next = 0
  readonly #end: number

  constructor(end: number) {
    super()
    this.#end = end
  }

  next(): IteratorResult<number, undefined> {
    if (this.released === 0 && this.#next < this.#end) return { done: false, value: this.#next++ }
    return this.return()
  }

  return(): IteratorResult<number, undefined> {
    this.released++
    return { done: true, value: undefined }
  }
}

const even = (value: number): boolean => value % 2 === 0

describe('helpers', () => {
  test('give what those of the language give', () => {
    const list = [0, 1, 2, 3, 4]
    const make = (): Counter => new Counter(5)
    assert.deepEqual([...make()], list)
    assert.deepEqual(make().toArray(), list)
    assert.deepEqual(
      make()
        .map((value, i) => value * 10 + i)
        .toArray(),
      [0, 11, 22, 33, 44],
    )
    assert.deepEqual(make().filter(even).toArray(), [0, 2, 4])
    assert.deepEqual(make().take(2).toArray(), [0, 1])
    assert.deepEqual(make().take(Infinity).toArray(), list)
    assert.deepEqual(make().drop(3).toArray(), [3, 4])
    assert.deepEqual(make().drop(9).toArray(), [])
    assert.deepEqual(
      make()
        .flatMap(value => [value, value])
        .take(3)
        .toArray(),
      [0, 0, 1],
    )
    assert.deepEqual(
      make()
        .flatMap(value => new Counter(value))
        .toArray(),
      [0, 0, 1, 0, 1, 2, 0, 1, 2, 3],
    )
    assert.equal(
      make().reduce((sum, value) => sum + value),
      10,
    )
    assert.equal(
      make().reduce((text, value) => text + value, ''),
      '01234',
    )
    assert.equal(
      new Counter(0).reduce((sum, value) => sum + value, 7),
      7,
    )
    assert.equal(
      make().some(value => value === 3),
      true,
    )
    assert.equal(make().every(even), false)
    assert.equal(
      make().find(value => value > 2),
      3,
    )
    assert.equal(
      make().find(value => value > 9),
      undefined,
    )
    const seen: number[] = []
    make().forEach((value, i) => seen.push(value + i))
    assert.deepEqual(seen, [0, 2, 4, 6, 8])
    assert.deepEqual(
      make()
        .map(String)
        .filter(text => text !== '1')
        .drop(1)
        .take(2)
        .toArray(),
      ['2', '3'],
    )
  })

  test('are lazy and one-pass', () => {
    const source = new Counter(5)
    const mapped = source.map(String)
    assert.deepEqual(source.next(), { done: false, value: 0 })
    assert.deepEqual(mapped.toArray(), ['1', '2', '3', '4'])
    assert.deepEqual(mapped.toArray(), [])
  })

  test('inherit from the iterators of the language', () => {
    const prototype: object = Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]()))
    assert.ok(Object.prototype.isPrototypeOf.call(prototype, new Counter(1)))
    assert.equal(Object.prototype.toString.call(new Counter(1)), '[object Manifold Entries]')
  })
})

describe('the source is finished', () => {
  const boom = (): never => {
    throw new Error('boom')
  }
  const ends: Record<string, (source: Counter) => unknown> = {
    'by break': source => {
      for (const _ of source) break
    },
    'by dispose': source => source[Symbol.dispose](),
    'by return on a derived iterator that has not begun': source => source.map(String).filter(Boolean).return(),
    'by return on one that has': source => {
      const derived = source.map(String)
      derived.next()
      derived[Symbol.dispose]()
    },
    'by the last entry of take': source => {
      const taken = source.take(2)
      taken.next()
      assert.equal(source.released, 0)
      taken.next()
    },
    'by take(0)': source => source.take(0).next(),
    'by some': source => source.some(even),
    'by every': source => source.every(value => value < 1),
    'by find': source => source.find(even),
    'by a throw in map': source => assert.throws(() => source.map(boom).toArray(), /boom/),
    'by a throw in forEach': source => assert.throws(() => source.forEach(boom), /boom/),
    'by a throw in reduce': source => assert.throws(() => source.reduce(boom), /boom/),
    'by a bad count': source => assert.throws(() => source.take(-1), { code: 'MANIFOLD_INVALID_ARGUMENT' }),
    'by a count that is none': source =>
      assert.throws(() => source.drop(Number.NaN), { code: 'MANIFOLD_INVALID_ARGUMENT' }),
    'by a callback that is none': source =>
      assert.throws(() => source.map(5 as never), { code: 'MANIFOLD_INVALID_ARGUMENT' }),
    'by flatMap to a string': source =>
      assert.throws(() => source.flatMap(() => 'text' as never).toArray(), { code: 'MANIFOLD_INVALID_ARGUMENT' }),
  }
  for (const [how, end] of Object.entries(ends)) {
    test(how, () => {
      const source = new Counter(5)
      end(source)
      assert.ok(source.released > 0)
    })
  }

  test('an empty reduce without a start', () => {
    assert.throws(() => new Counter(0).reduce((sum, value) => sum + value), { code: 'MANIFOLD_INVALID_ARGUMENT' })
  })
})

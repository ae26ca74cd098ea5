/// <reference lib="esnext.disposable" preserve="true" />
/// <reference lib="esnext.iterator" preserve="true" />
import { refuseOption } from './durability.ts'

/**
 * An iterator that `for`, its own `map`, `filter`, `take` and so on, or `using` finish. It holds the state of the database
 * that it began with until it is finished; one that is left in the middle is given up with `return()`.
 */
export type Entries<T> = IteratorObject<T, undefined>

/** What every iterator of the language inherits from; it has helpers of its own from Node 22 on. */
const IteratorPrototype: object = Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]()))

/** The end of an iteration, to be returned from `next`. A new object each time, since callers may change it. */
export function finished(): IteratorReturnResult<undefined> {
  return { done: true, value: undefined }
}

/**
 * Base of the iterators that reads return: one-pass, disposable, with the helpers of the language's iterators, which Node
 * 20 does not have. A subclass has `next` and `return`; both release what it holds, `next` when it finds the end.
 *
 * The helpers are defined here on every runtime and not taken from the newer ones, so that they are the same everywhere.
 * Two things go further than the language does: a failing argument check finishes the iterator, and `take` finishes it
 * with the last entry instead of with the call after it, because an unfinished iterator pins a state of the database.
 */
export abstract class EntriesIterator<T> implements IteratorObject<T, undefined> {
  abstract next(): IteratorResult<T, undefined>
  /** Finishes the iterator. May be called at any time and any number of times. */
  abstract return(): IteratorResult<T, undefined>

  [Symbol.iterator](): this {
    return this
  }

  [Symbol.dispose](): void {
    this.return()
  }

  get [Symbol.toStringTag](): string {
    return 'Manifold Entries'
  }

  map<U>(change: (value: T, index: number) => U): EntriesIterator<U> {
    this.#checkFunction('map', change)
    return new Derived(this, mapped(this, change))
  }

  filter<S extends T>(accept: (value: T, index: number) => value is S): EntriesIterator<S>
  filter(accept: (value: T, index: number) => unknown): EntriesIterator<T>
  filter(accept: (value: T, index: number) => unknown): EntriesIterator<T> {
    this.#checkFunction('filter', accept)
    return new Derived(this, filtered(this, accept))
  }

  take(limit: number): EntriesIterator<T> {
    return new Derived(this, taken(this, this.#checkedCount('take', limit)))
  }

  drop(count: number): EntriesIterator<T> {
    return new Derived(this, dropped(this, this.#checkedCount('drop', count)))
  }

  flatMap<U>(
    change: (value: T, index: number) => Iterator<U, unknown, undefined> | Iterable<U, unknown, undefined>,
  ): EntriesIterator<U> {
    this.#checkFunction('flatMap', change)
    return new Derived(this, flattened(this, change))
  }

  reduce(combine: (previous: T, value: T, index: number) => T): T
  reduce(combine: (previous: T, value: T, index: number) => T, initial: T): T
  reduce<U>(combine: (previous: U, value: T, index: number) => U, initial: U): U
  reduce(...parameters: [combine: (previous: never, value: T, index: number) => unknown, initial?: unknown]): unknown {
    const combine = parameters[0] as (previous: unknown, value: T, index: number) => unknown
    const initial = parameters[1]
    this.#checkFunction('reduce', combine)
    let index = 0
    let result = initial
    // An initial value of undefined is one, too.
    let begun = parameters.length > 1
    for (const value of this) {
      result = begun ? combine(result, value, index) : value
      begun = true
      index++
    }
    return begun ? result : refuseOption('the initial value of reduce', 'given where there are no entries', initial)
  }

  toArray(): T[] {
    const array: T[] = []
    for (const value of this) array.push(value)
    return array
  }

  forEach(visit: (value: T, index: number) => void): void {
    this.#checkFunction('forEach', visit)
    let index = 0
    for (const value of this) visit(value, index++)
  }

  some(accept: (value: T, index: number) => unknown): boolean {
    this.#checkFunction('some', accept)
    let index = 0
    for (const value of this) if (accept(value, index++)) return true
    return false
  }

  every(accept: (value: T, index: number) => unknown): boolean {
    this.#checkFunction('every', accept)
    let index = 0
    for (const value of this) if (!accept(value, index++)) return false
    return true
  }

  find<S extends T>(accept: (value: T, index: number) => value is S): S | undefined
  find(accept: (value: T, index: number) => unknown): T | undefined
  find(accept: (value: T, index: number) => unknown): T | undefined {
    this.#checkFunction('find', accept)
    let index = 0
    for (const value of this) if (accept(value, index++)) return value
    return undefined
  }

  #checkFunction(helper: string, given: unknown): void {
    if (typeof given === 'function') return
    this.return()
    refuseOption(`the argument of ${helper}`, 'a function', given)
  }

  #checkedCount(helper: string, given: unknown): number {
    const count = typeof given === 'number' ? Math.trunc(given) : Number.NaN
    if (count >= 0) return count
    this.return()
    return refuseOption(`the argument of ${helper}`, 'a number of at least 0', given)
  }
}

Object.setPrototypeOf(EntriesIterator.prototype, IteratorPrototype)

/** What a helper makes of `source`. Finishing it finishes the source, also before its first step. */
class Derived<T> extends EntriesIterator<T> {
  readonly #source: EntriesIterator<unknown>
  readonly #steps: Generator<T, undefined, undefined>

  constructor(source: EntriesIterator<unknown>, steps: Generator<T, undefined, undefined>) {
    super()
    this.#source = source
    this.#steps = steps
  }

  next(): IteratorResult<T, undefined> {
    return this.#steps.next()
  }

  return(): IteratorResult<T, undefined> {
    // A generator that has not begun does not run its loop's ending, so the source is finished here.
    this.#steps.return(undefined)
    this.#source.return()
    return finished()
  }
}

function* mapped<T, U>(
  source: EntriesIterator<T>,
  change: (value: T, index: number) => U,
): Generator<U, undefined, undefined> {
  let index = 0
  for (const value of source) yield change(value, index++)
}

function* filtered<T>(
  source: EntriesIterator<T>,
  accept: (value: T, index: number) => unknown,
): Generator<T, undefined, undefined> {
  let index = 0
  for (const value of source) if (accept(value, index++)) yield value
}

function* taken<T>(source: EntriesIterator<T>, limit: number): Generator<T, undefined, undefined> {
  let left = limit
  if (left === 0) source.return()
  else {
    for (const value of source) {
      if (--left === 0) {
        source.return()
        yield value
        return
      }
      yield value
    }
  }
}

function* dropped<T>(source: EntriesIterator<T>, count: number): Generator<T, undefined, undefined> {
  let left = count
  for (const value of source) {
    if (left === 0) yield value
    else left--
  }
}

function* flattened<T, U>(
  source: EntriesIterator<T>,
  change: (value: T, index: number) => Iterator<U, unknown, undefined> | Iterable<U, unknown, undefined>,
): Generator<U, undefined, undefined> {
  let index = 0
  for (const value of source) {
    const inner: unknown = change(value, index++)
    if (typeof inner === 'object' && inner !== null) {
      yield* Symbol.iterator in inner ? (inner as Iterable<U>) : { [Symbol.iterator]: () => inner as Iterator<U> }
    } else refuseOption('what the argument of flatMap returns', 'an iterable other than a string', inner)
  }
}

import assert from 'node:assert/strict'
import type { Table, TransactionTable, WriteOptions } from '../../src/index.ts'
import { DatabaseError } from '../../src/index.ts'
import type { Behind, Effect } from './ledger.ts'
import type { State } from './state.ts'
import { deleteFrom, putInto, tableOf } from './state.ts'
import type { Change } from './step.ts'

/** Makes values, each unlike any other of its life. */
export class Values {
  #made = 0

  next(size: number): string {
    const name = `${++this.#made}:`
    return name + String.fromCharCode(97 + (this.#made % 26)).repeat(size)
  }
}

/** A change with the values that it writes, so that the model and the database get the same. */
export interface Prepared {
  readonly change: Change
  readonly family: string
  readonly table: string
  readonly values: readonly string[]
}

export function prepare(change: Change, family: string, table: string, values: Values): Prepared {
  const count = change.do === 'putMany' ? change.keys.length : 1
  const size = 'size' in change ? change.size : undefined
  return {
    change,
    family,
    table,
    values: size === undefined ? [] : Array.from({ length: count }, () => values.next(size)),
  }
}

/** What the change makes of a state, and whether it writes anything: a deletion in a table that there is not does not. */
export function model({ change, family, table, values }: Prepared, state: State): Behind {
  const found = tableOf(state, family, table)
  const put = (entries: readonly (readonly [string, string])[]): Behind => ({
    state: entries.length === 0 ? state : putInto(state, family, table, entries),
    writes: entries.length > 0,
  })
  const remove = (gone: (key: string) => boolean): Behind => ({
    state: deleteFrom(state, family, table, gone),
    writes: found !== undefined,
  })
  switch (change.do) {
    case 'put':
      return put([[change.key, values[0]!]])
    case 'putMany':
      return put(change.keys.map((key, index) => [key, values[index]!]))
    case 'insert':
      return found?.entries.has(change.key) === true ? { state, writes: false } : put([[change.key, values[0]!]])
    case 'update':
      return values.length > 0 ? put([[change.key, values[0]!]]) : remove(key => key === change.key)
    case 'delete':
      return remove(key => key === change.key)
    case 'deleteRange':
      if (change.gte >= change.lt) return { state, writes: false }
      return remove(key => key >= change.gte && key < change.lt)
    case 'clear':
      return remove(() => true)
  }
}

function putManyEntries({ change, values }: Prepared): [string, string][] {
  return change.do === 'putMany' ? change.keys.map((key, index): [string, string] => [key, values[index]!]) : []
}

/** Makes the change within a transaction. Returns its effect, which also compares what it has seen. */
export function changeInside(target: TransactionTable<string, string>, prepared: Prepared): Effect {
  const { change, family, table, values } = prepared
  const seen = (state: State, key: string): string | undefined => tableOf(state, family, table)?.entries.get(key)
  const effect: Effect = state => model(prepared, state)
  switch (change.do) {
    case 'put':
      target.put(change.key, values[0]!)
      return effect
    case 'putMany':
      target.putMany(putManyEntries(prepared))
      return effect
    case 'insert': {
      const exists = insertInside(target, change.key, values[0]!)
      return state => {
        assert.equal(seen(state, change.key) !== undefined, exists, `insert of ${change.key} found the key`)
        return effect(state)
      }
    }
    case 'update': {
      let old: string | undefined
      target.update(change.key, found => {
        old = found
        return values[0]
      })
      return state => {
        assert.equal(old, seen(state, change.key), `update of ${change.key} found the value`)
        return effect(state)
      }
    }
    case 'delete':
      target.delete(change.key)
      return effect
    case 'deleteRange':
      target.deleteRange({ gte: change.gte, lt: change.lt })
      return effect
    case 'clear':
      target.clear()
      return effect
  }
}

function insertInside(target: TransactionTable<string, string>, key: string, value: string): boolean {
  try {
    target.insert(key, value)
    return false
  } catch (error) {
    if (error instanceof DatabaseError && error.code === 'MANIFOLD_KEY_EXISTS') return true
    throw error
  }
}

/** Makes the change as a transaction of its own. */
export async function changeAlone(
  target: Table<string, string>,
  prepared: Prepared,
  options: WriteOptions,
): Promise<unknown> {
  const { change, values } = prepared
  switch (change.do) {
    case 'put':
      return target.put(change.key, values[0]!, options)
    case 'putMany':
      return target.putMany(putManyEntries(prepared), options)
    case 'insert':
      return target.insert(change.key, values[0]!, options)
    case 'update':
      return target.update(change.key, () => values[0], options)
    case 'delete':
      return target.delete(change.key, options)
    case 'deleteRange':
      return target.deleteRange({ gte: change.gte, lt: change.lt }, options)
    case 'clear':
      return target.clear(options)
  }
}

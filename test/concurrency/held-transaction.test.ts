import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Database, Entries, Savepoint, WriteTransaction } from '../../src/index.ts'
import { SimulatedDisk } from '../../src/platform/simulated/disk.ts'
import { checkPages } from '../support/pages.ts'
import { JOURNALS, numbers, openOn, PATH, runs, turns } from '../support/open.ts'

type Model = ReadonlyMap<number, number>

/** What is done inside and beside one long transaction. */
type Act =
  | { do: 'put'; key: number; value: number }
  | { do: 'fill'; from: number; count: number }
  | { do: 'delete'; key: number }
  | { do: 'deleteRange'; from: number; to: number }
  | { do: 'clear' }
  | { do: 'savepoint' }
  | { do: 'rollback'; to: number }
  | { do: 'iterate'; from: number; reverse: boolean; inside: boolean }
  | { do: 'step'; which: number; count: number }
  | { do: 'checkpoint'; wait: boolean }
  | { do: 'beside' }
  | { do: 'turn' }

const key = fc.nat(300)
const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ do: fc.constant('put' as const), key, value: fc.nat(1000) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('fill' as const), from: key, count: fc.nat(200) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('delete' as const), key }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('deleteRange' as const), from: key, to: key }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('clear' as const) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('savepoint' as const) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('rollback' as const), to: fc.nat(5) }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('iterate' as const),
      from: key,
      reverse: fc.boolean(),
      inside: fc.boolean(),
    }),
  },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('step' as const), which: fc.nat(9), count: fc.nat(40) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('checkpoint' as const), wait: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('beside' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('turn' as const) }) },
)

function entriesOf(model: Model, from: number, reverse: boolean): [number, number][] {
  const entries = [...model].filter(([each]) => each >= from).sort(([a], [b]) => a - b)
  return reverse ? entries.reverse() : entries
}

interface OpenIterator {
  readonly iterator: Entries<[number, number]>
  readonly rest: [number, number][]
  /** Inside the transaction; a rollback ends it. */
  readonly inside: boolean
  ended: boolean
}

/** A transaction over one family, with a model of what it sees and one of what was committed before it. */
class Held {
  readonly #db: Database
  readonly #txn: WriteTransaction
  readonly #committed: Model
  #seen: Model
  readonly #savepoints: { savepoint: Savepoint; seen: Model }[] = []
  readonly #iterators: OpenIterator[] = []
  readonly #checkpoints: Promise<void>[] = []
  #beside = 0

  constructor(db: Database, txn: WriteTransaction, committed: Model) {
    this.#db = db
    this.#txn = txn
    this.#committed = this.#seen = committed
  }

  get seen(): Model {
    return this.#seen
  }

  #change(change: (seen: Map<number, number>) => void): void {
    const seen = new Map(this.#seen)
    change(seen)
    this.#seen = seen
  }

  async run(each: Act): Promise<void> {
    const t = this.#txn.table(numbers)
    switch (each.do) {
      case 'put':
        t.put(each.key, each.value)
        return this.#change(seen => seen.set(each.key, each.value))
      case 'fill':
        for (let i = 0; i < each.count; i++) t.put(each.from + i, i)
        return this.#change(seen => {
          for (let i = 0; i < each.count; i++) seen.set(each.from + i, i)
        })
      case 'delete':
        t.delete(each.key)
        return this.#change(seen => seen.delete(each.key))
      case 'deleteRange':
        t.deleteRange({ gte: each.from, lt: each.to })
        return this.#change(seen => {
          for (const other of seen.keys()) if (other >= each.from && other < each.to) seen.delete(other)
        })
      case 'clear':
        t.clear()
        return this.#change(seen => seen.clear())
      case 'savepoint':
        this.#savepoints.push({ savepoint: this.#txn.savepoint(), seen: this.#seen })
        return
      case 'rollback':
        return this.#rollback(each.to)
      case 'iterate':
        return this.#iterate(each)
      case 'step':
        return this.#step(each.which, each.count)
      case 'checkpoint': {
        const checkpoint = this.#db.checkpoint()
        if (each.wait) await checkpoint
        else this.#checkpoints.push(checkpoint)
        return
      }
      case 'beside':
        return this.#db.columnFamily('beside').table(numbers).put(this.#beside++, 1)
      case 'turn':
        return turns(1)
    }
  }

  #rollback(to: number): void {
    if (this.#savepoints.length === 0) return
    const at = to % this.#savepoints.length
    const { savepoint, seen } = this.#savepoints[at]!
    this.#txn.rollbackTo(savepoint)
    this.#seen = seen
    this.#savepoints.length = at + 1
    for (const open of this.#iterators) if (open.inside) open.ended = true
  }

  #iterate({ from, reverse, inside }: Extract<Act, { do: 'iterate' }>): void {
    const target = inside ? this.#txn.table(numbers) : this.#db.table(numbers)
    const iterator = target.range({ gte: from, reverse })
    const rest = entriesOf(inside ? this.#seen : this.#committed, from, reverse)
    this.#iterators.push({ iterator, rest, inside, ended: false })
  }

  #step(which: number, count: number): void {
    if (this.#iterators.length === 0) return
    const at = which % this.#iterators.length
    const { iterator, rest, ended } = this.#iterators[at]!
    if (ended) {
      if (rest.length > 0) assert.throws(() => iterator.next(), { code: 'MANIFOLD_CLOSED' })
      else iterator.return!()
      this.#iterators.splice(at, 1)
      return
    }
    for (let i = 0; i < count && rest.length > 0; i++)
      assert.deepEqual(iterator.next(), { done: false, value: rest.shift() })
  }

  check(): void {
    const t = this.#txn.table(numbers)
    assert.deepEqual(t.range().toArray(), entriesOf(this.#seen, 0, false))
    assert.equal(t.count(), this.#seen.size)
    for (const each of [0, 7, 150, 299]) assert.equal(t.get(each), this.#seen.get(each))
    assert.deepEqual(this.#db.table(numbers).range().toArray(), entriesOf(this.#committed, 0, false))
  }

  async finish(): Promise<void> {
    this.check()
    for (const { iterator, rest, ended } of this.#iterators) {
      if (ended) iterator.return!()
      else assert.deepEqual(iterator.toArray(), rest)
    }
    await Promise.all(this.#checkpoints)
    this.check()
  }
}

for (const journal of JOURNALS) {
  test(`journal '${journal}': a transaction that stays open over freezes, rollbacks and iterators sees what it should`, async () => {
    const life = fc.record({
      before: fc.array(fc.tuple(key, fc.nat(1000)), { maxLength: 200, size: 'max' }),
      merged: fc.boolean(),
      acts: fc.array(act, { maxLength: 60, size: 'max' }),
      end: fc.constantFrom('commit' as const, 'abort' as const),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(life, { minLength: 1, maxLength: 3 }), async lives => {
        const disk = new SimulatedDisk()
        let db = await openOn(disk, journal)
        let committed: Model = new Map()
        for (const { before, merged, acts, end } of lives) {
          await db.table(numbers).putMany(before)
          committed = new Map([...committed, ...before])
          if (merged) await db.checkpoint()
          const txn = await db.beginWrite()
          const held = new Held(db, txn, committed)
          for (const each of acts) await held.run(each)
          await held.finish()
          if (end === 'commit') {
            committed = held.seen
            await txn.commit()
          } else txn.abort()
          assert.deepEqual(db.table(numbers).range().toArray(), entriesOf(committed, 0, false))
          assert.equal(db.stats().pins, 0)
        }
        await db.close()
        checkPages(disk, PATH)
        db = await openOn(disk, journal)
        assert.deepEqual(db.table(numbers).range().toArray(), entriesOf(committed, 0, false))
        await db.close()
      }),
      { numRuns: runs(40) },
    )
  })
}

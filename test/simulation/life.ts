import assert from 'node:assert/strict'
import type { Database, Durability, ErrorCode, FamiliesWriteTransaction, Savepoint } from '../../src/index.ts'
import { DatabaseError } from '../../src/index.ts'
import type { SimulatedScheduler } from '../../src/platform/simulated/scheduler.ts'
import { changeAlone, changeInside, model, prepare } from './change.ts'
import type { Prepared, Values } from './change.ts'
import { DEFINITIONS } from './contents.ts'
import { Gate } from './gate.ts'
import type { Effect, Ledger, Ticket } from './ledger.ts'
import { sequenceOf } from './ledger.ts'
import { Readers, sequenceNow } from './readers.ts'
import type { ReadStep } from './readers.ts'
import type { State } from './state.ts'
import { renamed, tableOf, withoutFamily, withTable } from './state.ts'
import type { Inside, Step } from './step.ts'
import { FAMILIES, TABLES } from './step.ts'

/** One life of a database: several writers at once, and what they read, each step in a turn that the scheduler gives. */
export class Life {
  readonly ledger: Ledger
  readonly #scheduler: SimulatedScheduler
  readonly #open: () => Promise<Database>
  /** The codes that an operation may fail with: none where nothing goes wrong. */
  readonly #allowed: ReadonlySet<ErrorCode>
  /** Writers; those whose place in the order could not be told otherwise write alone. */
  readonly #gate = new Gate()
  /** Readers and checkpoints, beside writers of any kind, but not beside a close. */
  readonly #opened = new Gate()
  readonly #values: Values
  readonly #withoutLog: boolean
  readonly #flying: Promise<void>[] = []
  readonly #readers: Readers
  db: Database

  constructor(
    db: Database,
    open: () => Promise<Database>,
    ledger: Ledger,
    scheduler: SimulatedScheduler,
    allowed: ReadonlySet<ErrorCode>,
    values: Values,
    withoutLog: boolean,
  ) {
    this.db = db
    this.#open = open
    this.ledger = ledger
    this.#scheduler = scheduler
    this.#readers = new Readers(scheduler)
    this.#allowed = allowed
    this.#values = values
    this.#withoutLog = withoutLog
  }

  /** Runs the writers beside each other, and waits for all that they have begun. */
  async run(writers: readonly (readonly Step[])[]): Promise<void> {
    await Promise.all(
      writers.map(async steps => {
        for (const step of steps) {
          await this.#scheduler.turn()
          await this.#tolerating(() => this.#step(step))
        }
      }),
    )
    while (this.#flying.length > 0) await Promise.all(this.#flying.splice(0))
    await this.#tolerating(() => this.#readers.finishAll(this.db))
  }

  /** The end: everything is durable. */
  async close(): Promise<void> {
    await this.#tolerating(() => this.#close())
  }

  /** Where things go wrong the log may have failed without anybody having been told yet, and such a database closes without a word. */
  async #close(): Promise<void> {
    const { last } = this.ledger
    if (this.#allowed.size > 0) await this.db.sync()
    await this.db.close()
    this.ledger.durableThrough(last)
  }

  /** Compares all that was read during the life with the states that it was read at. Requires: the ledger has ended. */
  compareReads(): void {
    this.#readers.compare(this.ledger)
  }

  async #tolerating(act: () => Promise<void>): Promise<void> {
    try {
      await act()
    } catch (error) {
      if (!(error instanceof DatabaseError) || !this.#allowed.has(error.code)) throw error
    }
  }

  async #step(step: Step): Promise<void> {
    switch (step.do) {
      case 'transaction':
        return this.#transaction(step)
      case 'burst':
        return this.#alone(() => this.#burst(step))
      case 'writeSync':
        return this.#alone(() => this.#writeSync(step))
      case 'dropFamily':
        return this.#alone(() => this.#dropFamily(FAMILIES[step.family]!))
      case 'dropTable':
        return this.#alone(() => this.#dropTable(FAMILIES[step.family]!, TABLES[step.table]!))
      case 'rename':
        return this.#alone(() => this.#rename(FAMILIES[step.from]!, FAMILIES[step.to]!))
      case 'reopen':
        return this.#alone(() => this.#opened.alone(() => this.#reopen()))
      case 'pause':
        return this.#scheduler.turn()
      default:
        await this.#opened.enter()
        return this.#beside(step).finally(() => this.#opened.leave())
    }
  }

  /** What goes on beside all writers. */
  async #beside(step: ReadStep | { readonly do: 'checkpoint' } | { readonly do: 'sync' }): Promise<void> {
    if (step.do !== 'checkpoint' && step.do !== 'sync') return this.#readers.step(this.db, step)
    const { last } = this.ledger
    await this.db[step.do]()
    this.ledger.durableThrough(last)
  }

  // ---- transactions that overlap

  async #transaction(step: Extract<Step, { do: 'transaction' }>): Promise<void> {
    await this.#gate.enter()
    let leaves = true
    try {
      const names = [...new Set(step.families.map(family => FAMILIES[family]!))]
      const handles = names.map(name => this.db.columnFamily(name))
      const txn = await this.db.beginWrite(handles, { durability: step.durability })
      let effects: Effect[]
      try {
        effects = await this.#inside(txn, names, step.inside)
      } catch (error) {
        txn.abort()
        throw error
      }
      if (step.end === 'abort') return txn.abort()
      leaves = false
      const commit = this.#commit(txn, effects, step.durability).finally(() => this.#gate.leave())
      if (step.waits) await commit
      else this.#flying.push(this.#tolerating(() => commit))
    } finally {
      if (leaves) this.#gate.leave()
    }
  }

  async #inside(txn: FamiliesWriteTransaction, names: readonly string[], steps: readonly Inside[]): Promise<Effect[]> {
    const effects: Effect[] = []
    const marks: { readonly savepoint: Savepoint; readonly effects: number }[] = []
    for (const step of steps) {
      if (step.do === 'pause') await this.#scheduler.turn()
      else if (step.do === 'savepoint') marks.push({ savepoint: txn.savepoint(), effects: effects.length })
      else if (step.do === 'rollback') {
        if (marks.length === 0) continue
        const mark = marks[step.to % marks.length]!
        txn.rollbackTo(mark.savepoint)
        effects.length = mark.effects
        marks.length = marks.indexOf(mark) + 1
      } else {
        const family = names[step.family % names.length]!
        const name = TABLES[step.table]!
        const target = txn.family(this.db.columnFamily(family)).table(DEFINITIONS[name]!)
        if (step.do === 'change') effects.push(changeInside(target, prepare(step.change, family, name, this.#values)))
        else {
          const value = target.get(step.key)
          effects.push(state => {
            assert.equal(
              value,
              tableOf(state, family, name)?.entries.get(step.key),
              `get of ${step.key} in a transaction`,
            )
            return { state, writes: false }
          })
        }
      }
    }
    return effects
  }

  async #commit(txn: FamiliesWriteTransaction, effects: readonly Effect[], durability: Durability): Promise<void> {
    const ticket = this.ledger.issue(sequenceOf(effects))
    try {
      const commit = await txn.commit()
      this.ledger.acknowledge(ticket, commit.sequence, durability === 'immediate')
      if (durability === 'immediate') return
      const durable = commit.durable.then(() => this.ledger.durableThrough(commit.sequence))
      this.#flying.push(this.#tolerating(() => durable))
    } catch (error) {
      this.#failed(ticket, error)
      throw error
    }
  }

  /**
   * What fails before a commit is numbered, a lack of space above all, leaves nothing of it. Without a log a commit is numbered
   * at once, and visible; what then fails is the checkpoint that was to make it durable.
   */
  #failed(ticket: Ticket, error: unknown): void {
    const isNumbered = this.#withoutLog || (error instanceof DatabaseError && error.code === 'MANIFOLD_POISONED')
    if (isNumbered) this.ledger.fail(ticket)
  }

  /** Runs when no commit is on its way. */
  #alone(act: () => Promise<void>): Promise<void> {
    return this.#gate.alone(() => {
      if (this.#withoutLog) this.ledger.placeFailed()
      return act()
    })
  }

  // ---- what runs alone, so that its order is known

  async #burst({ family, changes, durability }: Extract<Step, { do: 'burst' }>): Promise<void> {
    const handle = this.db.columnFamily(FAMILIES[family]!)
    const asked = changes.map(({ table, change }) => {
      const prepared = prepare(change, FAMILIES[family]!, TABLES[table]!, this.#values)
      const ticket = this.ledger.issue(state => model(prepared, state))
      const made = changeAlone(handle.table(DEFINITIONS[TABLES[table]!]!), prepared, { durability })
      const outcome = made.then(
        () => {
          this.ledger.acknowledgeUnnumbered(ticket, durability === 'immediate')
          return undefined
        },
        (error: unknown) => error,
      )
      return { prepared, ticket, outcome }
    })
    let state = this.ledger.stateAt(this.ledger.last)
    for (const { prepared, ticket, outcome } of asked) {
      const error = await outcome
      state = this.#settled(prepared, ticket, error, state)
    }
  }

  /** Gives the commit its sequence, and returns the state behind it. */
  #settled(prepared: Prepared, ticket: Ticket, error: unknown, before: State): State {
    const { change, family, table } = prepared
    if (error instanceof DatabaseError && error.code === 'MANIFOLD_KEY_EXISTS') {
      const exists = change.do === 'insert' && tableOf(before, family, table)?.entries.has(change.key)
      assert.ok(exists, 'insert refuses a key only where it exists')
      return before
    }
    if (error !== undefined) {
      this.#failed(ticket, error)
      if (!(error instanceof DatabaseError) || !this.#allowed.has(error.code)) throw error
      return before
    }
    const { state, writes } = model(prepared, before)
    if (writes) this.ledger.number(ticket, this.ledger.last + 1)
    return state
  }

  async #writeSync({ family, change, durability }: Extract<Step, { do: 'writeSync' }>): Promise<void> {
    const name = FAMILIES[family]!
    const prepared = prepare(change, name, TABLES[0]!, this.#values)
    const before = this.ledger.stateAt(this.ledger.last)
    const ticket = this.ledger.issue(state => model(prepared, state))
    let error: unknown
    try {
      this.db.columnFamily(name).writeSync(
        txn => {
          changeInside(txn.table(DEFINITIONS[TABLES[0]!]!), prepared)(before)
        },
        { durability },
      )
      this.ledger.acknowledgeUnnumbered(ticket, durability === 'immediate')
    } catch (thrown) {
      // The caller's thread cannot wait for a checkpoint that waits for it.
      if (thrown instanceof DatabaseError && thrown.code === 'MANIFOLD_BUSY') return
      error = thrown
    }
    this.#settled(prepared, ticket, error, before)
  }

  async #dropFamily(family: string): Promise<void> {
    const { stateAt, last } = this.#present()
    await this.#changeSchema(
      stateAt.has(family) ? undefined : 'MANIFOLD_NO_SUCH_FAMILY',
      () => this.db.dropColumnFamily(family),
      state => ({ state: withoutFamily(state, family), writes: true }),
      last,
    )
  }

  async #dropTable(family: string, table: string): Promise<void> {
    const { stateAt, last } = this.#present()
    await this.#changeSchema(
      tableOf(stateAt, family, table) === undefined ? 'MANIFOLD_NO_SUCH_TABLE' : undefined,
      () => this.db.columnFamily(family).dropTable(table),
      state => ({ state: withTable(state, family, table, undefined), writes: true }),
      last,
    )
  }

  async #rename(from: string, to: string): Promise<void> {
    const { stateAt, last } = this.#present()
    await this.#changeSchema(
      !stateAt.has(from) ? 'MANIFOLD_NO_SUCH_FAMILY' : stateAt.has(to) ? 'MANIFOLD_FAMILY_EXISTS' : undefined,
      () => this.db.renameColumnFamily(from, to),
      state => ({ state: renamed(state, from, to), writes: true }),
      last,
    )
  }

  #present(): { stateAt: State; last: number } {
    const { last } = this.ledger
    return { stateAt: this.ledger.stateAt(last), last }
  }

  async #changeSchema(
    refusal: ErrorCode | undefined,
    act: () => Promise<void>,
    effect: Effect,
    last: number,
  ): Promise<void> {
    if (refusal !== undefined) {
      const error: unknown = await act().then(
        () => undefined,
        (thrown: unknown) => thrown,
      )
      assert.ok(error instanceof DatabaseError, 'a change of the schema that cannot be made is refused')
      if (error.code !== refusal) throw error
      return
    }
    const ticket = this.ledger.issue(effect)
    try {
      await act()
      this.ledger.acknowledge(ticket, last + 1, true)
    } catch (error) {
      this.#failed(ticket, error)
      throw error
    }
  }

  async #reopen(): Promise<void> {
    this.#readers.forget()
    const { last } = this.ledger
    await this.#close()
    this.db = await this.#open()
    assert.equal(sequenceNow(this.db), last, 'a clean opening finds the last commit')
  }
}

import assert from 'node:assert/strict'
import type {
  Durability,
  FamiliesTransaction,
  FamilyTransaction,
  JournalMode,
  ReadTable,
  Savepoint,
  Snapshot,
  TransactionTable,
} from '../../src/index.ts'
import { Database, DatabaseError, table, utf8 } from '../../src/index.ts'
import { SimulatedDisk } from '../../src/platform/simulated/disk.ts'
import { SeededRandom } from '../../src/platform/simulated/random.ts'
import type { CrashMode } from '../../src/platform/simulated/survival.ts'
import type { Entry, TestRange } from './reference.ts'
import { isWithin, Reference, select } from './reference.ts'

export const PATH = '/data/app.manifold'
const TABLES = { a: table('a', { key: utf8, value: utf8 }), b: table('b', { key: utf8, value: utf8 }) }
export type TableName = keyof typeof TABLES

/** What a transaction's body does. */
export type Step =
  | { do: 'put'; family: string; table: TableName; key: string; size: number }
  | { do: 'delete'; family: string; table: TableName; key: string }
  | { do: 'deleteRange'; family: string; table: TableName; range: TestRange }
  | { do: 'clear'; family: string; table: TableName }
  | { do: 'savepoint' }
  | { do: 'rollback'; to: number }
  | { do: 'pause' }
  | { do: 'checkpoint' }
  | { do: 'look'; family: string; table: TableName; range: TestRange }

export type Command =
  | {
      do: 'write'
      families: readonly string[]
      steps: readonly Step[]
      durability: Durability
      fails: boolean
      sync: boolean
    }
  | { do: 'read'; family: string; table: TableName; range: TestRange; key: string }
  | { do: 'snapshot' }
  | { do: 'closeSnapshot'; which: number }
  | { do: 'iterate'; family: string; table: TableName; range: TestRange; take: number }
  | { do: 'finishIterator'; which: number }
  | { do: 'dropFamily'; family: string }
  | { do: 'renameFamily'; from: string; to: string }
  | { do: 'dropTable'; family: string; table: TableName }
  | { do: 'checkpoint' }
  | { do: 'sync' }
  | { do: 'reopen' }
  | { do: 'crash'; seed: number; mode: CrashMode }

interface OpenIterator {
  readonly iterator: Iterator<Entry, undefined>
  readonly rest: Entry[]
}

/** Drives a database on a simulated disk and the reference side by side, and compares what they show. */
export class Machine {
  readonly #journal: JournalMode
  disk: SimulatedDisk = new SimulatedDisk()
  #db!: Database
  #state: Reference = new Reference()
  /** The states since the last one that is surely durable, which comes first. */
  #possible: Reference[] = [this.#state]
  #snapshots: { snapshot: Snapshot; state: Reference }[] = []
  #iterators: OpenIterator[] = []
  #fill = 0

  constructor(journal: JournalMode) {
    this.#journal = journal
  }

  async open(): Promise<void> {
    this.#db = await Database.open(PATH, {
      fileSystem: this.disk,
      journal: { mode: this.#journal, segmentBytes: 64 * 1024, maxDelayMicros: 3_600_000_000 },
      pageCacheBytes: 64 * 8192,
      writeBufferBytes: 1 << 20,
      durability: 'immediate',
    })
  }

  async run(command: Command): Promise<void> {
    switch (command.do) {
      case 'write':
        return this.#write(command)
      case 'read':
        return this.#read(command)
      case 'snapshot':
        this.#snapshots.push({ snapshot: this.#db.snapshot(), state: this.#state })
        return
      case 'closeSnapshot':
        return this.#closeSnapshot(command.which)
      case 'iterate':
        return this.#iterate(command)
      case 'finishIterator':
        return this.#finishIterator(command.which)
      case 'dropFamily':
        return this.#change(
          this.#state.families.has(command.family) ? undefined : 'MANIFOLD_NO_SUCH_FAMILY',
          () => this.#db.dropColumnFamily(command.family),
          () => this.#state.dropFamily(command.family),
        )
      case 'renameFamily':
        return this.#rename(command.from, command.to)
      case 'dropTable':
        return this.#change(
          this.#state.families.get(command.family)?.has(command.table) === true ? undefined : 'MANIFOLD_NO_SUCH_TABLE',
          () => this.#db.columnFamily(command.family).dropTable(command.table),
          () => this.#state.dropTable(command.family, command.table),
        )
      case 'checkpoint':
        await this.#db.checkpoint()
        this.#possible = [this.#state]
        return
      case 'sync':
        await this.#db.sync()
        if (this.#journal !== 'off') this.#possible = [this.#state]
        return
      case 'reopen':
        await this.#db.close()
        this.#forget()
        this.#possible = [this.#state]
        return this.open()
      case 'crash':
        return this.#crash(command.seed, command.mode)
    }
  }

  #forget(): void {
    this.#snapshots = []
    this.#iterators = []
  }

  #committed(state: Reference, durable: boolean): void {
    this.#state = state
    if (durable) this.#possible = [state]
    else this.#possible.push(state)
  }

  async #write({ families, steps, durability, fails, sync }: Extract<Command, { do: 'write' }>): Promise<void> {
    const handles = families.map(name => this.#db.columnFamily(name))
    let state = this.#state
    const states: Reference[] = []
    const savepoints: Savepoint[] = []
    const scopes = new Map<string, FamilyTransaction>()
    const failure = new Error('the body fails')
    const act = (txn: FamiliesTransaction, step: Step): void => {
      if (step.do === 'savepoint') {
        savepoints.push(txn.savepoint())
        states.push(state)
      } else if (step.do === 'rollback') {
        if (savepoints.length === 0) return
        const to = step.to % savepoints.length
        txn.rollbackTo(savepoints[to]!)
        state = states[to]!
        savepoints.length = states.length = to + 1
      } else if (step.do !== 'pause' && step.do !== 'checkpoint') {
        const family = families[step.family.length % families.length]!
        const handle = handles[families.indexOf(family)]!
        if (!scopes.has(family)) scopes.set(family, txn.family(handle))
        const target = scopes.get(family)!.table(TABLES[step.table])
        state = this.#step(target, state, family, step)
      }
    }
    try {
      if (sync) {
        this.#db.writeSync(
          handles,
          txn => {
            for (const step of steps) act(txn, step)
            if (fails) throw failure
          },
          { durability },
        )
      } else {
        await this.#db.write(
          handles,
          async txn => {
            for (const step of steps) {
              if (step.do === 'pause') await new Promise(resolve => setImmediate(resolve))
              else if (step.do === 'checkpoint') await this.#db.checkpoint()
              else act(txn, step)
            }
            if (fails) throw failure
          },
          { durability },
        )
      }
    } catch (error) {
      if (error !== failure) throw error
      assert.ok(fails)
      return
    }
    assert.ok(!fails)
    this.#committed(state, durability === 'immediate')
  }

  #step(
    target: TransactionTable<string, string>,
    state: Reference,
    family: string,
    step: Exclude<Step, { do: 'savepoint' | 'rollback' | 'pause' | 'checkpoint' }>,
  ): Reference {
    switch (step.do) {
      case 'put': {
        const value = String.fromCharCode(97 + (this.#fill++ % 26)).repeat(step.size) + this.#fill
        target.put(step.key, value)
        return state.put(family, step.table, step.key, value)
      }
      case 'delete':
        target.delete(step.key)
        return state.deleteWhere(family, step.table, key => key === step.key)
      case 'deleteRange':
        if (step.range.gte === undefined && step.range.lt === undefined) return state
        target.deleteRange({ ...bounds(step.range) })
        return state.deleteWhere(family, step.table, key => isWithin(step.range, key))
      case 'clear':
        target.clear()
        return state.deleteWhere(family, step.table, () => true)
      case 'look':
        assert.deepEqual([...target.range(options(step.range))], select(state.entries(family, step.table), step.range))
        return state
    }
  }

  #read({ family, table: name, range, key }: Extract<Command, { do: 'read' }>): void {
    const target = this.#db.columnFamily(family).table(TABLES[name])
    compare(target, this.#state.entries(family, name), range, key)
  }

  #closeSnapshot(which: number): void {
    if (this.#snapshots.length === 0) return
    const [{ snapshot, state }] = this.#snapshots.splice(which % this.#snapshots.length, 1) as [
      { snapshot: Snapshot; state: Reference },
    ]
    for (const family of ['f', 'gg', 'hhh']) {
      for (const name of ['a', 'b'] as const) {
        const target = snapshot.family(this.#db.columnFamily(family)).table(TABLES[name])
        compare(target, state.entries(family, name), {}, 'k')
      }
    }
    snapshot.close()
    assert.throws(() => snapshot.table(TABLES.a).get('k'), { code: 'MANIFOLD_CLOSED' })
  }

  #iterate({ family, table: name, range, take }: Extract<Command, { do: 'iterate' }>): void {
    const iterator = this.#db.columnFamily(family).table(TABLES[name]).range(options(range))
    const rest = select(this.#state.entries(family, name), range)
    for (let i = 0; i < take && rest.length > 0; i++)
      assert.deepEqual(iterator.next(), { done: false, value: rest.shift() })
    this.#iterators.push({ iterator, rest })
  }

  #finishIterator(which: number): void {
    if (this.#iterators.length === 0) return
    const [{ iterator, rest }] = this.#iterators.splice(which % this.#iterators.length, 1) as [OpenIterator]
    for (const value of rest) assert.deepEqual(iterator.next(), { done: false, value })
    assert.deepEqual(iterator.next(), { done: true, value: undefined })
  }

  #rename(from: string, to: string): Promise<void> {
    const { families } = this.#state
    const code = !families.has(from)
      ? 'MANIFOLD_NO_SUCH_FAMILY'
      : families.has(to)
        ? 'MANIFOLD_FAMILY_EXISTS'
        : undefined
    return this.#change(
      code,
      () => this.#db.renameColumnFamily(from, to),
      () => this.#state.renameFamily(from, to),
    )
  }

  async #change(code: string | undefined, act: () => Promise<void>, then: () => Reference): Promise<void> {
    if (code !== undefined) {
      await assert.rejects(act(), { code })
      return
    }
    await act()
    this.#committed(then(), true)
  }

  /** Cuts the power, lets a seed choose what the disk kept, and opens again. */
  async #crash(seed: number, mode: CrashMode): Promise<void> {
    this.disk.cutPower()
    await this.#db.close().catch((error: unknown) => assert.ok(error instanceof DatabaseError, String(error)))
    this.#forget()
    this.disk = this.disk.crash(new SeededRandom(seed), { mode })
    await this.open()
    const found = this.contents()
    const at = this.#possible.findLastIndex(state => state.toString() === found.toString())
    assert.ok(at >= 0, `recovered ${found} is none of\n${this.#possible.join('\n')}`)
    this.#state = this.#possible[at]!
    this.#possible = [this.#state]
    // A second power cut right after it takes nothing that was read.
    this.disk.cutPower()
    await this.#db.close().catch(() => {})
    this.disk = this.disk.crash(new SeededRandom(seed + 1), { mode: 'none' })
    await this.open()
    assert.equal(this.contents().toString(), found.toString())
  }

  /** All that the database shows. */
  contents(): Reference {
    const families = new Map<string, Map<string, Entry[]>>()
    for (const family of this.#db.columnFamilies()) {
      const tables = new Map<string, Entry[]>()
      const handle = this.#db.columnFamily(family)
      for (const name of handle.tables()) tables.set(name, [...handle.table(TABLES[name as TableName]).range()])
      families.set(family, tables)
    }
    return new Reference(families)
  }

  /** Compares everything, and closes. */
  async finish(): Promise<void> {
    assert.equal(this.contents().toString(), this.#state.toString())
    while (this.#iterators.length > 0) this.#finishIterator(0)
    while (this.#snapshots.length > 0) this.#closeSnapshot(0)
    assert.equal(this.#db.stats().pins, 0, 'nothing may stay pinned')
    await this.#db.close()
  }
}

function bounds(range: TestRange): { gte?: string; lt?: string } {
  return {
    ...(range.gte === undefined ? {} : { gte: range.gte }),
    ...(range.lt === undefined ? {} : { lt: range.lt }),
  }
}

function options(range: TestRange): { gte?: string; lt?: string; reverse?: boolean; limit?: number; offset?: number } {
  const { reverse, limit, offset } = range
  return {
    ...bounds(range),
    ...(reverse === undefined ? {} : { reverse }),
    ...(limit === undefined ? {} : { limit }),
    ...(offset === undefined ? {} : { offset }),
  }
}

/** Every way to read must say the same. */
function compare(target: ReadTable<string, string>, entries: readonly Entry[], range: TestRange, key: string): void {
  const want = select(entries, range)
  assert.deepEqual([...target.range(options(range))], want)
  assert.deepEqual(
    [...target.keys(options(range))],
    want.map(([name]) => name),
  )
  assert.deepEqual(
    [...target.values(options(range))],
    want.map(([, value]) => value),
  )
  const scanned: Entry[] = []
  target.scan(options(range), (name, value) => void scanned.push([name, value]))
  assert.deepEqual(scanned, want)
  const inside = entries.filter(([name]) => isWithin(range, name))
  assert.equal(target.count(bounds(range)), inside.length)
  assert.deepEqual(target.first(bounds(range)), inside[0])
  assert.deepEqual(target.last(bounds(range)), inside.at(-1))
  const value = entries.find(([name]) => name === key)?.[1]
  assert.equal(target.get(key), value)
  assert.equal(target.has(key), value !== undefined)
  assert.deepEqual(
    target.getMany(entries.map(([name]) => name)),
    entries.map(([, present]) => present),
  )
}

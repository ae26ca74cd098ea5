import type { Bytes, Database, FamiliesTransaction, Savepoint, TransactionTable } from '../../src/index.ts'
import type { Chance } from './chance.ts'
import type { Transaction } from './history.ts'
import type { Recorder } from './recorder.ts'
import { CELLS, FAMILIES, KEYS, valueOf } from './recorder.ts'

/** What a transaction does inside, step by step. */
export class Body {
  readonly #recorder: Recorder
  readonly #chance: Chance
  readonly #db: Database
  readonly #transaction: Transaction
  readonly #txn: FamiliesTransaction
  readonly #families: readonly number[]
  readonly #savepoints: Savepoint[] = []

  constructor(
    recorder: Recorder,
    chance: Chance,
    db: Database,
    transaction: Transaction,
    txn: FamiliesTransaction,
    families: readonly number[],
  ) {
    this.#recorder = recorder
    this.#chance = chance
    this.#db = db
    this.#transaction = transaction
    this.#txn = txn
    this.#families = families
  }

  #cells(family: number): TransactionTable<number, Bytes> {
    return this.#txn.family(this.#db.columnFamily(FAMILIES[family]!)).table(CELLS)
  }

  step(): void {
    const [family, key] = [this.#chance.pick(this.#families), this.#chance.key()]
    const cells = this.#cells(family)
    const kind = this.#chance.below(20)
    if (kind < 6) this.#put(family, key)
    else if (kind < 10) this.#recorder.get(this.#transaction, family, key, cells.get(key))
    else if (kind < 12) {
      cells.update(key, old => {
        this.#recorder.get(this.#transaction, family, key, old)
        return valueOf(this.#recorder.put(this.#transaction, family, key), this.#chance.length())
      })
    } else if (kind < 13) {
      cells.delete(key)
      this.#recorder.delete(this.#transaction, family, key, key + 1)
    } else if (kind < 14) {
      const [gte, lt] = this.#chance.keys()
      cells.deleteRange({ gte, lt })
      this.#recorder.delete(this.#transaction, family, gte, lt)
    } else if (kind < 16) {
      const [gte, lt] = this.#chance.keys()
      const entries = cells.range({ gte, lt, reverse: this.#chance.chance(0.5) }).toArray()
      this.#recorder.entries(this.#transaction, family, gte, lt, entries)
    } else if (kind < 18 || this.#savepoints.length === 0) {
      this.#savepoints.push(this.#txn.savepoint())
      this.#recorder.step(this.#transaction, { do: 'savepoint' })
    } else {
      const to = this.#chance.below(this.#savepoints.length)
      this.#txn.rollbackTo(this.#savepoints[to]!)
      this.#savepoints.length = to + 1
      this.#recorder.step(this.#transaction, { do: 'rollback', to })
    }
  }

  #put(family: number, key: number): void {
    const version = this.#recorder.put(this.#transaction, family, key)
    this.#cells(family).put(key, valueOf(version, this.#chance.length()))
  }

  /** An iterator shows what was there when it was made, own writes included, whatever is written while it goes. */
  async readOverTurns(): Promise<void> {
    const family = this.#chance.pick(this.#families)
    const iterator = this.#cells(family).range()
    const entries: [number, Uint8Array][] = []
    for (const entry of iterator) {
      entries.push(entry)
      if (this.#chance.chance(0.1)) await this.#chance.pause()
    }
    this.#recorder.entries(this.#transaction, family, 0, KEYS, entries)
  }

  /** A write that nothing takes back, so that the commit can be told by it. */
  last(): void {
    this.#put(this.#chance.pick(this.#families), this.#chance.key())
  }
}

import type { ColumnFamily, Database, WriteOptions } from '../../src/index.ts'
import { Body } from './body.ts'
import type { Chance } from './chance.ts'
import { deletion } from './commit-observer.ts'
import type { Transaction } from './history.ts'
import type { Recorder } from './recorder.ts'
import { CELLS, CHANGED_MIND, FAMILIES, KEYS, valueOf } from './recorder.ts'

/** A client that writes in all the ways there are, one after the other. */
export class Writer {
  readonly #db: Database
  readonly #recorder: Recorder
  readonly #chance: Chance
  readonly #name: string

  constructor(name: string, db: Database, recorder: Recorder, chance: Chance) {
    this.#name = name
    this.#db = db
    this.#recorder = recorder
    this.#chance = chance
  }

  async run(steps: number): Promise<void> {
    for (let i = 0; i < steps && !this.#recorder.isBroken; i++) {
      await this.#step()
      await this.#chance.pause()
    }
  }

  #step(): Promise<void> {
    const kind = this.#chance.below(20)
    if (kind < 3) return this.#put()
    if (kind < 6) return this.#update()
    if (kind < 7) return this.#insert()
    if (kind < 8) return this.#putMany()
    if (kind < 9) return this.#delete()
    if (kind < 10) return this.#deleteRange()
    if (kind < 12) return this.#writeSync()
    if (kind < 14) return this.#byHand()
    return this.#body()
  }

  #family(family: number): ColumnFamily {
    return this.#db.columnFamily(FAMILIES[family]!)
  }

  /** Some are called off while they may be waiting. */
  #options(): Required<Pick<WriteOptions, 'durability'>> & WriteOptions {
    const durability = this.#chance.durability()
    if (!this.#chance.chance(0.05)) return { durability }
    const aborter = new AbortController()
    void this.#chance.pause().then(() => aborter.abort())
    return { durability, signal: aborter.signal }
  }

  #put(): Promise<void> {
    const [family, key, options] = [this.#chance.family(), this.#chance.key(), this.#options()]
    return this.#recorder.write(`put by ${this.#name}`, options.durability, transaction => {
      const version = this.#recorder.put(transaction, family, key)
      return this.#family(family).table(CELLS).put(key, valueOf(version, this.#chance.length()), options)
    })
  }

  #putMany(): Promise<void> {
    const [family, [from, to], options] = [this.#chance.family(), this.#chance.keys(), this.#options()]
    return this.#recorder.write(`putMany by ${this.#name}`, options.durability, transaction => {
      const keys = Array.from({ length: to - from }, (_, i) => from + i)
      const entries = keys.map(key => [key, valueOf(this.#recorder.put(transaction, family, key), 8)] as const)
      return this.#family(family).table(CELLS).putMany(entries, options)
    })
  }

  #update(): Promise<void> {
    const [family, key, options] = [this.#chance.family(), this.#chance.key(), this.#options()]
    return this.#recorder.write(`update by ${this.#name}`, options.durability, transaction => {
      const change = (old: Uint8Array | undefined): Uint8Array => {
        this.#recorder.get(transaction, family, key, old)
        return valueOf(this.#recorder.put(transaction, family, key), this.#chance.length())
      }
      return this.#family(family).table(CELLS).update(key, change, options)
    })
  }

  /** One that succeeds has found nothing. */
  #insert(): Promise<void> {
    const [family, key, options] = [this.#chance.family(), this.#chance.key(), this.#options()]
    return this.#recorder.write(`insert by ${this.#name}`, options.durability, async transaction => {
      const version = this.#recorder.put(transaction, family, key)
      await this.#family(family).table(CELLS).insert(key, valueOf(version, 8), options)
      transaction.steps.unshift({ do: 'read', slot: this.#recorder.history.slot(family, key), version: 0 })
    })
  }

  #delete(): Promise<void> {
    const [family, key, options] = [this.#chance.family(), this.#chance.key(), this.#options()]
    const act = (transaction: Transaction): Promise<void> => {
      this.#recorder.delete(transaction, family, key, key + 1)
      return this.#family(family).table(CELLS).delete(key, options)
    }
    const signature = deletion(FAMILIES[family]!, key, key)
    return this.#recorder.write(`delete by ${this.#name}`, options.durability, act, signature)
  }

  #deleteRange(): Promise<void> {
    const [family, options] = [this.#chance.family(), this.#options()]
    const [gte, lt] = this.#chance.chance(0.2) ? [0, undefined] : this.#chance.keys()
    const act = (transaction: Transaction): Promise<void> => {
      this.#recorder.delete(transaction, family, gte, lt ?? KEYS)
      const cells = this.#family(family).table(CELLS)
      return lt === undefined ? cells.clear(options) : cells.deleteRange({ gte, lt }, options)
    }
    const signature = deletion(FAMILIES[family]!, gte, lt)
    return this.#recorder.write(`deleteRange by ${this.#name}`, options.durability, act, signature)
  }

  /** One to three families, in no order. */
  #families(): number[] {
    return [...new Set(Array.from({ length: 1 + this.#chance.below(3) }, () => this.#chance.family()))]
  }

  #writeSync(): Promise<void> {
    const [families, durability, gives] = [this.#families(), this.#chance.durability(), this.#chance.chance(0.2)]
    return this.#recorder.write(`writeSync by ${this.#name}`, durability, async transaction => {
      this.#db.writeSync(
        families.map(family => this.#family(family)),
        txn => {
          const body = new Body(this.#recorder, this.#chance, this.#db, transaction, txn, families)
          for (let i = this.#chance.below(5); i >= 0; i--) body.step()
          if (gives) throw CHANGED_MIND
          body.last()
        },
        { durability },
      )
    })
  }

  #body(): Promise<void> {
    const [families, options, gives] = [this.#families(), this.#options(), this.#chance.chance(0.2)]
    return this.#recorder.write(`body by ${this.#name}`, options.durability, transaction =>
      this.#db.write(
        families.map(family => this.#family(family)),
        async txn => {
          const body = new Body(this.#recorder, this.#chance, this.#db, transaction, txn, families)
          for (let i = this.#chance.below(7); i >= 0; i--) {
            body.step()
            if (this.#chance.chance(0.05)) await body.readOverTurns()
            if (this.#chance.chance(0.03)) await this.#beside(families)
            if (this.#chance.chance(0.02)) await this.#db.checkpoint()
            await this.#chance.pause()
          }
          if (gives) throw CHANGED_MIND
          body.last()
        },
        options,
      ),
    )
  }

  /** From within a body that holds `families`: to one behind them in the order of locks, so that nobody waits in a circle. */
  async #beside(families: readonly number[]): Promise<void> {
    const family = Math.max(...families) + 1
    if (family >= FAMILIES.length) return
    const [key, durability] = [this.#chance.key(), this.#chance.durability()]
    await this.#recorder.write(`put beside a body by ${this.#name}`, durability, transaction => {
      const version = this.#recorder.put(transaction, family, key)
      return this.#family(family).table(CELLS).put(key, valueOf(version, 8), { durability })
    })
  }

  #byHand(): Promise<void> {
    const [families, options, gives] = [this.#families(), this.#options(), this.#chance.chance(0.2)]
    return this.#recorder.write(`transaction by ${this.#name}`, options.durability, async transaction => {
      const txn = await this.#db.beginWrite(
        families.map(family => this.#family(family)),
        options,
      )
      const body = new Body(this.#recorder, this.#chance, this.#db, transaction, txn, families)
      for (let i = this.#chance.below(5); i >= 0; i--) {
        body.step()
        await this.#chance.pause()
      }
      if (gives) {
        await txn[Symbol.asyncDispose]()
        throw CHANGED_MIND
      }
      body.last()
      const commit = await txn.commit()
      if (commit.sequence !== transaction.sequence)
        throw new Error(`commit ${transaction.sequence} was told that it is ${commit.sequence}`)
      commit.durable.then(
        () => this.#recorder.isDurable(commit.sequence),
        () => {},
      )
    })
  }
}

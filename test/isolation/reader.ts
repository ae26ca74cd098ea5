import type { Bytes, Database, Snapshot, Table } from '../../src/index.ts'
import type { Chance } from './chance.ts'
import type { Transaction } from './history.ts'
import type { Recorder } from './recorder.ts'
import { CELLS, FAMILIES, KEYS } from './recorder.ts'

/** A client that reads in all the ways there are. Some reads name their cut; of the others any one that fits will do. */
export class Reader {
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
    for (let i = 0; i < steps; i++) {
      await this.#step()
      await this.#chance.pause()
    }
  }

  async #step(): Promise<void> {
    const kind = this.#chance.below(20)
    if (kind < 8) this.#get()
    else if (kind < 10) this.#getMany()
    else if (kind < 12) this.#scan()
    else if (kind < 13) this.#ends()
    else if (kind < 17) await this.#iterate()
    else await this.#snapshot()
  }

  #cells(family: number): Table<number, Bytes> {
    return this.#db.columnFamily(FAMILIES[family]!).table(CELLS)
  }

  #begin(what: string): Transaction {
    const cut = this.#chance.chance(0.5) ? this.#recorder.visible(this.#db) : undefined
    return this.#recorder.reader(`${what} by ${this.#name}`, cut)
  }

  #get(): void {
    const [family, key] = [this.#chance.family(), this.#chance.key()]
    const cells = this.#cells(family)
    this.#recorder.get(this.#begin('get'), family, key, cells.get(key))
  }

  #getMany(): void {
    const family = this.#chance.family()
    const keys = [...new Set(Array.from({ length: 5 }, () => this.#chance.key()))]
    const reader = this.#begin('getMany')
    for (const [i, value] of this.#cells(family).getMany(keys).entries())
      this.#recorder.get(reader, family, keys[i]!, value)
  }

  #scan(): void {
    const family = this.#chance.family()
    const [gte, lt] = this.#chance.keys()
    const reader = this.#begin('scan')
    const entries: [number, Uint8Array][] = []
    // A value that `scan` passes is valid during the call only.
    this.#cells(family).scan({ gte, lt }, (key, value) => void entries.push([key, value.slice()]))
    this.#recorder.entries(reader, family, gte, lt, entries)
  }

  /** The first and the last entry say that there is none before and none behind. */
  #ends(): void {
    const family = this.#chance.family()
    const reader = this.#begin('first and last')
    const cells = this.#cells(family)
    const [first, last] = [cells.first(), cells.last()]
    this.#recorder.entries(reader, family, 0, first === undefined ? KEYS : first[0] + 1, first ? [first] : [])
    if (last !== undefined) this.#recorder.entries(reader, family, last[0], KEYS, [last])
  }

  /** Held over turns, and finished or left in the middle. */
  async #iterate(): Promise<void> {
    const family = this.#chance.family()
    const [[gte, lt], reverse] = [this.#chance.keys(), this.#chance.chance(0.5)]
    const reader = this.#begin('range')
    const iterator = this.#cells(family).range({ gte, lt, reverse })
    await this.#read(reader, family, iterator, gte, lt, reverse, this.#chance.chance(0.7) ? Infinity : 3)
  }

  async #read(
    reader: Transaction,
    family: number,
    iterator: IterableIterator<[number, Uint8Array]>,
    gte: number,
    lt: number,
    reverse: boolean,
    limit: number,
  ): Promise<void> {
    const entries: [number, Uint8Array][] = []
    for (;;) {
      if (this.#chance.chance(0.2)) await this.#chance.pause()
      if (entries.length === limit) break
      const { value, done } = iterator.next()
      if (done === true) {
        this.#recorder.entries(reader, family, gte, lt, entries)
        return
      }
      entries.push(value)
    }
    iterator.return?.()
    const last = entries.at(-1)![0]
    if (reverse) this.#recorder.entries(reader, family, last, lt, entries)
    else this.#recorder.entries(reader, family, gte, last + 1, entries)
  }

  /** One cut across all families, read here and there over many turns. */
  async #snapshot(): Promise<void> {
    const snapshot = this.#db.snapshot()
    const reader = this.#recorder.reader(`snapshot by ${this.#name}`, snapshot.sequence)
    for (let i = this.#chance.below(12); i >= 0; i--) {
      await this.#readSnapshot(snapshot, reader)
      await this.#chance.pause()
    }
    snapshot.close()
  }

  async #readSnapshot(snapshot: Snapshot, reader: Transaction): Promise<void> {
    const family = this.#chance.family()
    const cells = snapshot.family(this.#db.columnFamily(FAMILIES[family]!)).table(CELLS)
    if (this.#chance.chance(0.6)) {
      const key = this.#chance.key()
      this.#recorder.get(reader, family, key, cells.get(key))
      return
    }
    const reverse = this.#chance.chance(0.5)
    await this.#read(reader, family, cells.range({ reverse }), 0, KEYS, reverse, Infinity)
  }
}

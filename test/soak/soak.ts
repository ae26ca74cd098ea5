import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { ColumnFamily, JournalMode, Snapshot } from '../../src/index.ts'
import { bytes, Database, table, uint } from '../../src/index.ts'
import { SeededRandom } from '../../src/platform/simulated/random.ts'
import { timeIsOver } from '../support/figures.ts'
import { fill } from '../support/open.ts'
import type { Sample, Tolerance } from './flatness.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

const CELLS = table('cells', { key: uint, value: bytes })
const KEYS = 3000
const FAMILIES = ['a', 'b', 'c']
/** Families that come and go, each under a name of its own. */
const GUESTS_MAX = 4
const SNAPSHOTS_MAX = 4
const WRITE_BUFFER_BYTES = 4 * 1024 * 1024
const ROUNDS_PER_SAMPLE = 2

export type Measure = 'heap' | 'external' | 'shared' | 'pinned' | 'file' | 'log'
const MIB = 1024 * 1024

/**
 * The tolerances in which a run is flat. A log has two or three segments more at one moment than at another, a file some
 * runs of pages; what the collector leaves differs by a few hundred kilobytes.
 */
export const TOLERANCES: Readonly<Record<Measure, Tolerance>> = {
  heap: { part: 0.05, amount: 0.5 * MIB },
  external: { part: 0.25, amount: 4 * MIB },
  shared: { part: 0.2, amount: 2 * MIB },
  pinned: { part: 0.25, amount: 2 * MIB },
  file: { part: 0.15, amount: 2 * MIB },
  log: { part: 0.25, amount: MIB },
}

export interface SoakOptions {
  readonly journal: JournalMode
  readonly seed: number
  /** Stops there, or after so much time, or when the time for long runs is over. */
  readonly operations: number
  readonly seconds: number
  /** Called after each round: what a test does to see its leak seen. */
  readonly afterRound?: (db: Database) => void
}

export interface Soaked {
  readonly operations: number
  readonly samples: readonly Sample<Measure>[]
}

/** A long mixed run: writes, reads, snapshots that live for a while, families that come and go, checkpoints. */
export async function soak(options: SoakOptions): Promise<Soaked> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'manifold-soak-'))
  try {
    return await new Soak(folder, options).run()
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
  }
}

class Soak {
  readonly #folder: string
  readonly #options: SoakOptions
  readonly #random: SeededRandom
  readonly #snapshots: Snapshot[] = []
  readonly #guests: string[] = []
  readonly #samples: Sample<Measure>[] = []
  #db!: Database
  #operations = 0
  #named = 0

  constructor(folder: string, options: SoakOptions) {
    this.#folder = folder
    this.#options = options
    this.#random = new SeededRandom(options.seed)
  }

  async run(): Promise<Soaked> {
    const { journal: mode, operations, seconds, afterRound } = this.#options
    const end = performance.now() + seconds * 1000
    this.#db = await Database.open(path.join(this.#folder, 'soak.manifold'), {
      journal: { mode, segmentBytes: 1024 * 1024 },
      writeBufferBytes: WRITE_BUFFER_BYTES,
      pageCacheBytes: 2 * 1024 * 1024,
    })
    for (let round = 1; this.#operations < operations && performance.now() < end && !timeIsOver(); round++) {
      await this.#round(round)
      afterRound?.(this.#db)
      if (round % ROUNDS_PER_SAMPLE === 0) this.#sample()
    }
    await this.#end()
    return { operations: this.#operations, samples: this.#samples }
  }

  async #round(round: number): Promise<void> {
    const writes = Array.from({ length: 40 }, () => this.#write())
    for (let i = 0; i < 60; i++) this.#read()
    await Promise.all(writes)
    if (round % 2 === 0) await this.#turnGuests()
    if (round % 3 === 0) this.#turnSnapshots()
    if (round % 50 === 0) await this.#db.checkpoint()
    if (round % 7 === 0) await this.#db.sync()
  }

  #family(): ColumnFamily {
    return this.#db.columnFamily(FAMILIES[this.#random.below(FAMILIES.length)]!)
  }

  #value(): Uint8Array {
    const length = this.#random.chance(0.01) ? 20_000 + this.#random.below(20_000) : 100 + this.#random.below(900)
    return fill(length, this.#operations)
  }

  async #write(): Promise<void> {
    const random = this.#random
    const durability = (['immediate', 'eventual', 'none'] as const)[random.below(3)]!
    const [family, key] = [this.#family(), random.below(KEYS)]
    const cells = family.table(CELLS)
    this.#operations++
    const kind = random.below(20)
    if (kind < 10) return cells.put(key, this.#value(), { durability })
    if (kind < 12) return cells.delete(key, { durability })
    if (kind < 13) return cells.deleteRange({ gte: key, lt: key + 20 }, { durability })
    if (kind < 15) return void (await cells.update(key, old => old ?? this.#value(), { durability }))
    const gives = random.chance(0.2)
    const failure = new Error('changed my mind')
    await this.#db
      .write(
        [family, this.#family()],
        async txn => {
          const inside = txn.family(family).table(CELLS)
          const savepoint = txn.savepoint()
          for (let i = 0; i < 5; i++) inside.put(random.below(KEYS), this.#value())
          if (random.chance(0.3)) txn.rollbackTo(savepoint)
          if (random.chance(0.3)) await new Promise(resolve => void setImmediate(resolve))
          for (let i = 0; i < 5; i++) inside.put(random.below(KEYS), this.#value())
          this.#operations += 10
          if (gives) throw failure
        },
        { durability },
      )
      .catch((error: unknown) => assert.equal(error, failure))
  }

  #read(): void {
    const [cells, key] = [this.#family().table(CELLS), this.#random.below(KEYS)]
    this.#operations++
    const kind = this.#random.below(10)
    if (kind < 7) cells.get(key)
    else if (kind < 9) this.#operations += cells.range({ gte: key, limit: 20 }).toArray().length
    else {
      // One that is left in the middle.
      const iterator = cells.range({ gte: key })
      iterator.next()
      iterator.return!()
    }
  }

  /** A family is made under a new name, now and then renamed, and the oldest one is dropped. */
  async #turnGuests(): Promise<void> {
    const name = `guest ${this.#named++}`
    await this.#db
      .columnFamily(name)
      .table(CELLS)
      .putMany([
        [1, this.#value()],
        [2, this.#value()],
      ])
    this.#guests.push(name)
    if (this.#random.chance(0.3)) {
      const to = `guest ${this.#named++}`
      await this.#db.renameColumnFamily(this.#guests.pop()!, to)
      this.#guests.push(to)
    }
    if (this.#guests.length > GUESTS_MAX) await this.#db.dropColumnFamily(this.#guests.shift()!)
    this.#operations += 3
  }

  #turnSnapshots(): void {
    this.#snapshots.push(this.#db.snapshot())
    if (this.#snapshots.length <= SNAPSHOTS_MAX) return
    const [oldest] = this.#snapshots.splice(0, 1) as [Snapshot]
    oldest.family(this.#family()).table(CELLS).get(this.#random.below(KEYS))
    oldest.close()
    this.#operations += 2
  }

  #sample(): void {
    collect()
    const { heapUsed, external, arrayBuffers } = process.memoryUsage()
    const { memory, file } = this.#db.stats()
    const files = fs.readdirSync(this.#folder).filter(name => name.includes('-wal'))
    this.#samples.push({
      heap: heapUsed,
      external: Math.max(external, arrayBuffers),
      shared: memory.bytes + memory.pooledBytes + memory.pinnedBytes,
      pinned: memory.pinnedBytes,
      file: file.bytes,
      log: files.reduce((sum, name) => sum + fs.statSync(path.join(this.#folder, name)).size, 0),
    })
  }

  /** Nothing is left over, in memory or in the file. */
  async #end(): Promise<void> {
    for (const snapshot of this.#snapshots) snapshot.close()
    if (this.#options.afterRound === undefined) {
      await this.#db.checkpoint()
      const { pins, openSnapshots, memory, columnFamilies } = this.#db.stats()
      assert.deepEqual([pins, openSnapshots, memory.pinnedBytes], [0, 0, 0])
      // A transaction that took everything back leaves its family an empty memtable.
      assert.ok(memory.bytes <= columnFamilies * 4096, `${memory.bytes} bytes`)
    }
    const { ok, problems } = await this.#db.verify()
    assert.ok(ok, problems.map(({ error }) => error.message).join('\n'))
    await this.#db.close()
  }
}

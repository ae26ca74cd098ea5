import { join } from 'node:path'
import { sink } from '../tasks/measure.ts'
import type { Source } from '../workload.ts'
import { bigEndian } from './big-endian.ts'
import type { Level, Store, StoreOptions } from './store.ts'

type Key = number | Uint8Array

/** The part of the npm package `lmdb` that is used here; the package may be missing. */
interface Lmdb {
  open(options: object): LmdbDatabase
}

interface LmdbDatabase {
  readonly flushed: Promise<unknown>
  put(key: Key, value: Uint8Array): Promise<unknown>
  getBinary(key: Key): Uint8Array | undefined
  getRange(options: object): Iterable<{ readonly key: Key; readonly value: Uint8Array }>
  close(): Promise<void>
}

class LmdbStore implements Store {
  readonly #db: LmdbDatabase
  readonly #key: (key: number) => Key
  /** Commits resolve before their sync: the durable ones wait for it, too. */
  readonly #waitsForFlush: boolean

  constructor(db: LmdbDatabase, binaryKeys: boolean, waitsForFlush: boolean) {
    this.#db = db
    this.#key = binaryKeys ? bigEndian : (key: number): Key => key
    this.#waitsForFlush = waitsForFlush
  }

  put(key: number, value: Uint8Array): Promise<unknown> {
    return this.#settled(this.#db.put(this.#key(key), value))
  }

  /** What is put in one turn is one transaction: the fastest of the ways that the package offers. */
  batch(source: Source, begin: number, end: number): Promise<unknown> {
    let last: Promise<unknown> | undefined
    for (let i = begin; i < end; i++) last = this.#db.put(this.#key(source.key(i)), source.value(i))
    return this.#settled(last!)
  }

  #settled(put: Promise<unknown>): Promise<unknown> {
    return this.#waitsForFlush ? put.then(() => this.#db.flushed) : put
  }

  get(key: number): Uint8Array | undefined {
    return this.#db.getBinary(this.#key(key))
  }

  range(from: number, limit: number): number {
    let seen = 0
    for (const { key, value } of this.#db.getRange({ start: this.#key(from), limit })) {
      sink.sum += (typeof key === 'number' ? key : key[7]!) + value.length + value[0]!
      seen++
    }
    return seen
  }

  settle(): undefined {
    // A B+tree in place has one form only.
  }

  close(): Promise<unknown> {
    return this.#db.close()
  }
}

const LEVELS: Readonly<Record<Level, object>> = {
  synced: {},
  eventual: { overlappingSync: true },
  unsynced: { noSync: true },
  logless: { noSync: true },
}

/**
 * Configurations: words, any of them. `binary`: keys are 8 bytes and not lmdb's own encoding of numbers. `overlapping`:
 * a durable commit syncs behind the next one's work and is awaited by `flushed`, instead of inside the commit.
 */
export async function openLmdb({ directory, level, config }: StoreOptions): Promise<Store> {
  const name = 'lmdb'
  const lmdb = (await import(name)) as Lmdb
  const words = config.split(' ')
  const overlapping = words.includes('overlapping')
  const binary = words.includes('binary')
  const db = lmdb.open({
    path: join(directory, 'bench.lmdb'),
    encoding: 'binary',
    keyEncoding: binary ? 'binary' : 'ordered-binary',
    ...(level === 'synced' ? { overlappingSync: overlapping } : LEVELS[level]),
  })
  return new LmdbStore(db, binary, level === 'synced' && overlapping)
}

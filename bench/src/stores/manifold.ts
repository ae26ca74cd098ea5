import { Database } from '../engine.ts'
import type { Bytes, Durability, JournalMode, Table } from '../engine.ts'
import { ENTRIES, databasePath } from '../tasks/store.ts'
import { sink } from '../tasks/measure.ts'
import type { Source } from '../workload.ts'
import type { Grouping, Level, Store, StoreOptions } from './store.ts'

const DURABILITIES: Readonly<Record<Level, Durability>> = {
  synced: 'immediate',
  eventual: 'eventual',
  unsynced: 'none',
  logless: 'none',
}
const KEEP_LOG_BYTES = 2 ** 31

class ManifoldStore implements Store {
  readonly #db: Database
  readonly #entries: Table<number, Bytes>
  readonly #options: { readonly durability: Durability }

  constructor(db: Database, durability: Durability) {
    this.#db = db
    this.#entries = db.table(ENTRIES)
    this.#options = { durability }
  }

  put(key: number, value: Uint8Array): Promise<unknown> {
    return this.#entries.put(key, value, this.#options)
  }

  batch(source: Source, begin: number, end: number): Promise<unknown> {
    return this.#db.write(txn => {
      const entries = txn.table(ENTRIES)
      for (let i = begin; i < end; i++) entries.put(source.key(i), source.value(i))
    }, this.#options)
  }

  get(key: number): Uint8Array | undefined {
    return this.#entries.get(key)
  }

  range(from: number, limit: number): number {
    let seen = 0
    for (const [key, value] of this.#entries.range({ gte: from, limit })) {
      sink.sum += key + value.length + value[0]!
      seen++
    }
    return seen
  }

  settle(): Promise<unknown> {
    return this.#db.checkpoint()
  }

  grouping(): Grouping {
    const { bytes, commits, syncs } = this.#db.stats().log
    return { bytes: bytes / syncs, commits: commits / syncs }
  }

  close(): Promise<unknown> {
    return this.#db.close()
  }
}

/** The configurations are the journals. */
export async function openManifold({ directory, level, config, keepLog }: StoreOptions): Promise<Store> {
  const journal = config as JournalMode
  const db = await Database.open(
    databasePath(directory),
    keepLog === true ? { journal, writeBufferBytes: KEEP_LOG_BYTES } : { journal },
  )
  return new ManifoldStore(db, DURABILITIES[level])
}

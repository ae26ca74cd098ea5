import { join } from 'node:path'
import { sink } from '../tasks/measure.ts'
import type { Source } from '../workload.ts'
import type { Store, StoreOptions } from './store.ts'

/** The part of the npm package `better-sqlite3` that is used here; the package may be missing. */
interface SqliteModule {
  readonly default: new (path: string) => Sqlite
}

interface Sqlite {
  pragma(text: string): unknown
  exec(text: string): unknown
  prepare(text: string): Statement
  transaction<A extends unknown[]>(body: (...args: A) => void): (...args: A) => void
  close(): unknown
}

interface Statement {
  raw(): Statement
  run(...values: unknown[]): unknown
  get(...values: unknown[]): unknown
  iterate(...values: unknown[]): Iterable<unknown>
}

class SqliteStore implements Store {
  readonly #db: Sqlite
  readonly #put: Statement
  readonly #get: Statement
  readonly #range: Statement
  readonly #batch: (source: Source, begin: number, end: number) => void

  constructor(db: Sqlite) {
    this.#db = db
    this.#put = db.prepare('insert or replace into entries values (?, ?)')
    this.#get = db.prepare('select value from entries where key = ?').raw()
    this.#range = db.prepare('select key, value from entries where key >= ? order by key limit ?').raw()
    this.#batch = db.transaction((source: Source, begin: number, end: number) => {
      for (let i = begin; i < end; i++) this.#put.run(source.key(i), source.value(i))
    })
  }

  put(key: number, value: Uint8Array): undefined {
    this.#put.run(key, value)
  }

  batch(source: Source, begin: number, end: number): undefined {
    this.#batch(source, begin, end)
  }

  get(key: number): Uint8Array | undefined {
    return (this.#get.get(key) as [Uint8Array] | undefined)?.[0]
  }

  range(from: number, limit: number): number {
    let seen = 0
    for (const row of this.#range.iterate(from, limit === Infinity ? -1 : limit)) {
      const [key, value] = row as [number, Uint8Array]
      sink.sum += key + value.length + value[0]!
      seen++
    }
    return seen
  }

  settle(): undefined {
    this.#db.pragma('wal_checkpoint(truncate)')
  }

  close(): undefined {
    this.#db.close()
  }
}

/**
 * A table by its integer key, in WAL mode: `synchronous = full` syncs every commit, `normal` only checkpoints. The cache
 * holds all that is read.
 */
export async function openSqlite({ directory, level, keepLog }: StoreOptions): Promise<Store> {
  const name = 'better-sqlite3'
  const { default: Database } = (await import(name)) as SqliteModule
  const db = new Database(join(directory, 'bench.sqlite'))
  db.pragma('journal_mode = wal')
  db.pragma(`synchronous = ${level === 'synced' ? 'full' : 'normal'}`)
  db.pragma('cache_size = -262144')
  if (keepLog === true) db.pragma('wal_autocheckpoint = 0')
  db.exec('create table if not exists entries (key integer primary key, value blob not null)')
  return new SqliteStore(db)
}

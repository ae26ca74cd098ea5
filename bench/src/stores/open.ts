import { openSqlite } from './better-sqlite3.ts'
import { openClassicLevel } from './classic-level.ts'
import { openLmdb } from './lmdb.ts'
import { openManifold } from './manifold.ts'
import { openRocks } from './rocksdb.ts'
import type { Store, StoreOptions } from './store.ts'

const OPENERS = {
  manifold: openManifold,
  lmdb: openLmdb,
  'classic-level': openClassicLevel,
  rocksdb: openRocks,
  'better-sqlite3': openSqlite,
} as const

export type StoreName = keyof typeof OPENERS

export function openStore(name: StoreName, options: StoreOptions): Promise<Store> {
  return OPENERS[name](options)
}

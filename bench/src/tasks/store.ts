import { join } from 'node:path'
import { bytes, table, uint } from '../engine.ts'
import type { Bytes, ColumnFamily, Database, Durability, TableDefinition } from '../engine.ts'
import type { Values } from '../workload.ts'

/** The one table of every benchmark: 8-byte keys, bytes as values. */
export const ENTRIES: TableDefinition<number, Bytes> = table('entries', { key: uint, value: bytes })

export function databasePath(directory: string): string {
  return join(directory, 'bench.manifold')
}

export function familyName(index: number): string {
  return `family-${index}`
}

/** Writes the keys of one stream in transactions of `batch` entries, each awaited before the next begins. */
export async function writeStream(
  family: ColumnFamily | Database,
  stream: number,
  keys: Float64Array,
  values: Values,
  batch: number,
  durability: Durability,
): Promise<void> {
  const options = { durability }
  for (let begin = 0; begin < keys.length; begin += batch) {
    const end = Math.min(keys.length, begin + batch)
    await family.write(txn => {
      const entries = txn.table(ENTRIES)
      for (let i = begin; i < end; i++) entries.put(keys[i]!, values.at(stream, i))
    }, options)
  }
}

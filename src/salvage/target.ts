import type { Engine } from '../engine/engine.ts'
import type { EngineTransaction } from '../engine/engine-transaction.ts'
import type { TableSchema } from '../engine/family-writer.ts'
import { dropFamily, dropTable, renameFamily } from '../engine/schema-change.ts'
import { EncodedKey } from '../shared/encoded-key.ts'

/** Bytes that one transaction collects. */
const BATCH_BYTES = 1024 * 1024

const key = new EncodedKey()

/** Writes into the new database, in the order of the calls, with one transaction for many entries of one family. */
export class SalvageTarget {
  /** Entries put, deletions among them. */
  entries = 0
  readonly #engine: Engine
  #family = ''
  #transaction: EngineTransaction | undefined
  #bytes = 0

  constructor(engine: Engine) {
    this.#engine = engine
  }

  async put(family: string, table: TableSchema, keyBytes: Uint8Array, value: Uint8Array): Promise<void> {
    const transaction = await this.#begin(family, keyBytes.length + value.length)
    const writer = transaction.writers[0]!
    const entry = writer.ensureTable(table)
    key.assign(keyBytes, 0, keyBytes.length)
    transaction.put(writer, entry, key, value, value.length)
    this.entries++
  }

  async delete(family: string, table: TableSchema, keyBytes: Uint8Array): Promise<void> {
    const transaction = await this.#begin(family, keyBytes.length)
    const writer = transaction.writers[0]!
    key.assign(keyBytes, 0, keyBytes.length)
    transaction.delete(writer, writer.ensureTable(table), key)
    this.entries++
  }

  async deleteRange(family: string, table: TableSchema, start: Uint8Array, end: Uint8Array | undefined): Promise<void> {
    const transaction = await this.#begin(family, start.length)
    const writer = transaction.writers[0]!
    transaction.deleteRange(writer, writer.ensureTable(table), start, end)
    this.entries++
  }

  /** Makes the table, if there is none. */
  async create(family: string, table: TableSchema): Promise<void> {
    const transaction = await this.#begin(family, 0)
    transaction.writers[0]!.ensureTable(table)
  }

  async dropTable(family: string, name: string): Promise<void> {
    await this.flush()
    if (this.#engine.families.get(family)?.tables.has(name) === true) await dropTable(this.#engine, family, name)
  }

  async dropFamily(family: string): Promise<void> {
    await this.flush()
    if (this.#engine.families.get(family) !== undefined) await dropFamily(this.#engine, family)
  }

  async renameFamily(from: string, to: string): Promise<void> {
    await this.flush()
    if (this.#engine.families.get(from) !== undefined) await renameFamily(this.#engine, from, to)
  }

  async #begin(family: string, bytes: number): Promise<EngineTransaction> {
    if (this.#family !== family || this.#bytes >= BATCH_BYTES) await this.flush()
    this.#family = family
    this.#bytes += bytes
    this.#transaction ??= await this.#engine.begin([family], undefined)
    return this.#transaction
  }

  /** Commits what is open. */
  async flush(): Promise<void> {
    const transaction = this.#transaction
    this.#transaction = undefined
    this.#bytes = 0
    if (transaction !== undefined) await transaction.commit('none', () => undefined)
  }

  /** Entries of a table that are in the new database's trees. Requires: a checkpoint has been made since the last write. */
  countOf(family: string, table: string): number {
    const found = this.#engine.families.get(family)
    const entry = found?.tables.get(table)
    return (entry === undefined ? undefined : found?.roots.get(entry.id)?.entries) ?? 0
  }
}

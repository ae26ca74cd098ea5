import { DatabaseError } from '../base/errors.ts'
import {
  encodeEntry,
  encodeSectionHeader,
  KIND_DROP_FAMILY,
  KIND_DROP_TABLE,
  KIND_RENAME_FAMILY,
} from '../shared/entry-format.ts'
import type { Commit, CommitPart } from './commit.ts'
import { closedError } from './engine.ts'
import type { Engine } from './engine.ts'
import type { Family, Tables } from './family.ts'

/**
 * Changes of which families and tables there are, apart from the creations, which are part of the transactions that first write to
 * them. Each is a commit of its own, always `immediate`, under the locks of its families.
 */
interface SchemaChange {
  readonly entry: Uint8Array
  readonly part: CommitPart
  /** Makes the change for writers; returns what makes it for readers. */
  readonly apply: () => () => void
}

/** Drops a family with all its tables. Waits for its lock. */
export async function dropFamily(engine: Engine, name: string): Promise<void> {
  await change(engine, [name], family => {
    const found = family ?? missing('column family', name)
    const part = { family: found, memtable: undefined, end: 0, tables: NO_TABLES }
    return {
      entry: encodeEntry(KIND_DROP_FAMILY, found.id, NO_BYTES),
      part,
      apply: () => engine.families.drop(found, () => engine.journal.quiesce()),
    }
  })
}

export async function renameFamily(engine: Engine, from: string, to: string): Promise<void> {
  const { families } = engine
  await change(engine, [...new Set([from, to])].sort(), () => {
    const found = families.get(from) ?? missing('column family', from)
    if (families.get(to) !== undefined) {
      throw new DatabaseError(
        'MANIFOLD_FAMILY_EXISTS',
        `There is a column family '${to}' already: drop it first, or choose another name.`,
      )
    }
    const part = { family: found, memtable: undefined, end: 0, tables: found.tables }
    return {
      entry: encodeEntry(KIND_RENAME_FAMILY, found.id, engine.encodeName(to)),
      part,
      apply: () => families.rename(found, to),
    }
  })
}

/** Drops a table of a family. Waits for the family's lock. */
export async function dropTable(engine: Engine, name: string, table: string): Promise<void> {
  await change(engine, [name], family => {
    const found = family?.tables.get(table) ?? missing('table', table)
    const tables = new Map(family!.tables)
    tables.delete(table)
    const part = { family: family!, memtable: undefined, end: 0, tables }
    return { entry: encodeEntry(KIND_DROP_TABLE, found.id, NO_BYTES), part, apply: () => NOTHING }
  })
}

/** `prepare` is given the first of the families, if there is one, once the locks are held. */
async function change(
  engine: Engine,
  names: readonly string[],
  prepare: (family: Family | undefined) => SchemaChange,
): Promise<void> {
  const transaction = await engine.begin(names, undefined)
  if (!transaction.isOpen) throw closedError(engine.path)
  let prepared: SchemaChange
  try {
    prepared = prepare(engine.families.get(names[0]!))
  } catch (error) {
    await transaction.abort()
    throw error
  }
  const { entry, part, apply } = prepared
  const payload = [encodeSectionHeader(part.family.id, entry.length), entry]
  const bytes = payload[0]!.length + entry.length
  await transaction.commitChange(bytes, () => {
    part.family.tables = part.tables
    const publish = apply()
    return new Promise((resolve, reject) => {
      const commit: Commit = { sequence: 0, position: 0, need: 'sync', parts: [part], publish, resolve, reject }
      engine.pipeline.append(commit, payload, bytes)
    })
  })
}

const NO_BYTES: Uint8Array = new Uint8Array(0)
const NO_TABLES: Tables = new Map()
const NOTHING = (): void => {}

function missing(kind: 'column family' | 'table', name: string): never {
  const code = kind === 'table' ? 'MANIFOLD_NO_SUCH_TABLE' : 'MANIFOLD_NO_SUCH_FAMILY'
  throw new DatabaseError(code, `There is no ${kind} '${name}': nothing was changed.`)
}

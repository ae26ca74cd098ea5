import { DatabaseError } from '../base/errors.ts'
import type { TableDefinition } from '../codec/table.ts'
import type { Engine } from '../engine/engine.ts'
import type { FamilyView } from '../engine/family.ts'
import type { EngineSnapshot } from '../engine/snapshot.ts'
import type { NamedFamily } from './family-owner.ts'
import { nameOf } from './family-owner.ts'
import type { Cut } from './table-iterator.ts'
import { TableReads } from './table-reads.ts'
import { TableShape } from './table-shape.ts'
import type { ReadTable } from './types.ts'

/** One family as a snapshot sees it. */
export interface FamilySnapshot {
  table<K, V>(definition: TableDefinition<K, V>): ReadTable<K, V>
}

class SnapshotTable<K, V> extends TableReads<K, V> {
  readonly #snapshot: EngineSnapshot
  readonly #family: string

  constructor(engine: Engine, snapshot: EngineSnapshot, family: string, shape: TableShape<K, V>) {
    super(engine, shape)
    this.#snapshot = snapshot
    this.#family = family
  }

  protected override view(): FamilyView | undefined {
    this.#check()
    return this.#snapshot.view(this.#family)
  }

  protected override cut(): Cut {
    return { pin: this.#snapshot.pinAgain(this.#family), check: () => this.#check() }
  }

  #check(): void {
    if (this.#snapshot.isOpen) return
    this.engine.assertOpen()
    throw new DatabaseError('MANIFOLD_CLOSED', 'The snapshot is closed: take a new one.')
  }
}

/**
 * One consistent cut across all column families, as it was when the snapshot was taken. It blocks nobody, but keeps the
 * memory and the pages that it sees: close it when it is no longer needed. Iterators taken from it end with it.
 *
 * @example
 * const snapshot = db.snapshot()
 * try { console.log(snapshot.family(tenant).table(users).get(2)) } finally { snapshot.close() }
 */
export class Snapshot implements FamilySnapshot, Disposable {
  readonly #engine: Engine
  readonly #snapshot: EngineSnapshot
  readonly #default: string

  constructor(engine: Engine, snapshot: EngineSnapshot, defaultFamily: string) {
    this.#engine = engine
    this.#snapshot = snapshot
    this.#default = defaultFamily
  }

  /** The sequence of the last commit that it sees. */
  get sequence(): number {
    return this.#snapshot.sequence
  }

  family(family: NamedFamily): FamilySnapshot {
    const name = nameOf(family, this.#engine)
    return { table: definition => this.#table(name, definition) }
  }

  /** A table of the family `default`. */
  table<K, V>(definition: TableDefinition<K, V>): ReadTable<K, V> {
    return this.#table(this.#default, definition)
  }

  #table<K, V>(family: string, definition: TableDefinition<K, V>): ReadTable<K, V> {
    const shape = new TableShape(definition)
    const view = this.#snapshot.view(family)
    if (view !== undefined) shape.find(view.tables)
    return new SnapshotTable(this.#engine, this.#snapshot, family, shape)
  }

  /** Gives back what it kept. Idempotent. */
  close(): void {
    this.#snapshot.close()
  }

  [Symbol.dispose](): void {
    this.close()
  }
}

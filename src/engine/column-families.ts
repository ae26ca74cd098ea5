import { DatabaseError } from '../base/errors.ts'
import { ID_MAX } from '../base/limits.ts'
import type { MemoryUse } from '../shared/chunk-pool.ts'
import type { TreeRoot } from '../pager/meta-format.ts'
import type { Tables } from './family.ts'
import { Family } from './family.ts'
import { letGo } from './let-go.ts'

/** A family as a checkpoint finds it. */
export interface FamilyState {
  readonly family: Family
  readonly name: string
  readonly tables: Tables
}

/**
 * The set of families, twice: as it is after the last appended commit, for writers, and after the last visible one, for
 * readers. Also the ids, and the dropped families whose trees the next checkpoint frees.
 */
export class ColumnFamilies {
  nextFamilyId = 1
  nextTableId = 1
  readonly #appended: Map<string, Family> = new Map()
  readonly #visible: Map<string, Family> = new Map()
  readonly #dropped: Set<Family> = new Set()
  readonly #pinned: MemoryUse

  /** `pinned` counts the memory of dropped families that is still read. */
  constructor(pinned: MemoryUse) {
    this.#pinned = pinned
  }

  /** The family that a writer finds under the name. */
  get(name: string): Family | undefined {
    return this.#appended.get(name)
  }

  /** The family that a reader finds under the name. */
  visible(name: string): Family | undefined {
    return this.#visible.get(name)
  }

  visibleNames(): string[] {
    return [...this.#visible.keys()].sort()
  }

  all(): Iterable<Family> {
    return this.#appended.values()
  }

  allVisible(): Iterable<[name: string, family: Family]> {
    return this.#visible.entries()
  }

  newFamily(name: string): Family {
    return new Family(this.takeFamilyId(), name)
  }

  takeFamilyId(): number {
    return takeId(this.nextFamilyId++)
  }

  takeTableId(): number {
    return takeId(this.nextTableId++)
  }

  /** Ids met in a file are never given again. */
  reserveIds(familyId: number, tableId: number): void {
    this.nextFamilyId = Math.max(this.nextFamilyId, familyId + 1)
    this.nextTableId = Math.max(this.nextTableId, tableId + 1)
  }

  /** The commit that creates the family has been appended. Returns what makes it visible. */
  create(family: Family): () => void {
    // The name of this moment: a renaming may be appended before the creation is visible, and comes after it.
    const { name } = family
    this.#appended.set(name, family)
    return () => this.#visible.set(name, family)
  }

  /**
   * The commit that drops the family has been appended. Returns what makes that visible. `quiesce`: see `Journal`; a write
   * of the log under way may still read the family's memory although its bytes are durable.
   */
  drop(family: Family, quiesce: () => Promise<void> | undefined): () => void {
    const { name } = family
    this.#appended.delete(name)
    this.#dropped.add(family)
    return () => {
      if (this.#visible.get(name) === family) this.#visible.delete(name)
      const { active } = family
      family.active = undefined
      if (active !== undefined) letGo(active, this.#pinned, quiesce())
    }
  }

  /** The commit that renames the family has been appended. Returns what makes that visible. */
  rename(family: Family, to: string): () => void {
    const from = family.name
    this.#appended.delete(from)
    this.#appended.set(to, family)
    family.name = to
    return () => {
      this.#visible.delete(from)
      this.#visible.set(to, family)
    }
  }

  /** The families as the last appended commit left them. */
  states(): FamilyState[] {
    return [...this.#appended.values()].map(family => ({ family, name: family.name, tables: family.tables }))
  }

  dropped(): Family[] {
    return [...this.#dropped]
  }

  /** A checkpoint without the family is durable: its trees are gone from the file. */
  forget(family: Family): void {
    this.#dropped.delete(family)
  }

  /** The roots that no table of `states` owns: those of dropped tables and families. */
  orphans(states: readonly FamilyState[]): TreeRoot[] {
    const orphans: TreeRoot[] = []
    for (const family of this.#dropped) orphans.push(...family.roots.values())
    for (const { family, tables } of states) {
      const owned = new Set([...tables.values()].map(({ id }) => id))
      for (const [id, root] of family.roots) if (!owned.has(id)) orphans.push(root)
    }
    return orphans
  }
}

function takeId(id: number): number {
  if (id > ID_MAX) {
    throw new DatabaseError(
      'MANIFOLD_INVALID_ARGUMENT',
      'The database has used up its ids for families or tables. Copy it into a new one.',
    )
  }
  return id
}

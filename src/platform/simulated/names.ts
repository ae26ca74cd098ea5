import type { Content } from './content.ts'
import type { Survival } from './survival.ts'

/** A name that was given, taken away or changed, and whose directory has not been synced since. */
interface NameChange {
  readonly operation: number
  readonly directory: string
  readonly removed: string | undefined
  readonly added: string | undefined
  readonly content: Content
}

/**
 * Which name belongs to which file: as a reader sees it, and as it is durable. A file's own sync does not make its name
 * durable, only that of its directory does.
 */
export class Names {
  readonly #seen: Map<string, Content>
  readonly #durable: Map<string, Content>
  #unsynced: NameChange[] = []

  constructor(durable: ReadonlyMap<string, Content> = new Map()) {
    this.#seen = new Map(durable)
    this.#durable = new Map(durable)
  }

  get(path: string): Content | undefined {
    return this.#seen.get(path)
  }

  paths(): string[] {
    return [...this.#seen.keys()]
  }

  /** The first operation that a power cut can still undo; Infinity where there is none. */
  get oldestUnsynced(): number {
    const files = new Set([...this.#seen.values(), ...this.#durable.values()])
    const oldestName = this.#unsynced[0]?.operation ?? Infinity
    return [...files].reduce((oldest, content) => Math.min(oldest, content.oldestUnsynced), oldestName)
  }

  add(path: string, directory: string, content: Content, operation: number): void {
    this.#seen.set(path, content)
    this.#unsynced.push({ operation, directory, removed: undefined, added: path, content })
  }

  remove(path: string, directory: string, content: Content, operation: number): void {
    this.#seen.delete(path)
    this.#unsynced.push({ operation, directory, removed: path, added: undefined, content })
  }

  rename(from: string, to: string, directory: string, content: Content, operation: number): void {
    this.#seen.delete(from)
    this.#seen.set(to, content)
    this.#unsynced.push({ operation, directory, removed: from, added: to, content })
  }

  syncDirectory(directory: string): void {
    for (const change of this.#unsynced) if (change.directory === directory) apply(this.#durable, change)
    this.#unsynced = this.#unsynced.filter(change => change.directory !== directory)
  }

  /** Whether both give the same names to contents that share everything. */
  areSameAs(other: Names): boolean {
    if (this.#unsynced.length > 0 || other.#unsynced.length > 0 || this.#seen.size !== other.#seen.size) return false
    for (const [path, content] of this.#seen) {
      const there = other.#seen.get(path)
      if (there === undefined || !content.shares(there)) return false
    }
    return true
  }

  /** The names as a power cut may leave them. */
  crash(survival: Survival): Map<string, Content> {
    const left = new Map(this.#durable)
    const kept = survival.changes(this.#unsynced.map(change => change.operation))
    this.#unsynced.forEach((change, index) => {
      if (kept[index]!) apply(left, change)
    })
    return left
  }
}

/** A change can be kept where an earlier one of the same name was not; it then takes away only what it meant. */
function apply(names: Map<string, Content>, change: NameChange): void {
  if (change.removed !== undefined && names.get(change.removed) === change.content) names.delete(change.removed)
  if (change.added !== undefined) names.set(change.added, change.content)
}

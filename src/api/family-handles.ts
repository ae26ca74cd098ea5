import type { ColumnFamily } from './column-family.ts'

/** So many names are asked for in turn before handles are held weakly, which makes each request slower. */
const RECENT_MAX = 1024

/**
 * The handles of column families by name: whoever asks again gets the same one, for as long as anybody has it. A name that
 * nobody uses any more costs nothing, so that names may come and go without end.
 */
export class FamilyHandles {
  #recent: Map<string, ColumnFamily> = new Map()
  readonly #older: Map<string, WeakRef<ColumnFamily>> = new Map()
  /** Entries at which the older ones are looked through, so that this costs little for each. */
  #olderMax = RECENT_MAX

  get(name: string): ColumnFamily | undefined {
    const recent = this.#recent.get(name)
    if (recent !== undefined) return recent
    const older = this.#older.get(name)?.deref()
    if (older !== undefined) this.add(name, older)
    return older
  }

  add(name: string, family: ColumnFamily): void {
    if (this.#recent.size >= RECENT_MAX) this.#age()
    this.#recent.set(name, family)
  }

  #age(): void {
    for (const [name, family] of this.#recent) this.#older.set(name, new WeakRef(family))
    this.#recent = new Map()
    if (this.#older.size < this.#olderMax) return
    for (const [name, reference] of this.#older) if (reference.deref() === undefined) this.#older.delete(name)
    this.#olderMax = Math.max(RECENT_MAX, 2 * this.#older.size)
  }
}

import type { ExtentList } from './extent-list.ts'

/**
 * Pages that a checkpoint has replaced and that something may still reach: the other header slot, until it names that
 * checkpoint too, and snapshots, until none is left that pins an older generation.
 */
export class PendingFree {
  readonly #batches: { readonly generation: number; readonly extents: ExtentList }[] = []

  /** `extents` are not reachable from the state of `generation` on. Generations are added in ascending order. */
  add(generation: number, extents: ExtentList): void {
    if (extents.length > 0) this.#batches.push({ generation, extents })
  }

  /**
   * Takes out what nothing reaches any more. `oldest` is the oldest generation that is named by a header slot or pinned
   * by a snapshot.
   */
  release(oldest: number): ExtentList[] {
    const released: ExtentList[] = []
    while (this.#batches.length > 0 && this.#batches[0]!.generation <= oldest)
      released.push(this.#batches.shift()!.extents)
    return released
  }

  /** All that is waiting. */
  get lists(): ExtentList[] {
    return this.#batches.map(batch => batch.extents)
  }

  /** Those that a reader of `generation` can reach. */
  pagesAfter(generation: number): number {
    return this.#batches.reduce((pages, batch) => pages + (batch.generation > generation ? batch.extents.pages : 0), 0)
  }

  get pages(): number {
    return this.#batches.reduce((pages, batch) => pages + batch.extents.pages, 0)
  }
}

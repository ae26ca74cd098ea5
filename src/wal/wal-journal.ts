import { SegmentedJournal } from './segmented-journal.ts'

/**
 * The journal in which the committing caller leads. The first append of a turn defers a flush to the next turn; the
 * flush writes and syncs, blocking, for all that wait by then. One thread does everything, so the event loop stands
 * still meanwhile and no byte is ever under way elsewhere.
 */
export class WALJournal extends SegmentedJournal {
  #scheduled = false

  protected override schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    this.clock.defer(() => {
      this.#scheduled = false
      if (this.failure === undefined && !this.closed) this.flushTurn(this.wantsSync())
    })
  }

  override writeNow(): void {
    if (this.failure !== undefined) throw this.failure
    this.flushSync(this.group.needsSync)
  }

  override syncNow(): void {
    if (this.failure !== undefined) throw this.failure
    this.flushSync(true)
  }

  override quiesce(): undefined {
    return undefined
  }

  protected override free(position: number): void {
    this.freeSegments(position)
  }

  protected override async settle(): Promise<void> {}
}

/**
 * Which checkpoints' trees are being read. A tree's pages may be used again when no reader's generation is older than
 * the checkpoint that replaced them.
 */
export class GenerationPins {
  readonly #readers: Map<number, number> = new Map()
  readonly #released: () => void

  /** `released` is called when a generation has lost its last reader. */
  constructor(released: () => void) {
    this.#released = released
  }

  pin(generation: number): void {
    this.#readers.set(generation, (this.#readers.get(generation) ?? 0) + 1)
  }

  unpin(generation: number): void {
    const readers = this.#readers.get(generation)! - 1
    if (readers > 0) {
      this.#readers.set(generation, readers)
      return
    }
    this.#readers.delete(generation)
    this.#released()
  }

  /** The oldest generation that is read, or `otherwise` where none is. */
  oldest(otherwise: number): number {
    let oldest = otherwise
    for (const generation of this.#readers.keys()) if (generation < oldest) oldest = generation
    return oldest
  }

  /** Readers at the moment. */
  get count(): number {
    let count = 0
    for (const readers of this.#readers.values()) count += readers
    return count
  }
}

import type { GenerationPins } from '../mvcc/generation-pins.ts'
import type { FamilyView } from './family.ts'

/** Keeps a view's memtables and pages while something outlives the turn in which it was taken. */
export class Pin {
  readonly view: FamilyView
  readonly #pins: GenerationPins
  readonly generation: number
  /** Called once, after the release. */
  onRelease: (() => void) | undefined
  #held = true

  /** Requires: `view` is current, `generation` is that of the trees it names. */
  constructor(view: FamilyView, pins: GenerationPins, generation: number) {
    this.view = view
    this.#pins = pins
    this.generation = generation
    view.active?.pin()
    view.frozen?.pin()
    pins.pin(generation)
  }

  /** A second pin on the same view. Requires: this one has not been released. */
  again(): Pin {
    return new Pin(this.view, this.#pins, this.generation)
  }

  /** Idempotent. */
  release(): void {
    if (!this.#held) return
    this.#held = false
    this.view.active?.unpin()
    this.view.frozen?.unpin()
    this.#pins.unpin(this.generation)
    this.onRelease?.()
  }
}

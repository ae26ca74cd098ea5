import type { GenerationPins } from '../mvcc/generation-pins.ts'
import type { FamilyView } from './family.ts'

/** Keeps a view's memtables and pages while something outlives the turn in which it was taken. */
export class Pin {
  readonly view: FamilyView
  readonly #pins: GenerationPins
  readonly #generation: number
  #held = true

  /** Requires: `view` is current, `generation` is that of the trees it names. */
  constructor(view: FamilyView, pins: GenerationPins, generation: number) {
    this.view = view
    this.#pins = pins
    this.#generation = generation
    view.active?.pin()
    view.frozen?.pin()
    pins.pin(generation)
  }

  /** A second pin on the same view. Requires: this one has not been released. */
  again(): Pin {
    return new Pin(this.view, this.#pins, this.#generation)
  }

  /** Idempotent. */
  release(): void {
    if (!this.#held) return
    this.#held = false
    this.view.active?.unpin()
    this.view.frozen?.unpin()
    this.#pins.unpin(this.#generation)
  }
}

/** A consistent cut across all families, by name. */
export class EngineSnapshot {
  readonly sequence: number
  readonly #pins: ReadonlyMap<string, Pin>
  readonly #ended: (snapshot: EngineSnapshot) => void
  isOpen = true

  constructor(sequence: number, pins: ReadonlyMap<string, Pin>, ended: (snapshot: EngineSnapshot) => void) {
    this.sequence = sequence
    this.#pins = pins
    this.#ended = ended
  }

  view(name: string): FamilyView | undefined {
    return this.#pins.get(name)?.view
  }

  /** Another pin on what the snapshot sees of the family, for an iterator. */
  pinAgain(name: string): Pin {
    return this.#pins.get(name)!.again()
  }

  /** Idempotent. Iterators taken from it hold pins of their own until they notice. */
  close(): void {
    if (!this.isOpen) return
    this.isOpen = false
    for (const pin of this.#pins.values()) pin.release()
    this.#ended(this)
  }
}

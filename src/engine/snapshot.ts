import type { FamilyView } from './family.ts'
import type { Pin } from './pin.ts'
import type { OpenRead, OpenReads } from './open-reads.ts'

/** A consistent cut across all families, by name. Whoever holds it may read; what it pins belongs to `OpenReads`. */
export class EngineSnapshot {
  readonly sequence: number
  readonly #pins: ReadonlyMap<string, Pin>
  readonly #read: OpenRead

  constructor(sequence: number, pins: ReadonlyMap<string, Pin>, reads: OpenReads) {
    this.sequence = sequence
    this.#pins = pins
    this.#read = reads.open('snapshot', this, [...pins.values()])
  }

  get isOpen(): boolean {
    return this.#read.isOpen
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
    this.#read.close()
  }
}

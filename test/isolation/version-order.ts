import type { Footprint } from './footprint.ts'
import type { History, Transaction } from './history.ts'

/** The versions of one slot, from the empty one on, in the order of the commits that put them there. */
interface Versions {
  readonly sequences: number[]
  readonly versions: number[]
  readonly writers: (Transaction | undefined)[]
  /** Where each version stands; `SEVERAL` for one that stands at several places. */
  readonly places: Map<number, number>
}

const SEVERAL = -1

/** One version in its slot: it stands there from the commit `from` on, until the commit `to`. */
export interface Place {
  readonly version: number
  readonly writer: Transaction | undefined
  readonly next: Transaction | undefined
  readonly from: number
  readonly to: number
}

/**
 * What stood in each slot after each commit: the commits made again, in the order of their sequences. A commit that leaves
 * a slot as it was adds no version to it.
 */
export class VersionOrder {
  /** The commits, in order. */
  readonly commits: readonly Transaction[]
  readonly #slots: Versions[]

  constructor(history: History, footprints: readonly Footprint[]) {
    const slotCount = history.families.length * history.keysPerFamily
    this.#slots = Array.from({ length: slotCount }, () => ({
      sequences: [0],
      versions: [0],
      writers: [undefined],
      places: new Map([[0, 0]]),
    }))
    this.commits = history.transactions
      .filter(({ kind, sequence }) => kind === 'write' && sequence !== undefined)
      .sort((a, b) => a.sequence! - b.sequence!)
    for (const commit of this.commits) {
      const { writes, move } = footprints[commit.id]!
      if (move !== undefined) this.#move(history, commit, move.from, move.to)
      for (const [slot, version] of writes) this.#put(slot, version, commit)
    }
  }

  #put(slot: number, version: number, writer: Transaction): void {
    const { sequences, versions, writers, places } = this.#slots[slot]!
    if (versions.at(-1) === version) return
    places.set(version, places.has(version) ? SEVERAL : versions.length)
    sequences.push(writer.sequence!)
    versions.push(version)
    writers.push(writer)
  }

  #move(history: History, commit: Transaction, from: number, to: number): void {
    for (let key = 0; key < history.keysPerFamily; key++) {
      const source = history.slot(from, key)
      this.#put(history.slot(to, key), this.#slots[source]!.versions.at(-1)!, commit)
      this.#put(source, 0, commit)
    }
  }

  get slotCount(): number {
    return this.#slots.length
  }

  #place({ sequences, versions, writers }: Versions, index: number): Place {
    return {
      version: versions[index]!,
      writer: writers[index],
      next: writers[index + 1],
      from: sequences[index]!,
      to: sequences[index + 1] ?? Infinity,
    }
  }

  /** All that ever stood in the slot, in order. */
  *places(slot: number): Generator<Place> {
    const versions = this.#slots[slot]!
    for (let i = 0; i < versions.versions.length; i++) yield this.#place(versions, i)
  }

  /** What stood in the slot after the commit of that sequence. */
  at(slot: number, sequence: number): Place {
    const versions = this.#slots[slot]!
    let [low, high] = [0, versions.sequences.length - 1]
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if (versions.sequences[middle]! <= sequence) low = middle
      else high = middle - 1
    }
    return this.#place(versions, low)
  }

  /**
   * Where the version stands in the slot: at the sequence that is `claimed`, if it does so, else where it stands at all.
   * Undefined where it never stood there, or several times: an empty slot does, and one whose family was renamed and back.
   */
  find(slot: number, version: number, claimed: number | undefined): Place | undefined {
    if (claimed !== undefined) {
      const place = this.at(slot, claimed)
      if (place.version === version) return place
    }
    const versions = this.#slots[slot]!
    const index = versions.places.get(version) ?? SEVERAL
    return index === SEVERAL ? undefined : this.#place(versions, index)
  }
}

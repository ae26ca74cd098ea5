import { DatabaseError } from '../base/errors.ts'
import { PAGE_BYTES } from '../base/limits.ts'
import type { Memtable } from '../memtable/memtable.ts'
import type { Pager } from '../pager/pager.ts'
import type { Clock, Timer } from '../platform/clock.ts'
import type { Watch, WatchCollection } from '../platform/collection.ts'
import type { ColumnFamilies } from './column-families.ts'
import type { Pin } from './pin.ts'

export type ReadKind = 'snapshot' | 'iterator'

/** A snapshot or iterator that is open, apart from the object that its owner holds, so that the loss of that is noticed. */
export class OpenRead {
  readonly kind: ReadKind
  readonly pins: readonly Pin[]
  readonly openedMillis: number
  /** Where it was opened, if that is remembered. */
  readonly openedAt: string | undefined
  readonly #closed: (read: OpenRead) => void
  isOpen = true

  constructor(
    kind: ReadKind,
    pins: readonly Pin[],
    openedMillis: number,
    openedAt: string | undefined,
    closed: (read: OpenRead) => void,
  ) {
    this.kind = kind
    this.pins = pins
    this.openedMillis = openedMillis
    this.openedAt = openedAt
    this.#closed = closed
  }

  /** Gives back what it pins. Idempotent. */
  close(): void {
    if (!this.isOpen) return
    this.isOpen = false
    for (const pin of this.pins) pin.release()
    this.#closed(this)
  }
}

/** An iterator, as far as it is watched. */
export interface PinHolder {
  /** Undefined once it has finished. */
  readonly heldPin: Pin | undefined
}

export interface OpenReadsOptions {
  readonly clock: Clock
  readonly watchCollection: WatchCollection | undefined
  /** Remember where each was opened. */
  readonly trace: boolean
  /** Bytes that a read keeps and nothing else does. */
  readonly pinnedBytes: (pins: readonly Pin[]) => number
  readonly onLeak: (error: DatabaseError) => void
}

/** So many iterators, or so long a time, until those that are still open are watched. */
const YOUNG_MAX = 1024
const YOUNG_MILLIS = 1000

/**
 * The open snapshots, and the iterators that have been open for a while. One that its owner has dropped without closing
 * it is closed and reported when the garbage collector has found it.
 *
 * Almost every iterator ends in the turn in which it was made, and watching one costs as much as making it. So iterators
 * wait in a list first, and only those that are still open when it is looked through are watched.
 */
export class OpenReads {
  readonly #options: OpenReadsOptions
  readonly #reads: Set<OpenRead> = new Set()
  readonly #watch: Watch<OpenRead> | undefined
  #young: PinHolder[] = []
  /** When the oldest in the list was made, or before. */
  #youngSince = 0
  #timer: Timer | undefined

  constructor(options: OpenReadsOptions) {
    this.#options = options
    this.#watch = options.watchCollection?.(read => this.#leaked(read))
  }

  get all(): Iterable<OpenRead> {
    return this.#reads
  }

  get snapshots(): number {
    let count = 0
    for (const { kind } of this.#reads) if (kind === 'snapshot') count++
    return count
  }

  /** `owner` is what must not be lost before the read is closed. */
  open(kind: ReadKind, owner: object, pins: readonly Pin[], since: number = this.#options.clock.now()): OpenRead {
    const read = new OpenRead(kind, pins, since, this.#options.trace ? callSite() : undefined, this.#closed)
    this.#reads.add(read)
    this.#watch?.register(owner, read, read)
    return read
  }

  readonly #closed = (read: OpenRead): void => {
    this.#reads.delete(read)
    this.#watch?.unregister(read)
  }

  /** Watches an iterator, if it lives long enough. */
  watch(iterator: PinHolder): void {
    if (this.#options.trace) {
      this.#adopt(iterator, this.#options.clock.now())
      return
    }
    if (this.#young.push(iterator) >= YOUNG_MAX) this.#sweep()
    else if (this.#timer === undefined) {
      const { clock } = this.#options
      this.#youngSince = clock.now()
      this.#timer = clock.after(YOUNG_MILLIS, () => this.#sweep())
    }
  }

  #sweep(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    const young = this.#young
    this.#young = []
    for (const iterator of young) this.#adopt(iterator, this.#youngSince)
  }

  #adopt(iterator: PinHolder, since: number): void {
    const pin = iterator.heldPin
    if (pin === undefined) return
    const read = this.open('iterator', iterator, [pin], since)
    pin.onRelease = () => read.close()
  }

  #leaked(read: OpenRead): void {
    if (!read.isOpen) return
    const { clock, onLeak } = this.#options
    const seconds = ((clock.now() - read.openedMillis) / 1000).toFixed(1)
    const bytes = this.#options.pinnedBytes(read.pins)
    read.close()
    const advice = read.kind === 'snapshot' ? 'Call its close()' : 'Finish it, or call its return()'
    const place =
      read.openedAt === undefined ? 'Open the database with traceSnapshots to see where.' : `Opened\n${read.openedAt}`
    onLeak(
      new DatabaseError(
        'MANIFOLD_SNAPSHOT_LEAKED',
        `A forgotten ${read.kind} has been closed after ${seconds} s: it kept ${bytes} bytes that nothing else needs. ${advice}. ${place}`,
      ),
    )
  }

  /** Closes all snapshots; iterators notice by themselves. */
  closeSnapshots(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#young = []
    for (const read of this.#reads) if (read.kind === 'snapshot') read.close()
  }
}

/** What else keeps memory and pages. */
export interface Keepers {
  readonly families: ColumnFamilies
  readonly pager: Pager
}

/** Bytes that pins keep although neither writers nor the current trees need them. */
export function pinnedBytes(pins: readonly Pin[], { families, pager }: Keepers): number {
  const counted = new Set<Memtable | undefined>([undefined])
  for (const { active, frozen } of families.all()) counted.add(active).add(frozen)
  let bytes = 0
  for (const { view } of pins) {
    for (const memtable of [view.active, view.frozen]) {
      if (counted.has(memtable)) continue
      counted.add(memtable)
      bytes += memtable!.use.bytes
    }
  }
  const oldest = pins.reduce((generation, pin) => Math.min(generation, pin.generation), Infinity)
  return bytes + pager.pending.pagesAfter(oldest) * PAGE_BYTES
}

/** The stack of the call, without the line that says that it is an error. */
function callSite(): string {
  return (new Error().stack ?? '').split('\n').slice(1).join('\n')
}

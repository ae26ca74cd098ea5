import { SegmentedJournal } from './segmented-journal.ts'
import type { CommitGroup } from './commit-group.ts'
import type { Descriptor } from './segment-store.ts'

/**
 * A group that nobody waits to see synced is written by the turn itself if it is no longer than this: 2 to 6 µs, where
 * another thread would take 10 to hear of it.
 */
const SHORT_GROUP_BYTES = 4 * 1024 * 1024
/** A group of so many bytes sets out at once: the call then costs little beside the bytes. */
const LONG_GROUP_BYTES = 768 * 1024

/** A group on its way through another thread: the write thread, or the I/O threads (`log-writer.ts`). */
interface Flight {
  /** Everything before it was synced when it began; nothing from here on may be freed before it ends. */
  readonly syncedBefore: number
  readonly to: number
  readonly group: CommitGroup
  /** The descriptor that the thread uses. */
  readonly descriptor: Descriptor
  /** The write has returned; only a sync is left. */
  isWritten: boolean
  /** Resolves when no thread works on it any more. Never rejects. */
  readonly ended: Promise<void>
  readonly end: () => void
}

/**
 * The journal in which other threads write and sync. While anything is to be done, one group at a time is under way; what
 * is appended meanwhile is the next group. So groups are as large as the medium is slow, without any delay of our own.
 *
 *   idle  -- append, waitForSync -->  a turn is deferred  -->  a group is in flight  --> idle, or the next turn
 *
 * The turn is deferred also between groups: who is woken by one group and commits again is then in the next. A group that
 * has grown long does not wait for the turn. Writers that commit in step, all woken by one group and all in the next, would
 * otherwise leave the medium idle while they work and work when it is done: eight of them with 170 KB each go 1.2 times as
 * fast when the first half sets out while the second half is still being built.
 */
export class AsyncWALJournal extends SegmentedJournal {
  /** A turn has been deferred and has not come. */
  #deferred = false
  #flight: Flight | undefined
  /** A position through which log is to be freed once the flight has ended; 0 if there is none. */
  #freeLater = 0

  protected override schedule(): void {
    // Whoever lands looks for what has come meanwhile.
    if (this.#flight !== undefined || this.closed || this.failure !== undefined) return
    // Only a flight may begin inside `append`: what a turn writes itself it also reports.
    if (this.group.bytes >= LONG_GROUP_BYTES && this.wantsSync()) void this.#turn()
    else this.#defer()
  }

  #defer(): void {
    if (this.#deferred) return
    this.#deferred = true
    this.clock.defer(() => {
      this.#deferred = false
      if (this.#flight === undefined) void this.#turn()
    })
  }

  async #turn(): Promise<void> {
    const sync = this.wantsSync()
    const isIdle = this.appended === this.written && (!sync || this.appended === this.synced)
    if (isIdle || this.closed || this.failure !== undefined) return
    if (!sync && this.group.bytes <= SHORT_GROUP_BYTES) {
      this.flushTurn(false)
      return
    }
    const flight = this.#takeOff(sync)
    try {
      await this.#fly(flight, sync)
    } catch (error) {
      this.fail(error)
    } finally {
      this.#land(flight)
    }
    if (this.failure !== undefined) return
    // A long group goes before its predecessor's writers are woken, who would keep this thread busy and the medium idle.
    if (this.group.bytes >= LONG_GROUP_BYTES) this.schedule()
    this.report()
    if (!this.closed) this.#defer()
  }

  #takeOff(sync: boolean): Flight {
    if (sync) this.waiters.seal()
    const descriptor: Descriptor = sync && this.canWriteThrough ? 'durable' : 'plain'
    let end = (): void => {}
    const ended = new Promise<void>(resolve => (end = resolve))
    const group = this.takeGroup(descriptor === 'durable')
    const { synced: syncedBefore, appended: to } = this
    const flight = { syncedBefore, to, group, descriptor, isWritten: group.bytes === 0, ended, end }
    this.#flight = flight
    return flight
  }

  /** The marks that it moves are those from before its calls: what is appended or written meanwhile is not in them. */
  async #fly(flight: Flight, sync: boolean): Promise<void> {
    const { to, descriptor, group } = flight
    const sequence = this.lastAppended
    const begun = this.clock.now()
    if (!flight.isWritten) {
      await this.store.write(group, descriptor)
      flight.isWritten = true
      if (this.failure !== undefined) return
      this.noteWritten(to, sequence, group.needsDelayedSync && !sync)
      if (descriptor === 'durable') this.noteSynced(to, sequence, this.clock.now() - begun)
      else if (sync) this.report()
    }
    if (!sync || this.synced >= to || this.failure !== undefined) return
    const syncBegun = this.clock.now()
    await this.store.sync(this.synced, to, descriptor)
    if (this.failure === undefined) this.noteSynced(to, sequence, this.clock.now() - syncBegun)
  }

  #land(flight: Flight): void {
    flight.group.release()
    this.#flight = undefined
    flight.end()
    if (this.#freeLater === 0) return
    this.freeSegments(this.#freeLater)
    this.#freeLater = 0
  }

  override writeNow(): void {
    const flight = this.#flight
    const isSyncUnderWay = flight !== undefined && flight.group.needsSync && flight.to > this.synced
    this.#overtake(this.group.needsSync || isSyncUnderWay)
  }

  override syncNow(): void {
    this.#overtake(true)
  }

  /**
   * Writes everything appended, and syncs it where `sync` is true, on this thread, which cannot see a flight end. So
   * the bytes of a flight whose write has not returned are written once more. That is sound:
   *
   * - Both writes put the same bytes in the same place, since a position of the log is written with one content only
   *   (parts do not change, `quiesce`; its segment is not freed, `free`; the zeros behind a group that is written directly
   *   are followed by no record). Whatever the order and however the two
   *   interleave, the place holds these bytes from the return of our write on.
   * - Our sync begins after our write has returned, so it covers them. If the flight's write comes after our sync, it
   *   makes durable blocks dirty with what they hold: a cut leaves the same bytes, torn or not.
   * - The kernel reports an error of writing back once for each open file. Our sync goes through the descriptor that
   *   the flight does not use, so neither can take an error that the other would have to see.
   */
  #overtake(sync: boolean): void {
    if (this.failure !== undefined) throw this.failure
    const flight = this.#flight
    if (flight === undefined) {
      this.flushSync(sync)
      return
    }
    const target = this.appended
    const sequence = this.lastAppended
    if (target === this.written && (!sync || target === this.synced)) return
    this.waiters.seal()
    try {
      this.#writeOvertaking(flight, target, sequence, sync)
      if (sync && this.synced < target) {
        const begun = this.clock.now()
        this.store.syncSync(this.synced, target, flight.descriptor === 'plain' ? 'durable' : 'plain')
        this.noteSynced(target, sequence, this.clock.now() - begun)
      }
    } catch (error) {
      throw this.fail(error)
    }
    this.report()
  }

  #writeOvertaking(flight: Flight, target: number, sequence: number, sync: boolean): void {
    if (flight.to > this.written) this.store.writeSync(flight.group, 'plain')
    const group = this.takeGroup(false)
    if (group.bytes > 0) this.store.writeSync(group, 'plain')
    const isDelayed = group.needsDelayedSync || flight.group.needsDelayedSync
    this.noteWritten(target, sequence, isDelayed && !sync)
    group.release()
  }

  override quiesce(): Promise<void> | undefined {
    const flight = this.#flight
    const isOvertaken = flight !== undefined && !flight.isWritten && flight.to <= this.written
    return isOvertaken ? flight.ended : undefined
  }

  protected override free(position: number): void {
    // A flight that was overtaken could still write into a segment that has been given a new place.
    const flight = this.#flight
    const free = flight === undefined ? position : Math.min(position, flight.syncedBefore)
    this.freeSegments(free)
    if (free < position && position > this.#freeLater) this.#freeLater = position
  }

  protected override async settle(): Promise<void> {
    await this.#flight?.ended
  }
}

import assert from 'node:assert/strict'
import type { State } from './state.ts'
import { textOf } from './state.ts'

export interface Behind {
  readonly state: State
  /** False: nothing was written, and there is no commit. */
  readonly writes: boolean
}

/** What a transaction makes of the state before it. It also compares what the transaction has read. */
export type Effect = (state: State) => Behind

/** All of them, one after the other. */
export function sequenceOf(effects: readonly Effect[]): Effect {
  return before =>
    effects.reduce<Behind>(
      ({ state, writes }, effect) => {
        const behind = effect(state)
        return { state: behind.state, writes: writes || behind.writes }
      },
      { state: before, writes: false },
    )
}

/** A commit that was asked for. */
export interface Ticket {
  readonly effect: Effect
  /** How many were asked for before it. */
  readonly index: number
  /** Its place in the one order of the database; 0 while unknown, and for ever if it wrote nothing. */
  sequence: number
}

/** A moment, in which a power cut may have happened. */
export interface Moment {
  readonly issued: number
  readonly acknowledged: number
}

interface Acknowledgement {
  readonly ticket: Ticket | undefined
  /** For a sync, a checkpoint or a close: all commits up to this one. */
  readonly through: number
  readonly durable: boolean
}

/**
 * All that one life of a database was asked for and has acknowledged. Commits are written down when they are asked for, their
 * order becomes known with their sequences, and after the life every moment has its bounds: what a power cut may leave is
 * the state behind a commit that is not before the last one acknowledged as durable, and not behind the last one asked for.
 */
export class Ledger {
  readonly #base: number
  readonly #states: State[]
  readonly #texts: (string | undefined)[] = []
  readonly #bySequence = new Map<number, Ticket>()
  readonly #tickets: Ticket[] = []
  readonly #acknowledgements: Acknowledgement[] = []
  readonly #failed: Ticket[] = []
  /** The furthest sequence that was acknowledged. */
  last: number

  /** The database as it was found: its last sequence and its state. */
  constructor(base: number, state: State) {
    this.#base = this.last = base
    this.#states = [state]
  }

  now(): Moment {
    return { issued: this.#tickets.length, acknowledged: this.#acknowledgements.length }
  }

  issue(effect: Effect): Ticket {
    const ticket = { effect, index: this.#tickets.length, sequence: 0 }
    this.#tickets.push(ticket)
    return ticket
  }

  /** Sequence 0: the commit wrote nothing. */
  acknowledge(ticket: Ticket, sequence: number, durable: boolean): void {
    if (sequence > 0) this.#place(ticket, sequence)
    this.#acknowledgements.push({ ticket, through: 0, durable })
  }

  /** Before its sequence is known, which `number` tells later. */
  acknowledgeUnnumbered(ticket: Ticket, durable: boolean): void {
    this.#acknowledgements.push({ ticket, through: 0, durable })
  }

  number(ticket: Ticket, sequence: number): void {
    this.#place(ticket, sequence)
  }

  #place(ticket: Ticket, sequence: number): void {
    assert.ok(!this.#bySequence.has(sequence), `two commits with sequence ${sequence}`)
    ticket.sequence = sequence
    this.#bySequence.set(sequence, ticket)
    this.last = Math.max(this.last, sequence)
  }

  /** All commits up to that sequence are durable. */
  durableThrough(sequence: number): void {
    this.#acknowledgements.push({ ticket: undefined, through: sequence, durable: true })
  }

  /** A commit that failed after it may have been numbered: it may be there or not. Failures are told in the order of the log. */
  fail(ticket: Ticket): void {
    this.#failed.push(ticket)
  }

  /**
   * Without a log commits are numbered in the order in which they were asked for, also those that fail afterwards, which here
   * get their numbers. One that has failed before it was numbered (what it read was damaged) shows by there being no gap for
   * it. Requires: none is on its way.
   */
  placeFailed(): void {
    if (this.#failed.length === 0) return
    let sequence = this.#base
    for (const ticket of this.#tickets) {
      if (ticket.sequence > 0) sequence = ticket.sequence
      else if (
        this.#failed.includes(ticket) &&
        !this.#bySequence.has(sequence + 1) &&
        ticket.effect(this.stateAt(sequence)).writes
      )
        this.#place(ticket, ++sequence)
    }
    this.#failed.length = 0
  }

  /** The state behind the commit of that sequence. Requires: all before it are acknowledged. */
  stateAt(sequence: number): State {
    for (let next = this.#base + this.#states.length; next <= sequence; next++) {
      const ticket = this.#bySequence.get(next)
      assert.ok(ticket !== undefined, `no commit was acknowledged with sequence ${next}, but a later one was`)
      this.#states.push(ticket.effect(this.#states.at(-1)!).state)
    }
    assert.ok(sequence >= this.#base, `sequence ${sequence} is older than the life, which began with ${this.#base}`)
    return this.#states[sequence - this.#base]!
  }

  textAt(sequence: number): string {
    return (this.#texts[sequence - this.#base] ??= textOf(this.stateAt(sequence)))
  }

  /** The life is over: failed commits take the places behind the last one acknowledged. */
  end(): void {
    for (const ticket of this.#failed.splice(0)) this.#place(ticket, this.last + 1)
    this.stateAt(this.last)
  }

  /** The sequences between which a power cut at that moment may leave the database. `durable` false: also what was only acknowledged counts. */
  bounds({ issued, acknowledged }: Moment, durable = true): readonly [lowest: number, highest: number] {
    let lowest = this.#base
    for (const { ticket, through, durable: is } of this.#acknowledgements.slice(0, acknowledged)) {
      if (is || !durable) lowest = Math.max(lowest, through, ticket?.sequence ?? 0)
    }
    let highest = lowest
    for (const { sequence } of this.#tickets.slice(0, issued)) highest = Math.max(highest, sequence)
    return [lowest, highest]
  }
}

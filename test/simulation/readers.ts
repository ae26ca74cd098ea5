import assert from 'node:assert/strict'
import type { Database, Snapshot } from '../../src/index.ts'
import type { SimulatedScheduler } from '../../src/platform/simulated/scheduler.ts'
import { DEFINITIONS, readTable } from './contents.ts'
import type { Ledger } from './ledger.ts'
import type { State } from './state.ts'
import { stateText, tableOf } from './state.ts'
import type { Step } from './step.ts'
import { FAMILIES, TABLES } from './step.ts'

export type ReadStep = Extract<Step, { do: 'snapshot' | 'closeSnapshot' | 'iterate' | 'finish' }>

/** What was read at some sequence, to be compared when the order of commits is known. */
interface Observation {
  readonly sequence: number
  readonly text: string
  readonly of: (state: State) => string
}

interface OpenIterator {
  readonly sequence: number
  readonly family: string
  readonly table: string
  readonly iterator: Iterator<[string, string], undefined>
  text: string
}

/** The sequence of the last commit that readers see. */
export function sequenceNow(db: Database): number {
  const snapshot = db.snapshot()
  const { sequence } = snapshot
  snapshot.close()
  return sequence
}

/** Snapshots and iterators that are held open while the database is written to, and what they have shown. */
export class Readers {
  readonly #scheduler: SimulatedScheduler
  readonly #observations: Observation[] = []
  #snapshots: Snapshot[] = []
  #iterators: OpenIterator[] = []

  constructor(scheduler: SimulatedScheduler) {
    this.#scheduler = scheduler
  }

  async step(db: Database, step: ReadStep): Promise<void> {
    switch (step.do) {
      case 'snapshot': {
        const snapshot = db.snapshot()
        this.#snapshots.push(snapshot)
        return this.#observe(db, snapshot)
      }
      case 'closeSnapshot': {
        const snapshot = this.#snapshots.shift()
        if (snapshot !== undefined) this.#readAndClose(db, snapshot)
        return
      }
      case 'iterate':
        this.#iterate(db, FAMILIES[step.family]!, TABLES[step.table]!, step.take)
        return
      case 'finish': {
        const iterator = this.#iterators.shift()
        if (iterator !== undefined) this.#finish(iterator)
      }
    }
  }

  async finishAll(db: Database): Promise<void> {
    for (const iterator of this.#iterators.splice(0)) this.#finish(iterator)
    for (const snapshot of this.#snapshots.splice(0)) this.#readAndClose(db, snapshot)
  }

  /** The database is about to be closed. */
  forget(): void {
    this.#snapshots = []
    this.#iterators = []
  }

  compare(ledger: Ledger): void {
    for (const { sequence, text, of } of this.#observations)
      assert.equal(text, of(ledger.stateAt(sequence)), `a reader at sequence ${sequence}`)
  }

  /** Reads all of a snapshot, one table in each turn, as long as it is open. */
  async #observe(db: Database, snapshot: Snapshot): Promise<void> {
    for (const family of FAMILIES) {
      for (const name of TABLES) {
        if (!this.#snapshots.includes(snapshot)) return
        const text = readTable(snapshot.family(db.columnFamily(family)).table(DEFINITIONS[name]!))
        const of = (state: State): string => tableOf(state, family, name)?.text ?? ''
        this.#observations.push({ sequence: snapshot.sequence, text, of })
        await this.#scheduler.turn()
      }
    }
  }

  #readAndClose(db: Database, snapshot: Snapshot): void {
    const all = (read: (family: string, table: string) => string): string => stateText(FAMILIES, () => TABLES, read)
    const text = all((family, name) => readTable(snapshot.family(db.columnFamily(family)).table(DEFINITIONS[name]!)))
    const of = (state: State): string => all((family, name) => tableOf(state, family, name)?.text ?? '')
    this.#observations.push({ sequence: snapshot.sequence, text, of })
    snapshot.close()
  }

  #iterate(db: Database, family: string, table: string, take: number): void {
    const iterator = db.columnFamily(family).table(DEFINITIONS[table]!).range()
    const open: OpenIterator = { sequence: sequenceNow(db), family, table, iterator, text: '' }
    this.#iterators.push(open)
    for (let i = 0; i < take; i++) if (!takeOne(open)) break
  }

  #finish(open: OpenIterator): void {
    while (takeOne(open));
    const of = (state: State): string => tableOf(state, open.family, open.table)?.text ?? ''
    this.#observations.push({ sequence: open.sequence, text: open.text, of })
  }
}

function takeOne(open: OpenIterator): boolean {
  const next = open.iterator.next()
  if (next.done === true) return false
  open.text += `${next.value[0]}=${next.value[1]};`
  return true
}

import assert from 'node:assert/strict'
import type { Bytes, FamilySnapshot, ReadTable } from '../../src/index.ts'
import { fill } from '../support/open.ts'
import type { Change } from './plan.ts'
import { firstFamily, LANES, PROGRESS, secondFamily, SHARED_FAMILY, stepOf, TABLES } from './plan.ts'

/** What a value is made of: its length and what it is filled with. */
type Content = readonly [length: number, fill: number]

/** One cut of a database, by the names of families. */
export type Cut = (family: string) => FamilySnapshot

/** The contents of one family's table, by key. */
type Entries = Map<string, Content>

function apply(entries: Entries, change: Change): void {
  switch (change.kind) {
    case 'put':
      entries.set(change.key, [change.length, change.fill])
      return
    case 'delete':
      entries.delete(change.key)
      return
    case 'deleteRange':
      for (const key of entries.keys()) if (key >= change.gte && key < change.lt) entries.delete(key)
      return
    case 'clear':
      entries.clear()
  }
}

/** What the families of one lane hold after some of its steps. */
class LaneModel {
  readonly #seed: number
  readonly #lane: number
  #steps = 0
  /** By family: the last step that touched it. */
  readonly #progress: Map<string, number> = new Map()
  readonly #entries: Map<string, Entries[]>

  constructor(seed: number, lane: number) {
    this.#seed = seed
    this.#lane = lane
    const families = [firstFamily(lane), secondFamily(lane)]
    this.#entries = new Map(families.map(family => [family, TABLES.map(() => new Map())]))
  }

  advance(steps: number): void {
    while (this.#steps < steps) {
      this.#steps++
      for (const [family, changes] of stepOf(this.#seed, this.#lane, this.#steps).families) {
        this.#progress.set(family, this.#steps)
        for (const change of changes) apply(this.#entries.get(family)![change.table]!, change)
      }
    }
  }

  check(cut: Cut): void {
    for (const [family, tables] of this.#entries) {
      const found = cut(family)
      assert.equal(found.table(PROGRESS).get(this.#lane), this.#progress.get(family), `the last step in ${family}`)
      for (const [index, entries] of tables.entries())
        checkEntries(`${family}, ${TABLES[index]!.name}`, found.table(TABLES[index]!), entries)
    }
    const shared = cut(SHARED_FAMILY).table(PROGRESS)
    const last = this.#progress.get(SHARED_FAMILY)
    assert.equal(shared.get(this.#lane), last, `the last step of lane ${this.#lane} in the shared family`)
  }
}

function checkEntries(where: string, found: ReadTable<string, Bytes>, entries: Entries): void {
  let count = 0
  for (const [key, value] of found.range()) {
    const content = entries.get(key)
    assert.ok(content !== undefined, `${where} has ${key}, which was deleted or never there`)
    assert.equal(Buffer.compare(value, fill(...content)), 0, `${where} has another value of ${key}`)
    count++
  }
  assert.equal(count, entries.size, `entries in ${where}`)
}

/** The whole database after some steps of each lane. */
export class Model {
  readonly #lanes: readonly LaneModel[]

  constructor(seed: number) {
    this.#lanes = LANES.map(lane => new LaneModel(seed, lane))
  }

  /** Checks that the cut holds what so many steps of each lane leave, in every family. Steps never become fewer. */
  check(cut: Cut, steps: readonly number[]): void {
    for (const [lane, model] of this.#lanes.entries()) {
      model.advance(steps[lane]!)
      model.check(cut)
    }
  }
}

/** How far each lane has come. */
export function stepsOf(cut: Cut): number[] {
  return LANES.map(lane => cut(firstFamily(lane)).table(PROGRESS).get(lane) ?? 0)
}

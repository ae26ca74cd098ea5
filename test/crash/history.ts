import assert from 'node:assert/strict'
import type { Bytes, Database, Durability, JournalMode } from '../../src/index.ts'
import { Database as Databases, DatabaseError, bytes, table, utf8 } from '../../src/index.ts'
import { usePlatform } from '../../src/api/database.ts'
import { crashEverywhere } from '../../src/platform/simulated/crash-points.ts'
import type { CrashPoint } from '../../src/platform/simulated/crash-points.ts'
import { SimulatedDisk } from '../../src/platform/simulated/disk.ts'
import { SeededRandom } from '../../src/platform/simulated/random.ts'
import { simulatedPlatform } from '../../src/platform/simulated/simulated-platform.ts'
import { fill, PATH } from '../support/open.ts'
import { checkPages } from '../support/pages.ts'

/** What a value is made of, so that a state is a short text: its length and its seed. Undefined: the key is deleted. */
export type Value = readonly [length: number, seed: number] | undefined
export type Change = readonly [family: string, key: string, value: Value]

/** A whole database as texts: family, key, value. */
type State = ReadonlyMap<string, ReadonlyMap<string, string>>

const TABLE = table('t', { key: utf8, value: bytes })

function nameOf(value: Bytes): string {
  let hash = 17
  for (let i = 0; i < value.length; i++) hash = (Math.imul(hash, 31) + value[i]!) | 0
  return `${value.length}:${hash}`
}

function textOf(state: State): string {
  const families = [...state].sort(([a], [b]) => (a < b ? -1 : 1))
  return families.map(([family, entries]) => `${family}{${[...entries].sort(([a], [b]) => (a < b ? -1 : 1)).join(' ')}}`).join('')
}

/**
 * A database that is written to while every state that it passes through is written down: what may be found after a power
 * cut is one of them, not before the last that was acknowledged as durable, not behind the last that was asked for.
 */
export class History {
  readonly disk: SimulatedDisk
  readonly journal: JournalMode
  db!: Database
  /** One for each commit that was asked for, in log order; the empty database first. */
  readonly states: State[] = [new Map()]
  /** The first state that may be found. */
  durable = 0

  constructor(disk: SimulatedDisk, journal: JournalMode) {
    this.disk = disk
    this.journal = journal
  }

  async open(): Promise<void> {
    this.db = await openAt(this.disk, this.journal)
  }

  #next(change: (families: Map<string, ReadonlyMap<string, string>>) => void): number {
    const families = new Map(this.states.at(-1))
    change(families)
    return this.states.push(families) - 1
  }

  #acknowledged(state: number): void {
    this.durable = Math.max(this.durable, state)
  }

  /** One transaction, over as many families as the changes name. */
  async commit(changes: readonly Change[], durability: Durability = 'immediate'): Promise<void> {
    const names = [...new Set(changes.map(([family]) => family))]
    const handles = new Map(names.map(name => [name, this.db.columnFamily(name)]))
    const state = this.#next(families => {
      for (const [family, key, value] of changes) {
        const entries = new Map(families.get(family))
        if (value === undefined) entries.delete(key)
        else entries.set(key, nameOf(fill(...value)))
        families.set(family, entries)
      }
    })
    await this.db.write(
      [...handles.values()],
      txn => {
        for (const [family, key, value] of changes) {
          const target = txn.family(handles.get(family)!).table(TABLE)
          if (value === undefined) target.delete(key)
          else target.put(key, fill(...value))
        }
      },
      { durability },
    )
    if (durability === 'immediate' && this.journal !== 'off') this.#acknowledged(state)
  }

  async clear(family: string): Promise<void> {
    const state = this.#next(families => families.set(family, new Map()))
    await this.db.columnFamily(family).table(TABLE).clear()
    this.#acknowledged(state)
  }

  async drop(family: string): Promise<void> {
    const state = this.#next(families => families.delete(family))
    await this.db.dropColumnFamily(family)
    this.#acknowledged(state)
  }

  async rename(from: string, to: string): Promise<void> {
    const state = this.#next(families => {
      families.set(to, families.get(from)!)
      families.delete(from)
    })
    await this.db.renameColumnFamily(from, to)
    this.#acknowledged(state)
  }

  /** A checkpoint, a sync or a close: everything that was committed before it is durable. */
  async settle(act: 'checkpoint' | 'sync' | 'close'): Promise<void> {
    const state = this.states.length - 1
    await this.db[act]()
    this.#acknowledged(state)
  }

  async reopen(): Promise<void> {
    await this.settle('close')
    await this.open()
  }

  /** The place of what a cut has left among the states. */
  find(text: string): number {
    const texts = this.states.map(textOf)
    const from = texts.indexOf(text, this.durable)
    const about = `found ${text}, which is ${texts.includes(text) ? 'older than what was acknowledged' : 'no state at all'}`
    assert.ok(from >= 0, `${about}; acknowledged: ${texts[this.durable]}`)
    return from
  }
}

async function openAt(disk: SimulatedDisk, journal: JournalMode): Promise<Database> {
  usePlatform(simulatedPlatform(1, { disk }))
  return Databases.open(PATH, {
    fileSystem: disk,
    journal: { mode: journal, segmentBytes: 64 * 1024, maxDelayMicros: 3_600_000_000 },
    pageCacheBytes: 64 * 8192,
    writeBufferBytes: 1 << 20,
  })
}

export function contentsOf(db: Database): string {
  const state = new Map<string, Map<string, string>>()
  for (const family of db.columnFamilies()) {
    const entries = db.columnFamily(family).table(TABLE).range()
    state.set(family, new Map(entries.map(([key, value]): [string, string] => [key, nameOf(value)]).toArray()))
  }
  return textOf(state)
}

async function abandon(db: Database, disk: SimulatedDisk): Promise<void> {
  disk.cutPower()
  await db.close().catch((error: unknown) => assert.ok(error instanceof DatabaseError, String(error)))
}

/**
 * Opens what a cut has left and checks that it is a state of the history, that it opens twice with the same, that a second
 * cut right after the opening takes nothing, and that every page is reached or free.
 */
export async function verify(history: History, image: SimulatedDisk, { operation, image: number }: CrashPoint): Promise<void> {
  const { journal } = history
  const first = await openAt(image, journal)
  const text = contentsOf(first)
  const found = history.find(text)
  const disk = image.crash(new SeededRandom(operation + number), { mode: number % 2 === 0 ? 'none' : 'random' })
  await abandon(first, image)
  const second = await openAt(disk, journal)
  assert.equal(contentsOf(second), text, 'a second cut right after the opening takes nothing that was read')
  await second.columnFamily('after').table(TABLE).put('after', fill(10, 1))
  await second.close()
  checkPages(disk, PATH)
  const third = await openAt(disk, journal)
  await third.dropColumnFamily('after')
  assert.equal(contentsOf(third), text)
  await third.close()
  assert.ok(found <= history.states.length)
}

export interface CrashTestOptions {
  readonly seed: number
  readonly imagesPerOperation: number
  /** Every so many operations are cut; by default all. */
  readonly disk?: () => Promise<SimulatedDisk>
}

/** Runs the script with the power cut in every operation. Returns how many states were verified. */
export async function crashTest(
  journal: JournalMode,
  script: (history: History) => Promise<void>,
  options: CrashTestOptions,
): Promise<number> {
  let history: History | undefined
  return crashEverywhere(
    async disk => {
      history = new History(disk, journal)
      try {
        await history.open()
        await script(history)
        if (disk.powered) await history.settle('close')
      } finally {
        if (!disk.powered) await history.db?.close().catch(() => {})
      }
    },
    (image, point) => verify(history!, image, point),
    { seed: options.seed, imagesPerOperation: options.imagesPerOperation, tornSectors: true },
  )
}

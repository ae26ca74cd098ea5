import assert from 'node:assert/strict'
import type { Bytes, Database, Durability, JournalMode } from '../../src/index.ts'
import { Database as Databases, DatabaseError, bytes, table, utf8 } from '../../src/index.ts'
import { usePlatform } from '../../src/api/database.ts'
import { crashEverywhere } from '../../src/platform/simulated/crash-points.ts'
import type { CrashPoint } from '../../src/platform/simulated/crash-points.ts'
import { SimulatedDisk } from '../../src/platform/simulated/disk.ts'
import type { SimulatedDiskOptions } from '../../src/platform/simulated/disk.ts'
import { SeededRandom } from '../../src/platform/simulated/random.ts'
import { simulatedPlatform } from '../../src/platform/simulated/simulated-platform.ts'
import { fill, PATH } from '../support/open.ts'
import { checkPages, damageNewerSlot } from '../support/pages.ts'

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
  return families
    .map(([family, entries]) => `${family}{${[...entries].sort(([a], [b]) => (a < b ? -1 : 1)).join(' ')}}`)
    .join('')
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

  /** `before`: the history of a database that the disk already holds. */
  constructor(disk: SimulatedDisk, journal: JournalMode, before?: History) {
    this.disk = disk
    this.journal = journal
    if (before === undefined) return
    this.states.splice(0, 1, ...before.states)
    this.durable = before.durable
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
    if (this.journal !== 'off') this.#acknowledged(state)
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

  families(): string[] {
    return [...this.states.at(-1)!.keys()]
  }

  /** Resolves when the body of the last commit has run or waits for a lock: the next one comes behind it. */
  async lastIsBegun(): Promise<void> {
    for (let i = 0; i < 12; i++) await Promise.resolve()
  }

  /** The end after a power cut, whatever it says. */
  async close(): Promise<void> {
    await abandon(this.db, this.disk)
  }

  async reopen(): Promise<void> {
    await this.settle('close')
    await this.open()
  }

  /** What was found is from now on all that there has been. */
  goOnFrom(found: number): void {
    this.states.splice(0, this.states.length, this.states[found]!)
    this.durable = 0
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

/** Every opening has chance of its own, as epochs of the log must differ, and the same in each run of a script. */
let openings = 0

async function openAt(disk: SimulatedDisk, journal: JournalMode): Promise<Database> {
  usePlatform(simulatedPlatform(++openings, { disk }))
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

async function abandon(db: Database | undefined, disk: SimulatedDisk): Promise<void> {
  disk.cutPower()
  await db?.close().catch((error: unknown) => assert.ok(error instanceof DatabaseError, String(error)))
}

/** Whatever the newer header slot says, the older one and the log that is kept for it say no less. */
async function verifyWithoutNewerSlot(history: History, image: SimulatedDisk): Promise<void> {
  if (!damageNewerSlot(image)) return
  const db = await openAt(image, history.journal)
  // Without a log the older state is all there is.
  if (history.journal !== 'off') history.find(contentsOf(db))
  await db.close()
  checkPages(image, PATH)
}

/**
 * Opens what a cut has left and checks that it is a state of the history, that it opens twice with the same, that a second
 * cut right after the opening takes nothing, and that every page is reached or free.
 */
export async function verify(
  history: History,
  image: SimulatedDisk,
  { operation, image: number }: CrashPoint,
): Promise<void> {
  const { journal } = history
  await verifyWithoutNewerSlot(history, image.crash(new SeededRandom(operation), { mode: 'all' }))
  const first = await openAt(image, journal)
  const text = contentsOf(first)
  history.find(text)
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
}

/** What goes through the I/O threads takes a turn, in which more is appended to the log. */
export const SLOW: SimulatedDiskOptions = { schedule: operation => void setImmediate(operation) }

export interface CrashTestOptions {
  readonly seed: number
  readonly imagesPerOperation: number
  /** One of so many images is verified. */
  readonly every: number
  /** The disk that each run begins with, and what may be found on it. */
  readonly prepared?: History
}

/** A database whose power has been cut, with all that was written on its disk: opening it replays the log. */
export async function uncleanHistory(
  journal: JournalMode,
  script: (history: History) => Promise<void>,
): Promise<History> {
  const history = new History(new SimulatedDisk(), journal)
  await history.open()
  await script(history)
  await abandon(history.db, history.disk)
  return history
}

/** Runs the script with the power cut in every operation. Returns how many states were verified. */
export async function crashTest(
  journal: JournalMode,
  script: (history: History) => Promise<void>,
  options: CrashTestOptions,
): Promise<number> {
  const { seed, imagesPerOperation, every, prepared } = options
  let history: History | undefined
  let verified = 0
  await crashEverywhere(
    async disk => {
      openings = 0
      history = new History(disk, journal, prepared)
      try {
        await history.open()
        await script(history)
        if (disk.powered) await history.settle('close')
      } finally {
        if (!disk.powered) await history.db?.close().catch(() => {})
      }
    },
    async (image, point) => {
      if ((point.operation + point.image) % every !== 0) return
      await verify(history!, image, point)
      verified++
    },
    {
      seed,
      imagesPerOperation,
      tornSectors: true,
      disk: () => prepared?.disk.crash(new SeededRandom(seed), { mode: 'all' }, SLOW) ?? new SimulatedDisk(SLOW),
    },
  )
  return verified
}

import assert from 'node:assert/strict'
import type { Database, JournalMode } from '../../src/index.ts'
import { DatabaseError } from '../../src/index.ts'
import type { SimulatedDisk } from '../../src/platform/simulated/disk.ts'
import type { SeededRandom } from '../../src/platform/simulated/random.ts'
import type { CrashMode } from '../../src/platform/simulated/survival.ts'
import { PATH } from '../support/open.ts'
import { checkPages, damageNewerSlot } from '../support/pages.ts'
import { contentsOf, DEFINITIONS } from './contents.ts'
import type { Ledger, Moment } from './ledger.ts'
import { openNow } from './opening.ts'

/** What a power cut in one operation may leave. */
export interface Image {
  readonly disk: SimulatedDisk
  readonly moment: Moment
  readonly operation: number
  readonly mode: CrashMode
}

/** What an opening found. */
export interface Found {
  readonly sequence: number
  readonly text: string
}

/** Errors that tell of damage. */
const DAMAGE: ReadonlySet<string> = new Set(['MANIFOLD_CORRUPTION', 'MANIFOLD_LOG_MISSING', 'MANIFOLD_NOT_A_DATABASE'])

/** One image in so many is looked at more closely; the numbers are odd so that they meet all modes. */
const GOES_ON_ONE_IN = 15
const SLOT_LOST_ONE_IN = 9
const RECOVERY_CUT_ONE_IN = 61
/** Cuts inside recoveries of recoveries. */
const DEPTH_MAX = 2

/** Opens images and holds what it finds against the oracle. */
export class Checker {
  /** Images opened and found to be right. */
  checked = 0
  readonly #journal: JournalMode
  readonly #random: SeededRandom
  #openings = 1_000_000
  #images = 0

  constructor(journal: JournalMode, random: SeededRandom) {
    this.#journal = journal
    this.#random = random
  }

  /**
   * The oracle of a power cut: the state is the one behind some commit, within the bounds of the moment; a second cut right
   * after the opening takes nothing of it, and a second opening finds the same; every page is reached or free. Without a log
   * the older header slot is an older state.
   */
  async check(image: Image, ledger: Ledger, slotsAgree: boolean): Promise<Found> {
    const number = this.#images++
    try {
      const [lowest, highest] = ledger.bounds(image.moment)
      const found = await this.#first(image.disk.crash(this.#random, { mode: 'all' }))
      this.#compare(found, ledger, lowest, highest)
      if (number % RECOVERY_CUT_ONE_IN === 0) await this.#cutRecovery(image.disk, found, 1)
      if (number % GOES_ON_ONE_IN === 0) await this.#goOn(image.disk.crash(this.#random, { mode: 'all' }), found)
      if (number % SLOT_LOST_ONE_IN === 0 && slotsAgree)
        await this.#withoutNewerSlot(image.disk.crash(this.#random, { mode: 'all' }), found)
      return found
    } catch (error) {
      throw failure(error, `power cut in operation ${image.operation} (${image.mode})`)
    }
  }

  /** The oracle of damage: a state behind some commit of the life, not before `lowest`, or an error that tells of damage. */
  async checkDamaged(image: Image, ledger: Ledger, lowest: number): Promise<Found | undefined> {
    try {
      const [, highest] = ledger.bounds(image.moment)
      const db = await this.#open(image.disk.crash(this.#random, { mode: 'all' }))
      const found = look(db)
      this.#compare(found, ledger, Math.min(lowest, highest), highest)
      return found
    } catch (error) {
      if (error instanceof DatabaseError && DAMAGE.has(error.code)) {
        this.checked++
        return undefined
      }
      throw failure(error, `damage, power cut in operation ${image.operation} (${image.mode})`)
    }
  }

  /** The process has ended and the machine goes on: nothing that was acknowledged is lost, nor by a power cut after the next opening. */
  async checkProcessEnd(disk: SimulatedDisk, ledger: Ledger, lowest: number): Promise<Found> {
    try {
      const found = await this.#first(disk)
      this.#compare(found, ledger, lowest, ledger.last)
      return found
    } catch (error) {
      throw failure(error, 'end of the process')
    }
  }

  #compare(found: Found, ledger: Ledger, lowest: number, highest: number): void {
    const { sequence, text } = found
    const range = `acknowledged ${lowest}, asked for ${highest}`
    assert.ok(sequence >= lowest, `commit ${sequence} is the last one found, older than one acknowledged: ${range}`)
    assert.ok(sequence <= highest, `commit ${sequence} was found, which nobody asked for: ${range}`)
    assert.equal(text, ledger.textAt(sequence), `the state is that behind commit ${sequence}`)
    this.checked++
  }

  /** Opens the disk, which it uses up, and what a power cut right after that leaves. */
  async #first(disk: SimulatedDisk): Promise<Found> {
    const found = look(await this.#open(disk))
    const second = disk.crash(this.#random, { mode: this.#random.chance(0.5) ? 'none' : 'random', tornSectors: true })
    checkPages(second, PATH)
    await this.#findSame(second, found)
    return found
  }

  async #findSame(disk: SimulatedDisk, found: Found): Promise<Database> {
    const db = await this.#open(disk)
    assert.deepEqual(look(db), found, 'a second opening finds the same')
    this.checked++
    return db
  }

  /** Cuts the power in every operation of an opening, and in every one of an opening of what that leaves. */
  async #cutRecovery(before: SimulatedDisk, found: Found, depth: number): Promise<void> {
    const disk = before.crash(this.#random, { mode: 'all' })
    const images: SimulatedDisk[] = []
    disk.onMidway = () => {
      const mode = this.#random.chance(0.25) ? 'none' : 'random'
      images.push(disk.crash(this.#random, { mode, tornSectors: true }))
    }
    await this.#findSame(disk, found)
    disk.onMidway = undefined
    for (const image of images) await this.#findSame(image.crash(this.#random, { mode: 'all' }), found)
    if (depth < DEPTH_MAX && images.length > 0)
      await this.#cutRecovery(images[this.#random.below(images.length)]!, found, depth + 1)
  }

  /** The database is not only there, it works: it is written to, verified, closed, and opened again. */
  async #goOn(disk: SimulatedDisk, found: Found): Promise<void> {
    const db = await this.#findSame(disk, found)
    await db.columnFamily('after').table(DEFINITIONS['t']!).put('key', 'value')
    // The cut may have torn a header slot, which the next checkpoint writes anew.
    await db.checkpoint()
    const { ok, problems } = await db.verify()
    assert.ok(ok, `verify: ${problems.map(({ error }) => error.message).join('; ')}`)
    await db.close()
    checkPages(disk, PATH)
    const again = await this.#open(disk)
    assert.equal(again.columnFamily('after').table(DEFINITIONS['t']!).get('key'), 'value')
    await again.dropColumnFamily('after')
    assert.equal(contentsOf(again), found.text, 'what was found is still there after a clean close')
    await again.close()
  }

  /** Whatever the newer header slot says, the older one and the log that is kept for it say no less. */
  async #withoutNewerSlot(disk: SimulatedDisk, found: Found): Promise<void> {
    if (damageNewerSlot(disk)) await this.#findSame(disk, found)
  }

  #open(disk: SimulatedDisk): Promise<Database> {
    return openNow(disk, this.#journal, this.#openings++)
  }
}

function look(db: Database): Found {
  const snapshot = db.snapshot()
  const { sequence } = snapshot
  snapshot.close()
  return { sequence, text: contentsOf(db) }
}

function failure(error: unknown, where: string): Error {
  return new Error(`${where}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
}

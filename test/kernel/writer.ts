import type { Database, FamiliesTransaction } from '../../src/index.ts'
import { DatabaseError } from '../../src/index.ts'
import { SeededRandom } from '../../src/platform/simulated/random.ts'
import { fill } from '../support/open.ts'
import { stepsOf } from './model.ts'
import type { Step } from './plan.ts'
import { LANES, PROGRESS, stepOf, TABLES } from './plan.ts'
import type { Report } from './report.ts'

export interface WriterReport extends Report {
  /** Throws what is no error of the database. */
  failed(error: unknown): void
}

export interface WriterOptions {
  readonly seed: number
  /** Steps of one lane that may be under way at once. */
  readonly depth: number
  /** How often a step is tried again that has failed and poisoned nothing; only with a depth of 1. */
  readonly patience: number
}

/** The last steps, by lane, of which something is known, and the highest sequence. */
interface Marks {
  readonly steps: number[]
  sequence: number
}

function mark(marks: Marks, lane: number, step: number, sequence: number): void {
  marks.steps[lane] = Math.max(marks.steps[lane]!, step)
  marks.sequence = Math.max(marks.sequence, sequence)
}

const PAUSE_MILLIS = 2

/** Lasting errors: a step that fails with one of these will fail again. */
const FINAL: ReadonlySet<string> = new Set(['MANIFOLD_POISONED', 'MANIFOLD_CLOSED'])

function pause(millis: number): Promise<void> {
  return new Promise(resolve => void setTimeout(resolve, millis))
}

/** Takes the steps of all lanes, from where the database is, and meanwhile now and then syncs, checkpoints and reads. */
export class Writer {
  readonly #db: Database
  readonly #options: WriterOptions
  readonly #report: WriterReport
  readonly #issued: number[]
  readonly #acknowledged: Marks
  /** Of these, what was not `none`. */
  readonly #lasting: Marks
  #stopped = false
  #failure: unknown
  #lanesLeft = 0

  /** Reports what the database holds. */
  constructor(db: Database, options: WriterOptions, report: WriterReport) {
    this.#db = db
    this.#options = options
    this.#report = report
    const snapshot = db.snapshot()
    try {
      this.#issued = stepsOf(family => snapshot.family(db.columnFamily(family)))
      this.#acknowledged = { steps: [...this.#issued], sequence: snapshot.sequence }
      this.#lasting = { steps: [...this.#issued], sequence: snapshot.sequence }
      report.opened(this.#issued, snapshot.sequence)
    } finally {
      snapshot.close()
    }
  }

  /** The lanes begin no step any more. */
  stop(): void {
    this.#stopped = true
  }

  /** Takes so many steps in each lane. Rejects, after all lanes have ended, with the first error that could not be lived with. */
  async run(steps: number): Promise<void> {
    this.#lanesLeft = LANES.length
    const lanes = Promise.all(LANES.map(lane => this.#runLane(lane, steps)))
    await Promise.all([lanes, this.#keep(lanes)])
    if (this.#failure !== undefined) throw this.#failure
  }

  async #runLane(lane: number, steps: number): Promise<void> {
    const flying = new Set<Promise<void>>()
    for (let taken = 0; taken < steps && !this.#stopped; taken++) {
      const step = ++this.#issued[lane]!
      const flight: Promise<void> = this.#take(lane, step, flying.size === 0)
        .catch((error: unknown) => this.#fail(error))
        .finally(() => flying.delete(flight))
      flying.add(flight)
      if (flying.size >= this.#options.depth) await Promise.race(flying)
    }
    await Promise.all(flying)
    this.#lanesLeft--
  }

  #fail(error: unknown): void {
    this.#failure ??= error
    this.#stopped = true
  }

  async #take(lane: number, number: number, isAlone: boolean): Promise<void> {
    const step = stepOf(this.#options.seed, lane, number)
    this.#report.issued(lane, number)
    for (let attempt = 0; ; attempt++) {
      try {
        // A blocking write would overtake a step of its lane that still waits for a lock or for memory.
        const isBlocking = step.blocking && isAlone
        const sequence = isBlocking
          ? await this.#commitSync(lane, number, step)
          : await this.#commit(lane, number, step)
        mark(this.#acknowledged, lane, number, sequence)
        if (step.durability !== 'none') mark(this.#lasting, lane, number, sequence)
        this.#report.acknowledged(lane, number, sequence, step.durability === 'immediate')
        return
      } catch (error) {
        if (!(error instanceof DatabaseError) || FINAL.has(error.code) || attempt >= this.#options.patience) throw error
        this.#report.failed(error)
        await pause(PAUSE_MILLIS)
      }
    }
  }

  async #commit(lane: number, number: number, step: Step): Promise<number> {
    const { durability } = step
    const families = [...step.families.keys()].map(name => this.#db.columnFamily(name))
    const transaction = await this.#db.beginWrite(families, { durability })
    try {
      this.#write(transaction, lane, number, step)
    } catch (error) {
      transaction.abort()
      throw error
    }
    const commit = await transaction.commit()
    if (durability === 'eventual' && number % 8 === 0) {
      commit.durable.then(
        () => this.#report.durable(lane, number, commit.sequence),
        (error: unknown) => this.#report.failed(error),
      )
    }
    return commit.sequence
  }

  /** Blocking, where nobody holds the locks. Its sequence is not known. */
  async #commitSync(lane: number, number: number, step: Step): Promise<number> {
    const families = [...step.families.keys()].map(name => this.#db.columnFamily(name))
    try {
      this.#db.writeSync(families, transaction => this.#write(transaction, lane, number, step), {
        durability: step.durability,
      })
      return 0
    } catch (error) {
      if (!(error instanceof DatabaseError) || error.code !== 'MANIFOLD_BUSY') throw error
      return this.#commit(lane, number, step)
    }
  }

  #write(transaction: FamiliesTransaction, lane: number, number: number, step: Step): void {
    for (const [name, changes] of step.families) {
      const family = transaction.family(this.#db.columnFamily(name))
      family.table(PROGRESS).put(lane, number)
      for (const change of changes) {
        const table = family.table(TABLES[change.table]!)
        if (change.kind === 'put') table.put(change.key, fill(change.length, change.fill))
        else if (change.kind === 'delete') table.delete(change.key)
        else if (change.kind === 'clear') table.clear()
        else table.deleteRange({ gte: change.gte, lt: change.lt })
      }
    }
  }

  /** Everything that is no commit, until the lanes have ended. */
  async #keep(lanes: Promise<unknown>): Promise<void> {
    const random = new SeededRandom(this.#options.seed + this.#issued[0]!)
    for (;;) {
      await Promise.race([pause(1 + random.below(8)), lanes])
      if (this.#lanesLeft === 0) return
      try {
        await this.#act(random.below(4))
      } catch (error) {
        this.#report.failed(error)
      }
    }
  }

  async #act(kind: number): Promise<void> {
    if (kind === 0) return this.checkpoint()
    if (kind === 1) return this.sync()
    const snapshot = this.#db.snapshot()
    try {
      await pause(kind)
      const steps = stepsOf(family => snapshot.family(this.#db.columnFamily(family)))
      const sum = steps.reduce((all, step) => all + step, 0)
      if (sum !== snapshot.sequence)
        throw new Error(`a snapshot of ${snapshot.sequence} commits shows ${steps.join(' ')}`)
    } finally {
      snapshot.close()
    }
  }

  /** Makes everything durable that was acknowledged before the call, and says so. */
  sync(): Promise<void> {
    return this.#durable(this.#acknowledged, this.#db.sync())
  }

  checkpoint(): Promise<void> {
    return this.#durable(this.#acknowledged, this.#db.checkpoint())
  }

  /** Writes nothing for so long, after which what was `eventual` is durable. */
  rest(millis: number): Promise<void> {
    return this.#durable(this.#lasting, pause(millis))
  }

  /** Says, once the promise resolves, that all that is marked now is durable. */
  async #durable(marks: Marks, once: Promise<void>): Promise<void> {
    const steps = [...marks.steps]
    const { sequence } = marks
    await once
    for (const lane of LANES) this.#report.durable(lane, steps[lane]!, sequence)
  }
}

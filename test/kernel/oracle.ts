import assert from 'node:assert/strict'
import { usePlatform } from '../../src/api/database.ts'
import type { ErrorCode, JournalMode } from '../../src/index.ts'
import { Database, DatabaseError } from '../../src/index.ts'
import { nodePlatform } from '../../src/platform/node/node-platform.ts'
import { figure } from '../support/figures.ts'
import { Model, stepsOf } from './model.ts'
import { LANES } from './plan.ts'
import { smallOptions } from './small-options.ts'
import type { WriterReport } from './writer.ts'

/** Without a merge thread, whose start would be most of the cost of a check. Children have one. */
export function withoutThreads(): void {
  usePlatform({ ...nodePlatform(), threads: undefined })
}

export function withThreads(): void {
  usePlatform(nodePlatform())
}

/** Which acknowledgements count: after the end of a process all, after a power cut those that were durable. */
export type Kept = 'acknowledged' | 'durable'

/**
 * Keeps the acknowledgements of a writer and checks a recovered database against them:
 *
 * - Each lane has come to a step from the last one acknowledged to the last one issued, and the database holds exactly what
 *   those steps leave, in all families. So a step is wholly there or wholly not.
 * - The sequence of the last commit is the number of all steps there, and not less than any acknowledged one. So the commits
 *   are a prefix of the log: were one lost and a later one kept, or one there twice, the two would differ.
 * - `verify` finds nothing.
 *
 * What was found once is there ever after.
 */
export class Oracle implements WriterReport {
  readonly #kept: Kept
  readonly #model: Model
  /** By lane: the last step that was begun, and the last one that must be found. */
  readonly #issued: number[] = LANES.map(() => 0)
  readonly #required: number[] = LANES.map(() => 0)
  #sequence = 0
  /** Steps that were acknowledged, whatever their durability. */
  acknowledgements = 0
  /** The codes of the errors that a writer in this process has met. */
  readonly failures: ErrorCode[] = []

  constructor(seed: number, kept: Kept) {
    this.#kept = kept
    this.#model = new Model(seed)
  }

  issued(lane: number, step: number): void {
    this.#issued[lane] = Math.max(this.#issued[lane]!, step)
  }

  acknowledged(lane: number, step: number, sequence: number, isDurable: boolean): void {
    this.acknowledgements++
    if (isDurable || this.#kept === 'acknowledged') this.#require(lane, step, sequence)
  }

  durable(lane: number, step: number, sequence: number): void {
    this.#require(lane, step, sequence)
  }

  /** Of a writer in this process. */
  failed(error: unknown): void {
    if (!(error instanceof DatabaseError)) throw error
    this.failures.push(error.code)
  }

  #require(lane: number, step: number, sequence: number): void {
    this.#required[lane] = Math.max(this.#required[lane]!, step)
    this.#sequence = Math.max(this.#sequence, sequence)
  }

  /** What an opening has shown to anybody. */
  opened(steps: readonly number[], sequence: number): void {
    const lost = LANES.reduce((sum, lane) => sum + Math.max(0, this.#required[lane]! - steps[lane]!), 0)
    if (lost > 0) figure('acknowledged commits lost', lost, 0)
    const about = `found ${steps.join(' ')} at ${sequence}, required ${this.#required.join(' ')} at ${this.#sequence}, issued ${this.#issued.join(' ')}`
    assert.equal(lost, 0, `acknowledged commits are lost: ${about}`)
    for (const lane of LANES) assert.ok(steps[lane]! <= this.#issued[lane]!, `more than was issued: ${about}`)
    const sum = steps.reduce((all, step) => all + step, 0)
    assert.equal(sequence, sum, `the commits are no prefix of the log: ${about}`)
    assert.ok(sequence >= this.#sequence, `the last acknowledged commits are lost: ${about}`)
    for (const lane of LANES) this.#require(lane, steps[lane]!, sequence)
  }

  async check(db: Database): Promise<void> {
    const snapshot = db.snapshot()
    try {
      const cut = (family: string) => snapshot.family(db.columnFamily(family))
      const steps = stepsOf(cut)
      this.opened(steps, snapshot.sequence)
      this.#model.check(cut, steps)
      // What was begun before and is not there will not come any more.
      for (const lane of LANES) this.#issued[lane] = steps[lane]!
    } finally {
      snapshot.close()
    }
    const { ok, problems } = await db.verify()
    assert.ok(ok, problems.map(({ error }) => error.message).join('\n'))
  }

  /** Opens, checks and closes the database. */
  async checkAt(path: string, journal: JournalMode): Promise<void> {
    const db = await Database.open(path, smallOptions(journal))
    try {
      await this.check(db)
    } finally {
      await db.close()
    }
  }
}

import type { Progress } from './progress.ts'
import type { Rival } from './rivals.ts'
import type { Scratch } from './scratch.ts'
import { summarize } from './statistics.ts'
import type { Summary } from './statistics.ts'

/** What the command line decides for every benchmark. */
export interface Context {
  readonly scratch: Scratch
  readonly progress: Progress
  /** How often each contestant runs. */
  readonly rounds: number
  /** How long one run measures at least. */
  readonly milliseconds: number
  /** Replaces a benchmark's own number of entries. */
  readonly entries: number | undefined
  /** Of a benchmark that has many rows: those to be run. */
  readonly rows: RegExp | undefined
  /** The command line, to be written beside what it measured. */
  readonly command: string
}

export type Unit = 'entries/s' | 'gets/s' | 'ms' | 's' | 'bytes' | 'times'

export interface Measured {
  readonly name: string
  readonly summary: Summary
}

/** What a row must and should reach: as a ratio to the best of the others, or as a figure of its own. */
export interface Target {
  readonly of: 'ratio' | 'figure'
  readonly must: number
  readonly aim: number
}

export interface Row {
  readonly work: string
  readonly unit: Unit
  readonly better: 'more' | 'less'
  readonly own: Measured
  readonly others: readonly Measured[]
  readonly target?: Target
}

export interface Outcome {
  readonly rows: readonly Row[]
  /** Everything compared with, or said to be missing. */
  readonly rivals: readonly Rival[]
  /** Takes the place of the table of rows on the terminal. */
  readonly text?: string
  /** Sentences that belong under the table. */
  readonly notes: readonly string[]
  /** What else the contestants said of themselves; in the JSON result only. */
  readonly details?: unknown
}

export interface Benchmark {
  readonly summary: string
  run(context: Context): Promise<Outcome>
}

export interface Contestant<T = number> {
  readonly name: string
  /** One run of at least the context's time; a number is in the row's unit. */
  run(): Promise<T>
}

/**
 * Lets all contestants run once per round, the first of a round being another one each time, so that drift of the
 * machine falls on all. The runs of each, in the contestants' order.
 */
export async function runInTurn<T>(
  context: Context,
  work: string,
  contestants: readonly Contestant<T>[],
): Promise<T[][]> {
  const runs = contestants.map((): T[] => [])
  for (let round = 0; round < context.rounds; round++) {
    for (let i = 0; i < contestants.length; i++) {
      const turn = (round + i) % contestants.length
      const contestant = contestants[turn]!
      context.progress.step(`${work}: ${contestant.name}`)
      runs[turn]!.push(await contestant.run())
    }
  }
  return runs
}

export async function alternate(
  context: Context,
  work: string,
  contestants: readonly Contestant[],
): Promise<Measured[]> {
  const runs = await runInTurn(context, work, contestants)
  return contestants.map(({ name }, i) => ({ name, summary: summarize(runs[i]!) }))
}

/** The other that is to be beaten; none where every rival is missing. */
export function bestOther(row: Row): Measured | undefined {
  const sign = row.better === 'more' ? 1 : -1
  return row.others.toSorted((a, b) => sign * (b.summary.median - a.summary.median))[0]
}

export function ratioOf(row: Row): number | undefined {
  const other = bestOther(row)
  return other === undefined ? undefined : row.own.summary.median / other.summary.median
}

export type Verdict = 'aim' | 'must' | 'short' | 'unknown' | 'reported'

export function verdictOf(row: Row): Verdict {
  if (row.target === undefined) return 'reported'
  const reached = row.target.of === 'ratio' ? ratioOf(row) : row.own.summary.median
  if (reached === undefined) return 'unknown'
  const meets = (bound: number): boolean => (row.better === 'more' ? reached >= bound : reached <= bound)
  if (meets(row.target.aim)) return 'aim'
  return meets(row.target.must) ? 'must' : 'short'
}

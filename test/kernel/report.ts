import fs from 'node:fs'
import { DatabaseError } from '../../src/index.ts'

/** What a writer says of its commits. */
export interface Report {
  /** The step is about to be asked for. */
  issued(lane: number, step: number): void
  /** The promise of the step's commit has resolved. Sequence 0: it is not known. */
  acknowledged(lane: number, step: number, sequence: number, isDurable: boolean): void
  /** The step, and all of its lane before it, are on the medium. */
  durable(lane: number, step: number, sequence: number): void
  /** How far the lanes had come in a database that was just opened. */
  opened(steps: readonly number[], sequence: number): void
}

/** The same as lines, each in one write: what was written has left the process, however it ends. */
export class LineReport implements Report {
  readonly #descriptor: number

  constructor(descriptor: number) {
    this.#descriptor = descriptor
  }

  line(...words: readonly (string | number)[]): void {
    fs.writeSync(this.#descriptor, `${words.join(' ')}\n`)
  }

  issued(lane: number, step: number): void {
    this.line('issued', lane, step)
  }

  acknowledged(lane: number, step: number, sequence: number, isDurable: boolean): void {
    this.line('acknowledged', lane, step, sequence, isDurable ? 1 : 0)
  }

  durable(lane: number, step: number, sequence: number): void {
    this.line('durable', lane, step, sequence)
  }

  opened(steps: readonly number[], sequence: number): void {
    this.line('opened', sequence, ...steps)
  }

  /** An error of the database that the writer expects and lives with. */
  failed(error: unknown): void {
    if (!(error instanceof DatabaseError)) throw error
    this.line('failed', error.code, error.message)
  }
}

/** What an error may be called where the operating system has refused something and nothing is damaged. */
const REFUSALS = /^MANIFOLD_(IO|NO_SPACE|NO_HANDLES|POISONED|PERMISSION|CLOSED|READ_ONLY|NOT_FOUND)$/

/** True if the line tells of an error that nobody may see where nothing is damaged and no other process is about. */
export function isWrongFailure(line: string): boolean {
  const [kind, code] = line.split(' ')
  return kind === 'failed' && !REFUSALS.test(code!)
}

/** Tells a report what a line says. False: the line is about something else. */
export function readLine(line: string, report: Report): boolean {
  const [kind, ...words] = line.split(' ')
  const numbers = words.map(Number)
  if (kind === 'issued') report.issued(numbers[0]!, numbers[1]!)
  else if (kind === 'acknowledged') report.acknowledged(numbers[0]!, numbers[1]!, numbers[2]!, numbers[3] === 1)
  else if (kind === 'durable') report.durable(numbers[0]!, numbers[1]!, numbers[2]!)
  else if (kind === 'opened') report.opened(numbers.slice(1), numbers[0]!)
  else return false
  return true
}

import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Task } from './child.ts'
import type { Report } from './report.ts'
import { readLine } from './report.ts'

export const PROGRAM = new URL(import.meta.url.replace('child-process.', 'child.'))

/**
 * A writer that says nothing for so many seconds hangs. They are counted one by one: where the whole machine stands still
 * for a minute, that is one second.
 */
const SILENT_SECONDS_MAX = 30

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** The program that writes, seen from outside. What it says goes to a report, as long as it lives and no longer. */
export class WritingProcess {
  readonly #child: ChildProcess
  readonly #onLine: (line: string) => void
  readonly #ended: Promise<Ended>
  #report: Report | undefined
  #rest = ''
  #silentSeconds = 0
  #over: (() => void) | undefined
  #failure: unknown
  /** Lines that were about something else than commits. */
  others: string[] = []
  errors = ''

  constructor(flags: readonly string[] = [], env: NodeJS.ProcessEnv = {}, onLine: (line: string) => void = () => {}) {
    this.#onLine = onLine
    this.#child = spawn(process.execPath, [...flags, fileURLToPath(PROGRAM)], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    })
    this.#child.stdout!.setEncoding('utf8').on('data', (text: string) => this.#read(text))
    this.#child.stderr!.setEncoding('utf8').on('data', (text: string) => (this.errors += text))
    this.#child.stdin!.on('error', () => {})
    this.#ended = once(this.#child, 'close').then(([code, signal]): Ended => {
      this.#over?.()
      return { code: code as number | null, signal: signal as NodeJS.Signals | null }
    })
  }

  get pid(): number {
    return this.#child.pid!
  }

  get isAlive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  #read(text: string): void {
    this.#silentSeconds = 0
    const lines = (this.#rest + text).split('\n')
    this.#rest = lines.pop()!
    for (const line of lines) {
      this.#onLine(line)
      try {
        if (line === 'done' || line === 'ready') this.#over?.()
        else if (this.#report === undefined || !readLine(line, this.#report)) this.others.push(line)
      } catch (error) {
        this.#failure ??= error
      }
    }
  }

  /** Resolves when the program is ready for a first task. */
  ready(): Promise<void> {
    return this.#wait()
  }

  /** Resolves when the task is done, or when the process has ended. Rejects where the report did not agree. */
  async perform(task: Task, report: Report): Promise<void> {
    this.#report = report
    const over = this.#wait()
    this.#child.stdin!.write(`${JSON.stringify(task)}\n`)
    await over
    if (this.#failure !== undefined) throw this.#failure
  }

  async #wait(): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    this.#silentSeconds = 0
    const hangs = new Promise<void>((_, reject) => {
      timer = setInterval(() => {
        if (++this.#silentSeconds < SILENT_SECONDS_MAX) return
        reject(new Error(`the writer hangs; it said ${this.others.join('; ')}`))
      }, 1000)
    })
    try {
      await Promise.race([new Promise<void>(resolve => (this.#over = resolve)), this.#ended, hangs])
    } finally {
      clearInterval(timer)
    }
  }

  kill(): void {
    this.#child.kill('SIGKILL')
  }

  /** Lets the process end, after the task under way, and resolves with how it has ended. */
  async end(): Promise<Ended> {
    this.#child.stdin!.end()
    return this.#ended
  }
}

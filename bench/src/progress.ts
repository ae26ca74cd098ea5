import { SingleBar } from 'cli-progress'

/** One line on the terminal that says what runs now; silent where standard error is no terminal. */
export class Progress {
  readonly #bar: SingleBar
  #started = false

  constructor() {
    this.#bar = new SingleBar({
      format: ' {bar} {percentage}% · {step}',
      stream: process.stderr,
      barsize: 28,
      hideCursor: true,
      clearOnComplete: true,
      stopOnComplete: false,
    })
  }

  start(steps: number): void {
    this.#bar.start(steps, 0, { step: '' })
    this.#started = true
  }

  /** Names what begins now and counts the step before it as done. */
  step(name: string): void {
    this.#bar.update({ step: name })
    this.#bar.increment(1)
  }

  /** A position between steps. */
  at(done: number, name: string): void {
    this.#bar.update(done, { step: name })
  }

  stop(): void {
    if (this.#started) this.#bar.stop()
    this.#started = false
  }
}

interface Waiting {
  readonly alone: boolean
  readonly enter: () => void
}

/** Lets many in together, or one alone. Whoever waits to be alone is not overtaken. */
export class Gate {
  #inside = 0
  #isAlone = false
  readonly #waiting: Waiting[] = []

  /** To be followed by `leave`. */
  enter(): Promise<void> {
    return this.#wait(false)
  }

  leave(): void {
    this.#inside--
    this.#isAlone = false
    this.#admit()
  }

  async alone<R>(body: () => Promise<R>): Promise<R> {
    await this.#wait(true)
    try {
      return await body()
    } finally {
      this.leave()
    }
  }

  #wait(alone: boolean): Promise<void> {
    return new Promise(enter => {
      this.#waiting.push({ alone, enter })
      this.#admit()
    })
  }

  #admit(): void {
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      if (this.#isAlone || (first.alone && this.#inside > 0)) return
      this.#waiting.shift()
      this.#inside++
      this.#isAlone = first.alone
      first.enter()
    }
  }
}

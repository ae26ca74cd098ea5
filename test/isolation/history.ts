/**
 * What was done to a database and what it answered. A *slot* is one key of one family; a *version* is what a write put
 * there: a number that no other write of the history has, 0 where there is nothing. Times count the events of the history.
 */
export type Step =
  | { readonly do: 'read'; readonly slot: number; readonly version: number }
  | { readonly do: 'write'; readonly slot: number; readonly version: number }
  | { readonly do: 'savepoint' }
  /** Takes back what was written since the savepoint of that number, from 0 on. */
  | { readonly do: 'rollback'; readonly to: number }
  /** A renaming: all slots of one family become those of another. */
  | { readonly do: 'move'; readonly from: number; readonly to: number }

/**
 * `aborted`: nothing of it may ever be seen. `failed`: it was on its way when the log failed or the power was cut, so it may
 * be found after the next opening, but not before.
 */
export type Outcome = 'pending' | 'committed' | 'aborted' | 'failed'

export interface Transaction {
  readonly id: number
  readonly what: string
  readonly kind: 'write' | 'read'
  readonly begun: number
  ended: number
  outcome: Outcome
  readonly steps: Step[]
  /** Its place in the one order of commits, once the log has given it one. */
  sequence: number | undefined
  /** The versions that its record in the log puts, in their order. */
  logged: readonly number[] | undefined
  /** For a reader: the sequence of the last commit that it says it sees. */
  cut: number | undefined
}

/** What a disk had kept that lost its power while the database was open, as an opening finds it. */
export interface Image {
  readonly what: string
  /** The sequence that the opened database names. */
  readonly cut: number
  /** What must not be missing: the last commit that was acknowledged as durable, or that readers saw and that asked for it. */
  readonly durable: number
  /** The last commit that was asked for. */
  readonly appended: number
  readonly versions: ReadonlyMap<number, number>
}

export class History {
  readonly keysPerFamily: number
  readonly families: readonly string[]
  readonly transactions: Transaction[] = []
  readonly images: Image[] = []
  /** By version: who wrote it. */
  readonly writers: (Transaction | undefined)[] = [undefined]
  /** Calls that read or change something, and entries that an iterator has given. */
  operations = 0
  #now = 0

  constructor(families: readonly string[], keysPerFamily: number) {
    this.families = families
    this.keysPerFamily = keysPerFamily
  }

  get now(): number {
    return this.#now
  }

  slot(family: number, key: number): number {
    return family * this.keysPerFamily + key
  }

  slotName(slot: number): string {
    return `${this.families[Math.floor(slot / this.keysPerFamily)]}/${slot % this.keysPerFamily}`
  }

  begin(kind: 'write' | 'read', what: string): Transaction {
    const transaction: Transaction = {
      id: this.transactions.length,
      what,
      kind,
      begun: ++this.#now,
      ended: Infinity,
      outcome: 'pending',
      steps: [],
      sequence: undefined,
      logged: undefined,
      cut: undefined,
    }
    this.transactions.push(transaction)
    return transaction
  }

  /** Notes how the transaction ended. One that failed has no end that others could rely on. */
  end(transaction: Transaction, outcome: Outcome): void {
    this.#now++
    transaction.outcome = outcome
    if (outcome !== 'failed') transaction.ended = this.#now
  }

  read(transaction: Transaction, slot: number, version: number): void {
    transaction.steps.push({ do: 'read', slot, version })
  }

  /** A version for the write that comes next. */
  newVersion(transaction: Transaction): number {
    return this.writers.push(transaction) - 1
  }

  write(transaction: Transaction, slot: number, version: number): void {
    transaction.steps.push({ do: 'write', slot, version })
  }

  step(transaction: Transaction, step: Step): void {
    transaction.steps.push(step)
  }
}

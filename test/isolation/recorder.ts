import type { Bytes, Database, Durability, ReadTable } from '../../src/index.ts'
import { bytes, DatabaseError, table, uint } from '../../src/index.ts'
import type { NumberedCommit } from './commit-observer.ts'
import type { Image, Outcome, Step, Transaction } from './history.ts'
import { History } from './history.ts'

export const FAMILIES = ['a', 'b', 'c', 'd'] as const
export const KEYS = 24
export const CELLS = table('cells', { key: uint, value: bytes })

/** Thrown by bodies that take everything back. */
export const CHANGED_MIND = new Error('changed my mind')

/** Refusals after which nothing has happened. */
const REFUSALS = new Set([
  'MANIFOLD_ABORTED',
  'MANIFOLD_BUSY',
  'MANIFOLD_FAMILY_EXISTS',
  'MANIFOLD_KEY_EXISTS',
  'MANIFOLD_NESTED_WRITE',
  'MANIFOLD_NO_SPACE',
  'MANIFOLD_NO_SUCH_FAMILY',
  'MANIFOLD_NO_SUCH_TABLE',
])
/** The end of the log, after which nothing is known. */
const ENDS = new Set(['MANIFOLD_CLOSED', 'MANIFOLD_IO', 'MANIFOLD_POISONED'])

/** A value that says which version it is, in its first word; the rest can be told from it. */
export function valueOf(version: number, length: number): Bytes {
  const value = new Uint8Array(Math.max(4, length)).fill(version & 0xff)
  new DataView(value.buffer).setUint32(0, version, true)
  return value
}

/** The version that a value is of; a number that no version has for a value that was damaged. */
export function versionOf(value: Uint8Array | undefined): number {
  if (value === undefined) return 0
  const version = value[0]! | (value[1]! << 8) | (value[2]! << 16) | (value[3]! << 24)
  const isWhole = value.length === 4 || (value[4] === (version & 0xff) && value.at(-1) === (version & 0xff))
  return isWhole ? version : -1
}

/** Writes down what is done to one database, what it answers, and what must survive. */
export class Recorder {
  readonly history: History = new History(FAMILIES, KEYS)
  /** The log has failed. */
  isBroken = false
  /** The last commit that is known to be durable. */
  durable = 0
  #appended = 0
  /** Commits that asked to be durable before they are seen, in order. */
  readonly #immediate: number[] = []
  /** Transactions without a value, by what they do, until their commit has been numbered. */
  readonly #unnumbered: Map<string, Transaction[]> = new Map()

  /** To be told of each commit. */
  readonly numbered = ({ sequence, isImmediate, puts, others }: NumberedCommit): void => {
    this.#appended = sequence
    if (isImmediate) this.#immediate.push(sequence)
    const transaction = puts.length > 0 ? this.history.writers[puts[0]!] : this.#unnumbered.get(others[0]!)?.shift()
    if (transaction === undefined) throw new Error(`commit ${sequence} is nobody's: ${others.join()}`)
    if (transaction.sequence !== undefined) throw new Error(`${transaction.what} was numbered twice`)
    transaction.sequence = sequence
    transaction.logged = puts
  }

  /**
   * A write, whatever becomes of it. `signature` says what it does, where it puts no value. Resolves when it has ended;
   * rejects only with what no write should say.
   */
  async write(
    what: string,
    durability: Durability | undefined,
    act: (transaction: Transaction) => Promise<unknown>,
    signature?: string,
  ): Promise<void> {
    const transaction = this.history.begin('write', what)
    if (signature !== undefined)
      this.#unnumbered.set(signature, [...(this.#unnumbered.get(signature) ?? []), transaction])
    let outcome: Outcome = 'committed'
    try {
      await act(transaction)
    } catch (error) {
      outcome = this.#outcomeOf(error)
    }
    if (signature !== undefined) {
      const others = this.#unnumbered.get(signature)!.filter(other => other !== transaction)
      this.#unnumbered.set(signature, others)
    }
    this.history.end(transaction, outcome)
    if (outcome === 'committed' && durability === 'immediate') this.isDurable(transaction.sequence ?? 0)
  }

  #outcomeOf(error: unknown): Outcome {
    if (error === CHANGED_MIND) return 'aborted'
    if (!(error instanceof DatabaseError)) throw error
    if (REFUSALS.has(error.code)) return 'aborted'
    if (!ENDS.has(error.code)) throw error
    this.isBroken = true
    return 'failed'
  }

  isDurable(sequence: number): void {
    this.durable = Math.max(this.durable, sequence)
  }

  /** The sequence of the last commit that a reader sees now. */
  visible(db: Database): number {
    const snapshot = db.snapshot()
    snapshot.close()
    return snapshot.sequence
  }

  /** A read that takes its cut now. What it returns may be written down later. */
  reader(what: string, cut: number | undefined): Transaction {
    const transaction = this.history.begin('read', what)
    transaction.cut = cut
    this.history.end(transaction, 'committed')
    return transaction
  }

  /** The value of a key that a read has returned. */
  get(transaction: Transaction, family: number, key: number, value: Uint8Array | undefined): void {
    this.history.operations++
    this.history.read(transaction, this.history.slot(family, key), versionOf(value))
  }

  /** The entries that a read of the keys from `from` to before `to` has returned: the other keys were not there. */
  entries(
    transaction: Transaction,
    family: number,
    from: number,
    to: number,
    entries: readonly (readonly [key: number, value: Uint8Array])[],
  ): void {
    this.history.operations += 1 + entries.length
    const found = new Map(entries)
    for (let key = from; key < to; key++)
      this.history.read(transaction, this.history.slot(family, key), versionOf(found.get(key)))
    const strange = entries.find(([key], i) => key < from || key >= to || entries.findIndex(([k]) => k === key) !== i)
    if (strange !== undefined) throw new Error(`${transaction.what} returned the key ${strange[0]} out of turn`)
  }

  /** A version that comes next, and is to be written with `put`. */
  put(transaction: Transaction, family: number, key: number): number {
    this.history.operations++
    const version = this.history.newVersion(transaction)
    this.history.write(transaction, this.history.slot(family, key), version)
    return version
  }

  /** The keys from `from` to before `to` are deleted. */
  delete(transaction: Transaction, family: number, from: number, to: number): void {
    this.history.operations++
    for (let key = from; key < to; key++) this.history.write(transaction, this.history.slot(family, key), 0)
  }

  /** A savepoint, a rollback or a renaming. */
  step(transaction: Transaction, step: Step): void {
    this.history.operations++
    this.history.step(transaction, step)
  }

  /** What must be found of a database whose power is cut now; `isLogged`: what readers see of immediate commits, too. */
  expectation(what: string, db: Database, isLogged: boolean): Omit<Image, 'cut' | 'versions'> {
    const visible = this.visible(db)
    const seen = isLogged ? (this.#immediate.findLast(sequence => sequence <= visible) ?? 0) : 0
    return { what, durable: Math.max(this.durable, seen), appended: this.#appended }
  }

  /** Everything that a database holds. */
  found(expectation: Omit<Image, 'cut' | 'versions'>, db: Database): void {
    const versions = new Map<number, number>()
    const snapshot = db.snapshot()
    for (const name of db.columnFamilies()) {
      const cells: ReadTable<number, Bytes> = snapshot.family(db.columnFamily(name)).table(CELLS)
      const family = FAMILIES.indexOf(name as (typeof FAMILIES)[number])
      for (const [key, value] of cells.range()) versions.set(this.history.slot(family, key), versionOf(value))
    }
    this.history.images.push({ ...expectation, cut: snapshot.sequence, versions })
    snapshot.close()
  }
}

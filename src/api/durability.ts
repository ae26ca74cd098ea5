import { DatabaseError } from '../base/errors.ts'
import { describe } from '../codec/refusal.ts'

/**
 * When a commit's promise resolves, and what it survives from then on.
 *
 * - `immediate`: synced and visible. Survives power loss.
 * - `eventual`: visible, handed to the operating system. Survives power loss after the journal's longest delay.
 * - `none`: visible, handed to the operating system. Survives power loss after the next sync, checkpoint or close.
 *
 * All three survive the end of the process.
 */
export type Durability = 'immediate' | 'eventual' | 'none'

export const DURABILITIES: readonly Durability[] = ['immediate', 'eventual', 'none']

/** An `AbortSignal`, structurally, so that the types need no lib that declares it. */
export interface Signal {
  readonly aborted: boolean
  readonly reason: unknown
  addEventListener(type: 'abort', listener: () => void): void
  removeEventListener(type: 'abort', listener: () => void): void
}

export interface WriteOptions {
  /** Default: the database's. */
  durability?: Durability
  /** Ends the wait for memory and for a lock, never a commit. */
  signal?: Signal
}

/** Refuses an argument or option with its name, what is allowed and what was given. */
export function refuseOption(
  name: string,
  allowed: string,
  given: unknown,
  advice: string = 'Correct it and call again.',
): never {
  throw new DatabaseError(
    'MANIFOLD_INVALID_ARGUMENT',
    `${name} must be ${allowed}, but ${describe(given)} was given. ${advice}`,
  )
}

/** Refuses what cannot be called. */
export function checkCallable(name: string, given: unknown): void {
  if (typeof given !== 'function') refuseOption(name, 'a function', given)
}

/** Refuses what `for` cannot go through. */
export function checkIterable(name: string, given: unknown): void {
  const iterable = typeof (given as Iterable<unknown> | null | undefined)?.[Symbol.iterator] === 'function'
  if (!iterable) refuseOption(name, 'iterable, such as an array', given)
}

/** Refuses what is not an entry among those of `putMany`. */
export function checkEntry(given: unknown): void {
  if (!Array.isArray(given)) refuseOption('each of entries', 'an array of a key and a value', given)
}

/** Refuses anything but an object whose properties are all among `known`. */
export function checkProperties(name: string, options: unknown, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    refuseOption(name, 'an object', options, `Its properties are ${known.join(', ')}.`)
  }
  for (const property in options) {
    if (known.includes(property)) continue
    throw new DatabaseError(
      'MANIFOLD_INVALID_ARGUMENT',
      `${name} has no property ${JSON.stringify(property)}; it takes ${known.join(', ')}. Correct the name or remove it.`,
    )
  }
}

export function checkDurability(name: string, value: unknown): void {
  if (!DURABILITIES.includes(value as Durability)) refuseOption(name, "'immediate', 'eventual' or 'none'", value)
}

export function checkSignal(name: string, value: unknown): void {
  const signal = value as Partial<Signal> | null
  const fits =
    typeof signal === 'object' &&
    signal !== null &&
    typeof signal.aborted === 'boolean' &&
    typeof signal.addEventListener === 'function' &&
    typeof signal.removeEventListener === 'function'
  if (!fits)
    refuseOption(name, 'an AbortSignal', value, 'Give the signal of an AbortController, or AbortSignal.timeout().')
}

/** What a signal that was aborted turns into; its reason becomes the cause. */
export function abortedError(signal: Signal, doing: string): DatabaseError {
  const message = `The signal was aborted before ${doing}. Nothing was changed; the call may be repeated.`
  return new DatabaseError('MANIFOLD_ABORTED', message, { cause: signal.reason })
}

export interface ResolvedWriteOptions {
  readonly durability: Durability
  readonly signal: Signal | undefined
}

const WRITE_OPTIONS = ['durability', 'signal']

/** Write options with the defaults filled in. `fallback` is returned as it is where no options are given. */
export function resolveWriteOptions(
  options: WriteOptions | undefined,
  fallback: ResolvedWriteOptions,
): ResolvedWriteOptions {
  if (options === undefined) return fallback
  checkProperties('options', options, WRITE_OPTIONS)
  const { durability, signal } = options
  if (durability !== undefined) checkDurability('durability', durability)
  if (signal !== undefined) checkSignal('signal', signal)
  return { durability: durability ?? fallback.durability, signal }
}

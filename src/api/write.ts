import { DatabaseError } from '../base/errors.ts'
import type { Engine } from '../engine/engine.ts'
import type { EngineTransaction } from '../engine/engine-transaction.ts'
import type { ResolvedWriteOptions } from './durability.ts'
import { refusePromise } from './transaction-table.ts'

/** The transaction whose body runs now, in this call; asynchronous bodies are followed by the platform's context. */
let current: EngineTransaction | undefined

/** The innermost transaction in whose body this call is made. */
function around(engine: Engine): EngineTransaction | undefined {
  return current ?? (engine.context.get() as EngineTransaction | undefined)
}

/**
 * Refuses a write, outside the running body's transaction, to a family that this transaction holds: it would wait for a
 * lock that is only freed when the body has ended. Undefined: nothing to refuse.
 */
export function nestedWrite(engine: Engine, names: readonly string[]): DatabaseError | undefined {
  let shared: string | undefined
  for (let outer = around(engine); outer !== undefined && shared === undefined; outer = outer.around) {
    if (outer.isOpen && engine.owns(outer)) shared = names.find(name => outer.names.includes(name))
  }
  if (shared === undefined) return undefined
  return new DatabaseError(
    'MANIFOLD_NESTED_WRITE',
    `The transaction whose body is running holds the column family '${shared}', so a write to it from inside the body must go through the ` +
      "body's own transaction: use txn.table(...) or txn.family(...).",
  )
}

/** The transaction, at once where nothing has to be waited for. Takes its place in line before it returns. */
export function begin(
  engine: Engine,
  names: readonly string[],
  options: ResolvedWriteOptions,
): EngineTransaction | Promise<EngineTransaction> {
  const nested = nestedWrite(engine, names)
  if (nested !== undefined) throw nested
  return engine.beginNow(names, options.signal) ?? engine.begin(names, options.signal)
}

function isAsyncFunction(body: (argument: never) => unknown): boolean {
  return (body as { [Symbol.toStringTag]?: string })[Symbol.toStringTag] === 'AsyncFunction'
}

/**
 * Runs the body so that writes nested in it can be told. Only functions declared `async` are followed beyond their first
 * await: following everything costs each promise of the process some 100 ns (AsyncLocalStorage).
 */
function run<T, R>(engine: Engine, transaction: EngineTransaction, body: (argument: T) => R, argument: T): R {
  const outer = current
  transaction.setAround(around(engine))
  current = transaction
  try {
    return isAsyncFunction(body as (argument: never) => unknown)
      ? engine.context.run(transaction, () => body(argument))
      : body(argument)
  } finally {
    current = outer
  }
}

/** One transaction around a body: begun, run, committed; aborted where the body throws or rejects. */
export async function write<T, R>(
  engine: Engine,
  names: readonly string[],
  make: (transaction: EngineTransaction) => T,
  body: (argument: T) => R,
  options: ResolvedWriteOptions,
): Promise<Awaited<R>> {
  const begun = begin(engine, names, options)
  // Awaiting also a transaction that is there at once keeps the promise that no body starts before `write` has returned.
  const transaction = await begun
  let result: Awaited<R>
  try {
    const returned = run(engine, transaction, body, make(transaction))
    result = isThenable(returned) ? await returned : (returned as Awaited<R>)
  } catch (error) {
    await transaction.abort()
    throw error
  }
  if (!transaction.isOpen) throw abortedByClose()
  return transaction.commit(options.durability, () => result)
}

/** The same on the caller's thread. */
export function writeSync<T, R>(
  engine: Engine,
  names: readonly string[],
  make: (transaction: EngineTransaction) => T,
  body: (argument: T) => R,
  options: ResolvedWriteOptions,
): R {
  const nested = nestedWrite(engine, names)
  if (nested !== undefined) throw nested
  const transaction = engine.beginSync(names)
  let result: R
  try {
    result = run(engine, transaction, body, make(transaction))
    refusePromise(result, 'writeSync')
  } catch (error) {
    transaction.abort()?.catch(() => {})
    // What the body says by throwing may rest on what it has read, and that must be as durable as its writer asked for.
    transaction.settleReadsSync()
    throw error
  }
  if (!transaction.isOpen) throw abortedByClose()
  engine.commitSync(transaction, options.durability)
  return result
}

function abortedByClose(): DatabaseError {
  return new DatabaseError('MANIFOLD_CLOSED', 'The database was closed while the transaction was open: it was aborted.')
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
}

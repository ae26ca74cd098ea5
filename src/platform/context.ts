/**
 * A value that follows a call through everything it awaits, as AsyncLocalStorage does: how a write inside a transaction's
 * asynchronous body is told from one that merely happens at the same time.
 */
export interface Context {
  run<R>(value: object, body: () => R): R
  get(): object | undefined
}

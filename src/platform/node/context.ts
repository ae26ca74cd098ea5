import { AsyncLocalStorage } from 'node:async_hooks'
import type { Context } from '../context.ts'

/** A context of its own: values set in one are not seen in another. */
export function nodeContext(): Context {
  const storage = new AsyncLocalStorage<object>()
  return {
    run: (value, body) => storage.run(value, body),
    get: () => storage.getStore(),
  }
}

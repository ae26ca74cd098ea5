import assert from 'node:assert/strict'
import type { ErrorCode } from '../../src/index.ts'
import { DatabaseError } from '../../src/index.ts'

/**
 * Checks that an error is ours, has the code, and says in whole sentences what was wrong and, by `advice`, what to do.
 */
export function checkRefusal(error: unknown, code: ErrorCode, advice: RegExp): DatabaseError {
  assert.ok(error instanceof DatabaseError, `not a DatabaseError: ${String(error)}`)
  assert.equal(error.code, code, error.message)
  assert.match(error.message, advice)
  assert.match(error.message, /^\S.*\.$/s, 'a message ends with its sentence')
  assert.equal(error.name, 'DatabaseError')
  return error
}

/** The refusal that a call throws. */
export function refuses(act: () => unknown, code: ErrorCode, advice: RegExp): DatabaseError {
  try {
    act()
  } catch (error) {
    return checkRefusal(error, code, advice)
  }
  throw new assert.AssertionError({ message: `nothing was thrown, but ${code} was expected` })
}

/** The refusal that a promise rejects with. A call that throws instead fails here, since a promise's method never throws. */
export async function rejects(promise: Promise<unknown>, code: ErrorCode, advice: RegExp): Promise<DatabaseError> {
  try {
    await promise
  } catch (error) {
    return checkRefusal(error, code, advice)
  }
  throw new assert.AssertionError({ message: `the promise resolved, but ${code} was expected` })
}

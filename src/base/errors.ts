/** Every code a `DatabaseError` can carry. The set is closed: a new code is a minor version, a removed one a major version. */
export type ErrorCode =
  /** A file is damaged. `file`, `offset`, `expected` and `found` say where and how. */
  | 'MANIFOLD_CORRUPTION'
  /** Another process, or another open in this one, holds the database. */
  | 'MANIFOLD_LOCKED'
  /** An earlier write or sync of the log failed: no more writes until the database is reopened. Reads go on. */
  | 'MANIFOLD_POISONED'
  /** The disk is full. Nothing was written; the call may be repeated when there is space. */
  | 'MANIFOLD_NO_SPACE'
  /** The database, transaction, snapshot or iterator has ended. */
  | 'MANIFOLD_CLOSED'
  /** A synchronous write would have to wait for a lock or for memory that only this thread can free. */
  | 'MANIFOLD_BUSY'
  /** A write outside the transaction to a family that the running transaction body holds. */
  | 'MANIFOLD_NESTED_WRITE'
  /** `insert` found the key present. */
  | 'MANIFOLD_KEY_EXISTS'
  /** An encoded key is longer than the limit. */
  | 'MANIFOLD_KEY_TOO_LARGE'
  /** An encoded value is longer than the limit. */
  | 'MANIFOLD_VALUE_TOO_LARGE'
  /** One transaction holds more bytes than the limit. It was aborted. */
  | 'MANIFOLD_TRANSACTION_TOO_LARGE'
  /** A key is not of the table's key type, or not in its domain. */
  | 'MANIFOLD_INVALID_KEY'
  /** A value is not of the table's value type, or not in its domain. */
  | 'MANIFOLD_INVALID_VALUE'
  /** An argument or option is of the wrong type or out of range. */
  | 'MANIFOLD_INVALID_ARGUMENT'
  /** The table exists with another codec or of another kind. */
  | 'MANIFOLD_TABLE_MISMATCH'
  /** The file was written by a newer version of Manifold. */
  | 'MANIFOLD_VERSION'
  /** A write to a database that is open for reading only, or a file or directory that may not be written. */
  | 'MANIFOLD_READ_ONLY'
  /** The file is not a Manifold database. */
  | 'MANIFOLD_NOT_A_DATABASE'
  /** There is no database at the path and `createIfMissing` is false. */
  | 'MANIFOLD_NOT_FOUND'
  /** There is a database at the path and `errorIfExists` is true. */
  | 'MANIFOLD_EXISTS'
  /** A column family of that name does not exist. */
  | 'MANIFOLD_NO_SUCH_FAMILY'
  /** A table of that name does not exist in its column family. */
  | 'MANIFOLD_NO_SUCH_TABLE'
  /** A column family of that name exists already. */
  | 'MANIFOLD_FAMILY_EXISTS'
  /** The data file was not closed cleanly and its log is missing. */
  | 'MANIFOLD_LOG_MISSING'
  /** The process may not read or write the file. */
  | 'MANIFOLD_PERMISSION'
  /** The process has no file handles left. */
  | 'MANIFOLD_NO_HANDLES'
  /** The operating system reported an error that has no code of its own here; `cause` has it. */
  | 'MANIFOLD_IO'
  /** A snapshot or iterator was garbage collected without having been closed. Reported in the background. */
  | 'MANIFOLD_SNAPSHOT_LEAKED'
  /** The caller's `signal` was aborted. */
  | 'MANIFOLD_ABORTED'

export interface ErrorDetails {
  cause?: unknown
  /** The damaged or refused file. */
  file?: string
  /** The byte in `file` at which the damage was found. */
  offset?: number
  /** What should have stood there, for a person to read. */
  expected?: string
  /** What stood there. */
  found?: string
}

/**
 * The one class of every error that Manifold throws or rejects with, misuse included. Branch on `code`; `message` says
 * what to do next.
 *
 * @example
 * try { await users.insert(1, ada) } catch (error) {
 *   if (error instanceof DatabaseError && error.code === 'MANIFOLD_KEY_EXISTS') return
 *   throw error
 * }
 */
export class DatabaseError extends Error {
  readonly code: ErrorCode
  readonly file: string | undefined
  readonly offset: number | undefined
  readonly expected: string | undefined
  readonly found: string | undefined

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.name = 'DatabaseError'
    this.code = code
    this.file = details.file
    this.offset = details.offset
    this.expected = details.expected
    this.found = details.found
  }
}

/** Damage in a file, with the place and what was expected and found there. */
export function corruption(file: string, offset: number, what: string, expected: string, found: string): DatabaseError {
  return new DatabaseError(
    'MANIFOLD_CORRUPTION',
    `${file} is damaged at byte ${offset}: ${what} (expected ${expected}, found ${found}). ` +
      'Restore the database from a backup; the file has been left as it was.',
    { file, offset, expected, found },
  )
}

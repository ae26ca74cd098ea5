import { DatabaseError } from '../../base/errors.ts'
import type { LockOwner } from './lock-record.ts'

/** What one technique has taken: the lock is held until `release`, or until the process ends. */
export interface HeldLock {
  release(): void
}

/**
 * MANIFOLD_LOCKED, with the holder's name as far as it is known. `unseen`: nothing here can tell whether the holder lives,
 * and only then may a person have to remove the file.
 */
export function lockedError(
  file: string,
  owner: LockOwner | undefined,
  self: LockOwner,
  unseen: boolean,
): DatabaseError {
  if (owner === undefined) return lockedElsewhere(file, 'another process')
  const elsewhere = owner.host !== self.host || owner.namespace !== self.namespace
  if (owner.pid === self.pid && owner.start === self.start && !elsewhere) return lockedHere(file)
  const holder = `process ${owner.pid}${elsewhere ? ` of the machine or container '${owner.host}'` : ''}`
  if (!unseen) return lockedElsewhere(file, holder)
  return new DatabaseError(
    'MANIFOLD_LOCKED',
    `The database is locked by ${holder}, which cannot be seen from here. Close it there; if that process certainly ` +
      `does not run any more, remove ${file}.`,
    { file },
  )
}

function lockedElsewhere(file: string, holder: string): DatabaseError {
  return new DatabaseError(
    'MANIFOLD_LOCKED',
    `The database is locked by ${holder} (lock file ${file}). Close it there, or wait until that process has ended.`,
    { file },
  )
}

export function lockedHere(file: string): DatabaseError {
  return new DatabaseError(
    'MANIFOLD_LOCKED',
    `The database is already open in this process, process ${process.pid} (lock file ${file}). Use the Database that is ` +
      'open, or close it first.',
    { file },
  )
}

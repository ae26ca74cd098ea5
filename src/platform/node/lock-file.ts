import { createHash } from 'node:crypto'
import fs from 'node:fs'
import { lockedError } from './lock-holder.ts'
import type { HeldLock } from './lock-holder.ts'
import { LOCK_RECORD_BYTES, decodeLockOwner, encodeLockOwner } from './lock-record.ts'
import type { LockOwner } from './lock-record.ts'
import { lifeOf, thisOwner } from './process-identity.ts'

/**
 * The lock where flock(1) cannot be had: the lock file names its owner, and whoever finds there a process that has ended
 * takes it over.
 *
 * A record comes into being whole, by a link of a finished file, and a dead owner's is replaced by a rename. Invariant:
 * a record R that is not its writer's own is replaced only by the holder of R's guard, a file beside the lock file whose
 * name is a hash of R, and only while the lock file still holds R. Records never repeat, so of all that have seen R one
 * at most replaces it. A guard is itself such a lock, for its holder may die as well.
 *
 * Rejected: unlink the dead owner's file and create a new one. Between the reading and the unlinking another process
 * may have done both, and then it is the winner's file that is unlinked. A rename over it has the same hole.
 */
export function takeLockFile(file: string): HeldLock {
  const self = thisOwner('file')
  const record = encodeLockOwner(self)
  claim(file, file, self, record)
  return {
    release: () => {
      // Somebody may have removed the file by hand, and then it is another's by now.
      if (readLockRecord(file) === record) fs.unlinkSync(file)
    },
  }
}

/** Makes `record` the content of `path`, or throws MANIFOLD_LOCKED. `file` is the lock file, also where `path` is a guard. */
function claim(file: string, path: string, self: LockOwner, record: string): void {
  for (;;) {
    if (createWhole(file, path, self, record)) return
    const found = readLockRecord(path)
    if (found === undefined) continue
    const owner = decodeLockOwner(found)
    const life = owner === undefined ? 'dead' : lifeOf(owner, self)
    if (life !== 'dead') throw lockedError(file, owner, self, life === 'unknown')

    const guard = `${file}.${createHash('sha256').update(found).digest('hex').slice(0, 24)}`
    claim(file, guard, self, record)
    try {
      if (readLockRecord(path) === found) return withTemporary(file, self, record, whole => fs.renameSync(whole, path))
    } finally {
      fs.unlinkSync(guard)
    }
  }
}

/** False where `path` exists already. */
function createWhole(file: string, path: string, self: LockOwner, record: string): boolean {
  try {
    withTemporary(file, self, record, whole => fs.linkSync(whole, path))
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
    throw error
  }
}

/** Passes `use` the name of a finished file with `record` in it, and leaves nothing of that name behind. */
function withTemporary(file: string, self: LockOwner, record: string, use: (whole: string) => void): void {
  const temporary = `${file}.${self.pid}-${self.nonce}`
  try {
    fs.writeFileSync(temporary, record, { mode: 0o600, flag: 'wx' })
    use(temporary)
  } finally {
    fs.rmSync(temporary, { force: true })
  }
}

/** The text at `path`, at most a record's length of it; undefined where there is no such file. */
export function readLockRecord(path: string): string | undefined {
  let descriptor: number
  try {
    descriptor = fs.openSync(path, fs.constants.O_RDONLY | (fs.constants.O_NOFOLLOW ?? 0))
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
  try {
    return readRecordFrom(descriptor)
  } finally {
    fs.closeSync(descriptor)
  }
}

export function readRecordFrom(descriptor: number): string {
  const bytes = new Uint8Array(LOCK_RECORD_BYTES)
  const count = fs.readSync(descriptor, bytes, 0, bytes.length, 0)
  return Buffer.from(bytes.buffer, 0, count).toString('latin1')
}

import { DatabaseError } from '../base/errors.ts'
import type { ErrorCode } from '../base/errors.ts'

const CODES: Readonly<Record<string, readonly [code: ErrorCode, advice: string]>> = {
  ENOSPC: ['MANIFOLD_NO_SPACE', 'Free space on the disk and try again.'],
  EDQUOT: ['MANIFOLD_NO_SPACE', 'The disk quota is used up: raise it or free space, then try again.'],
  EFBIG: ['MANIFOLD_NO_SPACE', 'The process has reached its file size limit (ulimit -f): raise it, then try again.'],
  EMFILE: ['MANIFOLD_NO_HANDLES', 'The process has no file handles left (ulimit -n): close some or raise the limit.'],
  ENFILE: ['MANIFOLD_NO_HANDLES', 'The system has no file handles left: close some or raise the limit.'],
  EACCES: ['MANIFOLD_PERMISSION', 'Give the process permission to read and write the file and its directory.'],
  EPERM: ['MANIFOLD_PERMISSION', 'Give the process permission to read and write the file and its directory.'],
  EROFS: ['MANIFOLD_READ_ONLY', 'The file system is mounted for reading only.'],
  ENOENT: ['MANIFOLD_NOT_FOUND', 'Create the directory, or check the path.'],
  ENOTDIR: ['MANIFOLD_NOT_FOUND', 'A part of the path is not a directory: check the path.'],
  EISDIR: ['MANIFOLD_NOT_A_DATABASE', 'The path names a directory: give the path of a file.'],
  ELOOP: [
    'MANIFOLD_NOT_A_DATABASE',
    'The path names a symbolic link, which Manifold does not follow: give the path of the file itself.',
  ],
}

/** An operating system's error as a `DatabaseError`: the code where there is one of ours, else MANIFOLD_IO; `doing` completes 'Could not ...'. */
export function ioError(error: unknown, doing: string, file?: string): DatabaseError {
  if (error instanceof DatabaseError) return error
  const name = error instanceof Error && 'code' in error ? String(error.code) : ''
  const known = Object.hasOwn(CODES, name) ? CODES[name] : undefined
  const [code, advice] = known ?? ['MANIFOLD_IO', 'Check the disk and the system log.']
  const reason = error instanceof Error ? error.message : String(error)
  return new DatabaseError(
    code,
    `Could not ${doing}: ${reason}. ${advice}`,
    file === undefined ? { cause: error } : { cause: error, file },
  )
}

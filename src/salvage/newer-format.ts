import { DatabaseError } from '../base/errors.ts'

/** What a newer version wrote may look damaged to an older one. */
export function newerFormat(file: string, version: number): DatabaseError {
  const message = `${file} has format version ${version}, which is newer than this version of Manifold. Use a newer one.`
  return new DatabaseError('MANIFOLD_VERSION', message, { file })
}

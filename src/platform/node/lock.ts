import fs from 'node:fs'
import path from 'node:path'
import type { Lock } from '../file-system.ts'
import { takeFlock } from './flock.ts'
import { takeLockFile } from './lock-file.ts'
import { lockedHere } from './lock-holder.ts'

/** 'flock': flock(1), and the lock file alone where flock cannot be had. 'file': the lock file alone. */
export type LockTechnique = 'flock' | 'file'

/**
 * The locks of this thread, by the real path of their files. It answers a second open without starting a program, and
 * sees one through another name of the directory or after the lock file was removed by hand. Other threads of the
 * process have registries of their own and are refused by the lock itself.
 */
const held = new Set<string>()

/** Takes the lock at `file`, or throws a `DatabaseError` with MANIFOLD_LOCKED that names the holder. */
export function acquireLock(file: string, technique: LockTechnique): Lock {
  const name = path.join(fs.realpathSync(path.dirname(file)), path.basename(file))
  if (held.has(name)) throw lockedHere(file)
  const lock = (technique === 'flock' ? takeFlock(name) : undefined) ?? takeLockFile(name)
  held.add(name)
  let released = false
  return {
    releaseSync: () => {
      if (released) return
      released = true
      held.delete(name)
      try {
        lock.release()
      } catch {
        // A record that could not be taken out of the lock file names this process, so it holds off others at most until
        // that ends. The database is closed, or its opening has failed with an error that says more.
      }
    },
  }
}

import fs from 'node:fs'
import path from 'node:path'
import type { File, FileSystem, Lock, OpenMode } from '../file-system.ts'
import { NodeFile } from './file.ts'
import { acquireLock } from './lock.ts'
import type { LockTechnique } from './lock.ts'

const { O_RDONLY, O_RDWR, O_CREAT, O_EXCL, O_NOFOLLOW = 0, O_DSYNC = 0, O_DIRECTORY = 0, O_DIRECT = 0 } = fs.constants

/** Only the owner reads and writes a database. */
const FILE_MODE = 0o600

/**
 * O_DSYNC, where it reaches the medium. On macOS it leaves the data in the drive's cache; there, as where it is
 * missing, each write is followed by a sync, which libuv makes an F_FULLFSYNC.
 */
const DATA_SYNC_FLAG: number = process.platform === 'darwin' ? 0 : O_DSYNC

/** Only Linux is known to take direct writes in units of a sector from any page of memory. */
const DIRECT_FLAG: number = process.platform === 'linux' ? O_DIRECT : 0

/** Errors of a directory's fsync that say the file system has no such operation, not that it has failed. */
const NO_DIRECTORY_SYNC: ReadonlySet<string> = new Set(['EINVAL', 'ENOTSUP', 'EOPNOTSUPP'])

export interface NodeFileSystemOptions {
  /** Default 'flock': flock(1) where it can be had, else the owner's name in the lock file. 'file': always the latter. */
  lockTechnique?: LockTechnique
}

/** The operating system's files. */
export class NodeFileSystem implements FileSystem {
  readonly #lockTechnique: LockTechnique

  constructor(options: NodeFileSystemOptions = {}) {
    this.#lockTechnique = options.lockTechnique ?? 'flock'
  }

  openSync(file: string, mode: OpenMode): File {
    const flags =
      (mode.write ? O_RDWR : O_RDONLY) |
      O_NOFOLLOW |
      (mode.create ? O_CREAT : 0) |
      (mode.exclusive ? O_EXCL : 0) |
      (mode.dataSync ? DATA_SYNC_FLAG : 0)
    const syncAfterWrite = mode.dataSync && DATA_SYNC_FLAG === 0
    const direct = mode.direct === true && DIRECT_FLAG !== 0 ? tryOpen(file, flags | DIRECT_FLAG) : undefined
    return new NodeFile(file, direct ?? fs.openSync(file, flags, FILE_MODE), syncAfterWrite, true, direct !== undefined)
  }

  /** A symbolic link exists even where its target does not, since opening it is refused either way. */
  existsSync(file: string): boolean {
    return fs.lstatSync(file, { throwIfNoEntry: false }) !== undefined
  }

  listSync(directory: string): string[] {
    return fs.readdirSync(directory)
  }

  renameSync(from: string, to: string): void {
    fs.renameSync(from, to)
  }

  removeSync(file: string): void {
    fs.unlinkSync(file)
  }

  /** Does nothing on Windows, where a directory cannot be opened and NTFS logs its changes in order. */
  syncDirectorySync(directory: string): void {
    if (process.platform === 'win32') return
    const descriptor = fs.openSync(directory, O_RDONLY | O_DIRECTORY)
    try {
      fs.fsyncSync(descriptor)
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && NO_DIRECTORY_SYNC.has(String(error.code)))) throw error
    } finally {
      fs.closeSync(descriptor)
    }
  }

  lockSync(file: string): Lock {
    return acquireLock(file, this.#lockTechnique)
  }

  dirname(file: string): string {
    return path.dirname(file)
  }

  basename(file: string): string {
    return path.basename(file)
  }

  join(directory: string, name: string): string {
    return path.join(directory, name)
  }
}

/**
 * The file behind a descriptor that another thread of this process has opened and will close. `dataSync` must be what
 * the file was opened with.
 */
export function adoptDescriptor(file: string, descriptor: number, dataSync: boolean): File {
  return new NodeFile(file, descriptor, dataSync && DATA_SYNC_FLAG === 0, false, false)
}

/** Undefined where the file system does not know one of the flags. */
function tryOpen(file: string, flags: number): number | undefined {
  try {
    return fs.openSync(file, flags, FILE_MODE)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EINVAL') return undefined
    throw error
  }
}

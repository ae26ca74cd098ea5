/**
 * What the engine needs of files. Implementations: `platform/node` (the real one), `platform/simulated` (a disk that
 * forgets what was not synced). Errors are thrown as the operating system reports them, with its name for them in
 * `code` ('ENOSPC', 'EIO', ...); `io-error.ts` turns them into a `DatabaseError`.
 */
export interface File {
  readonly path: string
  /** The descriptor, valid on every thread of this process; undefined where files have none, and then no thread shares them. */
  readonly descriptor: number | undefined
  /** Writes bypass the page cache: position, length and memory of each are multiples of WRITE_UNIT_BYTES. */
  readonly isDirect: boolean
  /** Bytes in the file. */
  size(): number
  /** Reads up to `target.length` bytes at `position`; returns how many there were (fewer only at the end of the file). */
  readSync(target: Uint8Array, position: number): number
  /**
   * Writes `parts` one after the other at `position` and returns how many bytes were written. That may be fewer than
   * asked for: callers go through `write-fully.ts`.
   */
  writeSync(parts: readonly Uint8Array[], position: number): number
  /** The same, off the caller's thread. */
  write(parts: readonly Uint8Array[], position: number): Promise<number>
  /** Makes everything written to the file durable (fdatasync). After an error nothing may be assumed of earlier writes. */
  syncSync(): void
  /** The same, off the caller's thread. */
  sync(): Promise<void>
  truncateSync(size: number): void
  /** The same, off the caller's thread: 100 MB that the page cache holds take 15 ms. */
  truncate(size: number): Promise<void>
  /** Idempotent. */
  closeSync(): void
}

export interface OpenMode {
  /** False: open for reading only. */
  write: boolean
  /** Create the file (mode 0600) if it is missing. */
  create: boolean
  /** Fail with EEXIST if the file exists. Needs `create`. */
  exclusive: boolean
  /** Every write returns only when it is durable (O_DSYNC). Where the platform lacks it, writing also syncs. */
  dataSync: boolean
  /** Write past the page cache where the platform and the file system can (`File.isDirect`). */
  direct?: boolean
}

/** Holds a database against every other opener, in this process and in others, until released or until the process ends. */
export interface Lock {
  /** Never throws: a lock that cannot be given back ends with the process. */
  releaseSync(): void
}

export interface FileSystem {
  /** Never follows a symbolic link in the last component (O_NOFOLLOW). */
  openSync(path: string, mode: OpenMode): File
  existsSync(path: string): boolean
  /** The names in the directory, without '.' and '..', in any order. */
  listSync(directory: string): string[]
  renameSync(from: string, to: string): void
  removeSync(path: string): void
  /** Makes creations, renames and removals in the directory durable. */
  syncDirectorySync(directory: string): void
  /** Takes the lock at `path`, or throws a `DatabaseError` with MANIFOLD_LOCKED that names the holder. */
  lockSync(path: string): Lock
  /** Directory part of a path, and a name joined to a directory, in the platform's notation. */
  dirname(path: string): string
  basename(path: string): string
  join(directory: string, name: string): string
}

import type { File, FileSystem, OpenMode } from '../platform/file-system.ts'

/** Bytes of a file that the operating system could not read. */
export interface UnreadableRange {
  readonly file: string
  readonly offset: number
  readonly length: number
}

/** What is read at once where a longer read has failed: no medium loses less. */
const BLOCK_BYTES = 4096

/** Opens files for reading only, and reads zeros where the medium fails: no checksum takes them for data. */
export class TolerantFiles implements FileSystem {
  readonly unreadable: UnreadableRange[] = []
  readonly #inner: FileSystem

  constructor(inner: FileSystem) {
    this.#inner = inner
  }

  openSync(path: string, mode: OpenMode): File {
    if (mode.write || mode.create) throw readingOnly(path)
    return new TolerantFile(this.#inner.openSync(path, mode), range => this.#note(range))
  }

  /** Blocks are read again and again; each is noted once, and blocks that touch become one range. */
  #note({ file, offset, length }: UnreadableRange): void {
    const at = this.unreadable.findIndex(
      range => range.file === file && offset <= range.offset + range.length && range.offset <= offset + length,
    )
    if (at < 0) {
      this.unreadable.push({ file, offset, length })
      return
    }
    const known = this.unreadable[at]!
    const start = Math.min(offset, known.offset)
    const end = Math.max(offset + length, known.offset + known.length)
    this.unreadable[at] = { file, offset: start, length: end - start }
  }

  existsSync(path: string): boolean {
    return this.#inner.existsSync(path)
  }

  listSync(directory: string): string[] {
    return this.#inner.listSync(directory)
  }

  dirname(path: string): string {
    return this.#inner.dirname(path)
  }

  basename(path: string): string {
    return this.#inner.basename(path)
  }

  join(directory: string, name: string): string {
    return this.#inner.join(directory, name)
  }

  renameSync(from: string): void {
    throw readingOnly(from)
  }

  removeSync(path: string): void {
    throw readingOnly(path)
  }

  syncDirectorySync(directory: string): void {
    throw readingOnly(directory)
  }

  lockSync(path: string): never {
    throw readingOnly(path)
  }
}

function readingOnly(path: string): Error {
  return new Error(`Manifold internal error: a salvage must not write to ${path}`)
}

class TolerantFile implements File {
  readonly path: string
  readonly descriptor: number | undefined = undefined
  readonly isDirect = false
  readonly #inner: File
  readonly #note: (range: UnreadableRange) => void

  constructor(inner: File, note: (range: UnreadableRange) => void) {
    this.path = inner.path
    this.#inner = inner
    this.#note = note
  }

  size(): number {
    return this.#inner.size()
  }

  readSync(target: Uint8Array, position: number): number {
    try {
      return this.#inner.readSync(target, position)
    } catch {
      return this.#readBlocks(target, position)
    }
  }

  #readBlocks(target: Uint8Array, position: number): number {
    const length = Math.max(0, Math.min(target.length, this.size() - position))
    for (let done = 0; done < length;) {
      const end = Math.min(length, done + BLOCK_BYTES - ((position + done) % BLOCK_BYTES))
      const block = target.subarray(done, end)
      try {
        const count = this.#inner.readSync(block, position + done)
        if (count === 0) return done
        done += count
      } catch {
        block.fill(0)
        this.#note({ file: this.path, offset: position + done, length: block.length })
        done = end
      }
    }
    return length
  }

  writeSync(): number {
    throw readingOnly(this.path)
  }

  write(): Promise<number> {
    return Promise.reject(readingOnly(this.path))
  }

  syncSync(): void {
    throw readingOnly(this.path)
  }

  sync(): Promise<void> {
    return Promise.reject(readingOnly(this.path))
  }

  truncateSync(): void {
    throw readingOnly(this.path)
  }

  truncate(): Promise<void> {
    return Promise.reject(readingOnly(this.path))
  }

  closeSync(): void {
    this.#inner.closeSync()
  }
}

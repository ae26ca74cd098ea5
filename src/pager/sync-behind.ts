import type { File } from '../platform/file-system.ts'
import { ioError } from '../platform/io-error.ts'

/**
 * Syncs what is written to a file in pieces, off the writer's thread, while it goes on writing. Nobody relies on these syncs: who
 * needs the bytes to be durable syncs them at the end. But what is left for that sync is so short that the log's syncs, which
 * share the medium, hardly wait for it.
 *
 * One sync at a time is under way. The writer waits for it when the next one is due, so no more than two pieces are unsynced.
 */
export class SyncBehind {
  readonly #file: Pick<File, 'path' | 'sync'>
  readonly #pieceBytes: number
  #unsynced = 0
  #underWay: Promise<void> = Promise.resolve()

  constructor(file: Pick<File, 'path' | 'sync'>, pieceBytes: number) {
    this.#file = file
    this.#pieceBytes = pieceBytes
  }

  wrote(bytes: number): void {
    this.#unsynced += bytes
  }

  /** A piece has been written, and `next` is to be awaited before more is. */
  get isDue(): boolean {
    return this.#unsynced >= this.#pieceBytes
  }

  /** Begins the next sync when the one under way has ended. Rejects if that failed; the next one then does not begin. */
  async next(): Promise<void> {
    await this.#underWay
    this.#unsynced = 0
    this.#underWay = this.#sync()
    // It may fail before anybody waits for it.
    this.#underWay.catch(() => {})
  }

  async #sync(): Promise<void> {
    const { path } = this.#file
    try {
      await this.#file.sync()
    } catch (error) {
      throw ioError(error, `sync ${path}`, path)
    }
  }

  /** Settles as the last sync does. */
  async end(): Promise<void> {
    await this.#underWay
  }
}

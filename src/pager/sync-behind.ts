import type { File } from '../platform/file-system.ts'
import { ioError } from '../platform/io-error.ts'

/**
 * Syncs what is written to a file in pieces, off the writer's thread, while it goes on writing. Nobody relies on these syncs: who
 * needs the bytes to be durable syncs them at the end. But what is left for that sync is so short that the log's syncs, which
 * share the medium, hardly wait for it.
 *
 * One sync at a time is under way. The writer waits for it when the next one is due, so no more than two pieces are unsynced, but
 * for what one step writes.
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

  /** To be called by the steps, with the bytes of each write. */
  wrote(bytes: number): void {
    this.#unsynced += bytes
  }

  /**
   * Runs steps that write. No sync is under way when it settles: the file may be closed then. It rejects if a step throws, and if a
   * sync fails; no other begins after that.
   */
  async run<R>(steps: Generator<void, R>): Promise<R> {
    try {
      for (;;) {
        const step = steps.next()
        if (step.done === true) return step.value
        if (this.#unsynced >= this.#pieceBytes) await this.#next()
      }
    } finally {
      await this.#underWay
    }
  }

  async #next(): Promise<void> {
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
}

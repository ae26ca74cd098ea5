import { closeSegment, removeSegmentFile } from './segment-files.ts'
import type { Clock } from '../platform/clock.ts'
import type { File } from '../platform/file-system.ts'
import type { LogFiles, Segment } from './segment-files.ts'

/** Removing 16 MiB at once stops the event loop for 8 ms, cutting off 2 MiB for 1 ms. */
const SLICE_BYTES = 2 * 1024 * 1024

interface Doomed {
  readonly slot: number
  readonly path: string
}

/**
 * Removes segment files that nobody needs, a slice in each turn. A cut leaves them shorter than their headers say,
 * which is of no interest: recovery takes them for dead by their headers alone.
 */
export class SegmentDiscarder {
  readonly #files: LogFiles
  readonly #clock: Clock
  readonly #doomed: Doomed[] = []
  readonly #removed: (slot: number) => void
  #file: File | undefined
  #scheduled = false
  #closed = false

  /** `removed` is told each slot whose file is gone. */
  constructor(files: LogFiles, clock: Clock, removed: (slot: number) => void) {
    this.#files = files
    this.#clock = clock
    this.#removed = removed
  }

  /** Closes the segment; its file goes in later turns. */
  discard(segment: Segment): void {
    closeSegment(segment)
    this.discardFile({ slot: segment.slot, path: segment.plain.path })
  }

  discardFile(file: Doomed): void {
    this.#doomed.push(file)
    this.#schedule()
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    this.#clock.defer(() => {
      this.#scheduled = false
      if (!this.#closed && this.#doomed.length > 0) this.#step()
    })
  }

  #step(): void {
    const doomed = this.#doomed[0]!
    if (!this.#cutSlice(doomed.path)) {
      this.#doomed.shift()
      if (removeSegmentFile(this.#files, doomed.path)) this.#removed(doomed.slot)
    }
    if (this.#doomed.length > 0) this.#schedule()
  }

  /** False if the file has no further slice, or cannot be cut: it is then removed as it is. */
  #cutSlice(path: string): boolean {
    try {
      this.#file ??= this.#files.fileSystem.openSync(path, {
        write: true,
        create: false,
        exclusive: false,
        dataSync: false,
      })
      const size = this.#file.size()
      if (size > SLICE_BYTES) {
        this.#file.truncateSync(size - SLICE_BYTES)
        return true
      }
    } catch {
      // Without a handle, say: removing needs none.
    }
    this.#file?.closeSync()
    this.#file = undefined
    return false
  }

  /** Stops; returns the paths of the files that are still there. */
  close(): string[] {
    this.#closed = true
    this.#file?.closeSync()
    this.#file = undefined
    return this.#doomed.map(({ path }) => path)
  }
}

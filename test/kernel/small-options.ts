import type { JournalMode, OpenOptions } from '../../src/index.ts'

/** Small segments, a small write buffer and a small page cache, so that few commits reach the end of all of them. */
export function smallOptions(journal: JournalMode): OpenOptions {
  return {
    journal: { mode: journal, segmentBytes: 64 * 1024 },
    writeBufferBytes: 1 << 20,
    pageCacheBytes: 64 * 8192,
  }
}

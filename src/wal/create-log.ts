import { corruption } from '../base/errors.ts'
import { ioError } from '../platform/io-error.ts'
import { readBlock } from './chain.ts'
import { holdsRecordsFrom } from './log-scan.ts'
import { listSegmentFiles } from './segment-files.ts'
import { decodeSegmentHeader } from './segment-format.ts'
import { SegmentStore } from './segment-store.ts'
import type { Random } from '../platform/random.ts'
import type { LogStart } from './log-reader.ts'
import type { LogFiles, SegmentFile } from './segment-files.ts'
import type { Epoch } from './segment-format.ts'
import type { SegmentStoreOptions } from './segment-store.ts'
import type { LogPlace } from './segmented-journal.ts'

export interface CreateLogOptions extends SegmentStoreOptions {
  readonly random: Random
  /** Where the log goes on: position 0 for a new database, else where the data file's header says. */
  readonly start: LogStart
}

/** Two random words, neither of them zero, so that no zero-written place looks like an epoch. */
export function newEpoch(random: Random): Epoch {
  const view = new DataView(new ArrayBuffer(8))
  for (;;) {
    random.fill(new Uint8Array(view.buffer))
    const epoch = { low: view.getUint32(0, true), high: view.getUint32(4, true) }
    if (epoch.low !== 0 && epoch.high !== 0) return epoch
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i])
}

/**
 * Refuses to remove the log of another database, unless it is of one whose creation was cut before its first record.
 */
function checkLeftover(files: LogFiles, { path }: SegmentFile): void {
  const reading = decodeSegmentHeader(readBlock(files, path).block)
  const foreign = reading.kind === 'newer' || (reading.kind === 'whole' && !sameBytes(reading.uuid, files.uuid))
  if (foreign && holdsRecordsFrom(files, path, 0)) {
    throw corruption(
      path,
      16,
      'the log segment belongs to another database: move it away',
      'no log here',
      'a log with records',
    )
  }
}

/**
 * Begins the log of a database that is new or was closed cleanly, so that its data file holds everything before
 * `start.position`. Segments of its own that a cut in `close` left are removed first.
 */
export async function createLog(options: CreateLogOptions): Promise<LogPlace> {
  const { fileSystem, dataPath, start } = options
  const leftovers = listSegmentFiles(options)
  for (const file of leftovers) checkLeftover(options, file)
  try {
    for (const file of leftovers) fileSystem.removeSync(file.path)
    if (leftovers.length > 0) fileSystem.syncDirectorySync(fileSystem.dirname(dataPath))
  } catch (error) {
    throw ioError(error, 'remove an old log', dataPath)
  }
  const store = new SegmentStore(options, newEpoch(options.random), start.position, 0, [])
  await store.extend(0)
  return { ...start, store, start }
}

import { DatabaseError } from '../base/errors.ts'
import { Pager } from '../pager/pager.ts'
import type { Lock } from '../platform/file-system.ts'
import type { Platform } from '../platform/platform.ts'
import { inSlices } from '../platform/slices.ts'
import { LogWriter } from '../wal/log-writer.ts'
import { LogRecovery } from '../wal/recovery.ts'
import { fileState, PageCheck } from './page-check.ts'
import type { VerifyProgress, VerifyReport } from './report.ts'
import { Problems } from './report.ts'
import type { EngineVerifyOptions } from './verify.ts'
import { throwIfAborted, VERIFY_SLICE_MILLIS, verifyReport } from './verify.ts'

const NO_PAGES: VerifyReport['pages'] = { total: 0, reachable: 0, free: 0, pending: 0, unknown: 0 }
/** Recovery needs a size for new segments; a check makes none. */
const UNUSED_SEGMENT_BYTES = 0

/**
 * Checks the files of a database that nobody has open, also of one that was not closed cleanly, and writes to none of
 * them. What cannot be opened at all is a report with one problem; a missing file rejects.
 */
export async function verifyFiles(
  path: string,
  platform: Platform,
  options: EngineVerifyOptions,
): Promise<VerifyReport> {
  const problems = new Problems()
  const lock = lockIfPresent(platform, path)
  try {
    return await checkFiles(path, platform, options, problems)
  } catch (error) {
    if (!(error instanceof DatabaseError && isDamage(error))) throw error
    problems.add('header', error)
    return verifyReport(problems, 0, [], NO_PAGES, { records: 0, bytes: 0 })
  } finally {
    lock?.releaseSync()
  }
}

/** Whoever has a database open has made its lock file, so where there is none, nobody is there to be kept out. */
export function lockIfPresent({ fileSystem }: Platform, path: string): Lock | undefined {
  const file = `${path}-lock`
  return fileSystem.existsSync(file) ? fileSystem.lockSync(file) : undefined
}

function isDamage({ code }: DatabaseError): boolean {
  return code === 'MANIFOLD_CORRUPTION' || code === 'MANIFOLD_NOT_A_DATABASE'
}

async function checkFiles(
  path: string,
  platform: Platform,
  { signal, onProgress }: EngineVerifyOptions,
  problems: Problems,
): Promise<VerifyReport> {
  throwIfAborted(signal)
  const pager = Pager.openSync(platform.fileSystem, path, false)
  try {
    const state = fileState(pager)
    const check = new PageCheck(state, problems)
    const totalPages = state.pageCount - state.free.pages
    const progress: { -readonly [K in keyof VerifyProgress]: number } = {
      pages: 0,
      totalPages,
      logBytes: 0,
      totalLogBytes: 0,
    }
    const turned = (): void => {
      throwIfAborted(signal)
      progress.pages = check.pages
      onProgress?.({ ...progress })
    }
    const { columnFamilies, pages } = await inSlices(check.run(), platform.clock, VERIFY_SLICE_MILLIS, turned)
    const log = { records: 0, bytes: 0 }
    if (!pager.header.clean) {
      await checkLog(path, platform, pager, signal, problems, (bytes, total, records) => {
        log.records = records
        log.bytes = bytes
        progress.logBytes = bytes
        progress.totalLogBytes = total
        turned()
      })
    }
    return verifyReport(problems, pager.header.lastSequence, columnFamilies, pages, log)
  } finally {
    pager.closeSync()
  }
}

/** Reads the log as the next opening would, and stops before the step that writes. */
async function checkLog(
  path: string,
  { fileSystem, clock, random }: Platform,
  { header }: Pager,
  signal: EngineVerifyOptions['signal'],
  problems: Problems,
  progressed: (bytes: number, total: number, records: number) => void,
): Promise<void> {
  try {
    const recovery = new LogRecovery({
      fileSystem,
      clock,
      random,
      dataPath: path,
      uuid: header.uuid,
      segmentBytes: UNUSED_SEGMENT_BYTES,
      writer: new LogWriter(),
      start: { position: header.logPosition, previousChecksum: header.previousChecksum, sequence: header.lastSequence },
      required: true,
      signal,
      onProgress: ({ bytes, bytesTotal, records }) => progressed(bytes, bytesTotal, records),
    })
    await recovery.replay(() => undefined)
  } catch (error) {
    if (!(error instanceof DatabaseError) || error.code === 'MANIFOLD_ABORTED') throw error
    problems.add('log', error)
  }
}

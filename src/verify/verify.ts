import { DatabaseError } from '../base/errors.ts'
import type { Engine } from '../engine/engine.ts'
import { inSlices } from '../platform/slices.ts'
import { LogCheck } from './log-check.ts'
import { fileState, PageCheck } from './page-check.ts'
import type { VerifyProgress, VerifyReport } from './report.ts'
import { Problems } from './report.ts'

/** An `AbortSignal`, as far as a check needs it. */
export interface VerifySignal {
  readonly aborted: boolean
  readonly reason: unknown
}

export interface EngineVerifyOptions {
  readonly signal: VerifySignal | undefined
  /** Called between slices. */
  readonly onProgress: ((progress: VerifyProgress) => void) | undefined
}

/** How long a check runs before the event loop has a turn. One step reads a page, or a mebibyte of a long value or record. */
export const VERIFY_SLICE_MILLIS = 2

/**
 * Checks an open database while it is in use: the data file as the last checkpoint has left it, whose pages are pinned
 * meanwhile, and the log behind it as far as it is written.
 */
export async function verifyEngine(engine: Engine, options: EngineVerifyOptions): Promise<VerifyReport> {
  engine.assertOpen()
  throwIfAborted(options.signal)
  await engine.untilPagesAreAccounted()
  engine.assertOpen()
  const { pager, pins, journal } = engine
  const state = fileState(pager)
  const generations = [state.header.generation, ...(state.other === undefined ? [] : [state.other.generation])]
  for (const generation of generations) pins.pin(generation)
  try {
    const problems = new Problems()
    const pages = new PageCheck(state, problems)
    const log = new LogCheck(journal, problems)
    const totalPages = state.pageCount - state.free.pages
    const totalLogBytes = journal.written - journal.start.position
    const turned = (): void => {
      engine.assertOpen()
      throwIfAborted(options.signal)
      options.onProgress?.({ pages: pages.pages, totalPages, logBytes: log.bytes, totalLogBytes })
    }
    const { columnFamilies, pages: accounts } = await inSlices(pages.run(), engine.clock, VERIFY_SLICE_MILLIS, turned)
    await inSlices(log.run(), engine.clock, VERIFY_SLICE_MILLIS, turned)
    return verifyReport(problems, state.header.lastSequence, columnFamilies, accounts, log)
  } finally {
    for (const generation of generations) pins.unpin(generation)
  }
}

export function verifyReport(
  problems: Problems,
  sequence: number,
  columnFamilies: VerifyReport['columnFamilies'],
  pages: VerifyReport['pages'],
  { records, bytes }: VerifyReport['log'],
): VerifyReport {
  return {
    ok: problems.list.length === 0,
    problems: problems.list,
    problemsLeftOut: problems.leftOut,
    sequence,
    columnFamilies,
    pages,
    log: { records, bytes },
  }
}

export function throwIfAborted(signal: VerifySignal | undefined): void {
  if (signal?.aborted !== true) return
  throw new DatabaseError('MANIFOLD_ABORTED', 'The signal was aborted during the check. Nothing was changed.', {
    cause: signal.reason,
  })
}

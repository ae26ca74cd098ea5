import type { SalvageOptions, VerifyFilesOptions } from './api/repair.ts'
import { salvageAt, verifyAt } from './api/repair.ts'
import { nodePlatform } from './platform/node/node-platform.ts'
import type { Platform } from './platform/platform.ts'
import type { SalvageReport } from './salvage/report.ts'
import type { VerifyReport } from './verify/report.ts'

const platform: Platform = nodePlatform()

/**
 * Checks the files of a database that nobody has open, also of one that was not closed cleanly, and changes none of them.
 * Resolves with what was found, damage included. Rejects with MANIFOLD_LOCKED, MANIFOLD_NOT_FOUND, MANIFOLD_VERSION,
 * MANIFOLD_ABORTED or what the operating system has against reading.
 *
 * @example
 * const { ok, problems } = await verify('app.manifold')
 */
export function verify(path: string, options?: VerifyFilesOptions): Promise<VerifyReport> {
  return verifyAt(path, options, platform)
}

/**
 * Reads what can be read of a damaged database into a new one at `target`, and says what was lost. The damaged one is only
 * read. Rejects with MANIFOLD_LOCKED, MANIFOLD_NOT_FOUND, MANIFOLD_EXISTS (there is something at `target`),
 * MANIFOLD_NOT_A_DATABASE (nothing of a database was found), MANIFOLD_VERSION, MANIFOLD_ABORTED, MANIFOLD_NO_SPACE; the new
 * database is removed then.
 *
 * @example
 * const { whole, tables } = await salvage('app.manifold', 'salvaged.manifold')
 * for (const { name, entries, lost, possiblyStale } of tables) console.log(name, entries, lost, possiblyStale)
 */
export function salvage(path: string, target: string, options?: SalvageOptions): Promise<SalvageReport> {
  return salvageAt(path, target, options, platform)
}

export { DatabaseError } from './base/errors.ts'
export type { ErrorCode } from './base/errors.ts'
export type { SalvageOptions, VerifyFilesOptions } from './api/repair.ts'
export type {
  CatalogSource,
  DamagedPage,
  LogDamage,
  SalvageProgress,
  SalvageReport,
  SalvageStage,
  SalvagedTable,
} from './salvage/report.ts'
export type { UnreadableRange } from './salvage/tolerant-files.ts'
export type {
  ColumnFamilyReport,
  ProblemPlace,
  TableReport,
  VerifyProblem,
  VerifyProgress,
  VerifyReport,
} from './verify/report.ts'

import type { FileSystem } from '../platform/file-system.ts'
import type { Platform } from '../platform/platform.ts'
import type { SalvageProgress, SalvageReport } from '../salvage/report.ts'
import { salvageDatabase } from '../salvage/salvage.ts'
import type { VerifyReport } from '../verify/report.ts'
import { verifyFiles } from '../verify/verify-files.ts'
import { checkCallable, checkProperties, checkSignal, refuseOption } from './durability.ts'
import type { Signal } from './durability.ts'
import { checkFileSystem } from './options.ts'
import type { VerifyOptions } from './verify.ts'
import { resolveVerifyOptions } from './verify.ts'

export interface VerifyFilesOptions extends VerifyOptions {
  /** Where the files lie. Default: the real file system. */
  fileSystem?: FileSystem
}

export interface SalvageOptions {
  /** Where the files lie, those of the new database too. Default: the real file system. */
  fileSystem?: FileSystem
  /** Ends the salvage; the new database is removed then. */
  signal?: Signal
  /** Called now and then with how far it has come. */
  onProgress?(progress: SalvageProgress): void
  /** Also take leaves that no checksum confirms, into tables of their own named `…~unverified`. Default: false. */
  unverified?: boolean
}

/** Checks the files at `path`. See `verify` of the entry point. */
export async function verifyAt(
  path: string,
  options: VerifyFilesOptions | undefined,
  platform: Platform,
): Promise<VerifyReport> {
  checkPath('path', path)
  const given = options ?? {}
  checkProperties('options', given, ['fileSystem', 'signal', 'onProgress'])
  const { fileSystem, ...rest } = given
  const on = onFileSystem(platform, fileSystem)
  return verifyFiles(path, on, resolveVerifyOptions(rest))
}

/** Salvages the files at `path`. See `salvage` of the entry point. */
export async function salvageAt(
  path: string,
  target: string,
  options: SalvageOptions | undefined,
  platform: Platform,
): Promise<SalvageReport> {
  checkPath('path', path)
  checkPath('target', target)
  if (path === target) refuseOption('target', 'another path than that of the damaged database', target)
  const given = options ?? {}
  checkProperties('options', given, ['fileSystem', 'signal', 'onProgress', 'unverified'])
  const { fileSystem, signal, onProgress, unverified = false } = given
  const on = onFileSystem(platform, fileSystem)
  if (signal !== undefined) checkSignal('signal', signal)
  if (onProgress !== undefined) checkCallable('onProgress', onProgress)
  if (typeof unverified !== 'boolean') refuseOption('unverified', 'true or false', unverified)
  const told = onProgress && ((progress: SalvageProgress) => onProgress.call(given, progress))
  return salvageDatabase(path, target, on, { signal, onProgress: told, unverified })
}

function checkPath(name: string, path: unknown): void {
  if (typeof path !== 'string' || path === '' || path.includes('\0')) refuseOption(name, 'the path of a file', path)
}

function onFileSystem(platform: Platform, fileSystem: FileSystem | undefined): Platform {
  if (fileSystem === undefined) return platform
  checkFileSystem(fileSystem)
  return { ...platform, fileSystem }
}

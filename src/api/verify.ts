import type { Engine } from '../engine/engine.ts'
import type { VerifyProgress, VerifyReport } from '../verify/report.ts'
import type { EngineVerifyOptions } from '../verify/verify.ts'
import { verifyEngine } from '../verify/verify.ts'
import type { Signal } from './durability.ts'
import { checkCallable, checkProperties, checkSignal } from './durability.ts'

export interface VerifyOptions {
  /** Ends the check; it then rejects with MANIFOLD_ABORTED. */
  signal?: Signal
  /** Called now and then with how far the check has come. */
  onProgress?(progress: VerifyProgress): void
}

export function resolveVerifyOptions(options: VerifyOptions = {}): EngineVerifyOptions {
  checkProperties('options', options, ['signal', 'onProgress'])
  const { signal, onProgress } = options
  if (signal !== undefined) checkSignal('signal', signal)
  if (onProgress !== undefined) checkCallable('onProgress', onProgress)
  return { signal, onProgress: onProgress && (progress => onProgress.call(options, progress)) }
}

export function verify(engine: Engine, options: VerifyOptions | undefined): Promise<VerifyReport> {
  return verifyEngine(engine, resolveVerifyOptions(options))
}

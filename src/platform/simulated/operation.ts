/** What changes the disk; each is counted, and power can be cut in each. */
export type ChangingKind = 'create' | 'write' | 'sync' | 'truncate' | 'rename' | 'remove' | 'syncDirectory'
export type OperationKind = ChangingKind | 'open' | 'read' | 'list' | 'lock'

/** One call on the disk, as the fault hook sees it before it happens. */
export interface Operation {
  readonly kind: OperationKind
  /** 1 for the first operation that changes the disk; for one that does not, the number of the last that did. */
  readonly number: number
  readonly path: string
  /** The new name, for 'rename'. */
  readonly to: string | undefined
  /** For 'read' and 'write'. For 'truncate', the new size stands in `position`. */
  readonly position: number
  readonly length: number
  /** True for a write that is durable on return. */
  readonly dataSync: boolean
}

/** What an operation does other than asked, while it reports success; for 'reverted' alone it reports `error`. */
export type Effect =
  /** A write takes only its first `bytes`, at most all, and says so. */
  | { readonly effect: 'short'; readonly bytes: number }
  /** A write reports success and writes nothing. */
  | { readonly effect: 'lost' }
  /** A write reports success and lands at another place of its file. */
  | { readonly effect: 'misdirected'; readonly position: number }
  /** A sync fails, and the cache shows again what the medium holds. */
  | { readonly effect: 'reverted'; readonly error: Error }

/**
 * What happens to an operation: undefined, it succeeds; an error, it fails and changes nothing; an effect, it does something
 * else. A sync that fails with an error marks what it should have made durable as clean, as Linux does on ext4 and XFS: later
 * syncs succeed without it, and reads go on to show it until the power is cut.
 */
export type Outcome = undefined | Error | Effect
export type OperationHook = (operation: Operation) => Outcome

/** Thrown by the operation in which power was cut, and by every one after it. */
export class PowerCut extends Error {
  readonly code: string = 'POWER_CUT'

  constructor() {
    super('the power is cut')
    this.name = 'PowerCut'
  }
}

/** An error as the operating system reports it: `systemError('ENOSPC', 'no space left on device')`. */
export function systemError(code: string, message: string): Error {
  return Object.assign(new Error(`${code}: ${message}`), { code })
}

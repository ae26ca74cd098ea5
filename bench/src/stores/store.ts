import type { Source } from '../workload.ts'

/**
 * What an acknowledged write has to survive: `synced` a power cut, `unsynced` the end of the process, `eventual` that
 * too and a power cut a moment later, `logless` nothing before a checkpoint.
 */
export type Level = 'synced' | 'eventual' | 'unsynced' | 'logless'

export interface StoreOptions {
  readonly directory: string
  readonly level: Level
  /** One of the ways in which a contestant can be used; each store has its own. */
  readonly config: string
  /** Room for everything that is written in memory, so that all of it is still in the log when the process ends. */
  readonly keepLog?: boolean
}

/** What one synced write carried, on average. */
export interface Grouping {
  readonly bytes: number
  readonly commits: number
}

/** What every contestant from npm can do, Manifold among them. What a store does at once, it returns at once. */
export interface Store {
  /** One entry, acknowledged as the level asks for. */
  put(key: number, value: Uint8Array): Promise<unknown> | undefined
  /** The entries of a source from `begin` to `end`, all or nothing. */
  batch(source: Source, begin: number, end: number): Promise<unknown> | undefined
  get(key: number): Uint8Array | undefined | Promise<Uint8Array | undefined>
  /** Reads keys and values in order, at most `limit` from `from` on; returns how many there were. */
  range(from: number, limit: number): number | Promise<number>
  /** Brings everything written into the form in which a long-lived database holds it. */
  settle(): Promise<unknown> | undefined
  /** Where a store can tell. */
  grouping?(): Grouping
  close(): Promise<unknown> | undefined
}

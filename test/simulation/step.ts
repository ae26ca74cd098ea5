import type { Durability } from '../../src/index.ts'

export const FAMILIES: readonly string[] = ['a', 'b', 'c']
export const TABLES: readonly string[] = ['t', 'u']

/** A change of one table. Values are made when it runs, each unlike any other; `size` is the length of its filling. */
export type Change =
  | { readonly do: 'put' | 'insert'; readonly key: string; readonly size: number }
  | { readonly do: 'putMany'; readonly keys: readonly string[]; readonly size: number }
  /** `size` undefined: it deletes. */
  | { readonly do: 'update'; readonly key: string; readonly size: number | undefined }
  | { readonly do: 'delete'; readonly key: string }
  | { readonly do: 'deleteRange'; readonly gte: string; readonly lt: string }
  | { readonly do: 'clear' }

/** What happens inside a transaction. Families and tables are indices, those of families into the transaction's own. */
export type Inside =
  | { readonly do: 'change'; readonly family: number; readonly table: number; readonly change: Change }
  | { readonly do: 'get'; readonly family: number; readonly table: number; readonly key: string }
  | { readonly do: 'savepoint' }
  | { readonly do: 'rollback'; readonly to: number }
  | { readonly do: 'pause' }

export type Step =
  | {
      readonly do: 'transaction'
      readonly families: readonly number[]
      readonly inside: readonly Inside[]
      readonly durability: Durability
      readonly end: 'commit' | 'abort'
      /** False: the writer goes on before the commit is acknowledged. */
      readonly waits: boolean
    }
  /** Transactions of their own, asked for at once. */
  | {
      readonly do: 'burst'
      readonly family: number
      readonly changes: readonly { readonly table: number; readonly change: Change }[]
      readonly durability: Durability
    }
  | { readonly do: 'writeSync'; readonly family: number; readonly change: Change; readonly durability: Durability }
  | { readonly do: 'dropFamily'; readonly family: number }
  | { readonly do: 'dropTable'; readonly family: number; readonly table: number }
  | { readonly do: 'rename'; readonly from: number; readonly to: number }
  | { readonly do: 'checkpoint' }
  | { readonly do: 'sync' }
  | { readonly do: 'reopen' }
  /** Takes a snapshot and reads it, now and again when it is closed. */
  | { readonly do: 'snapshot' }
  | { readonly do: 'closeSnapshot' }
  /** Begins an iterator and takes some entries; the rest at 'finish'. */
  | { readonly do: 'iterate'; readonly family: number; readonly table: number; readonly take: number }
  | { readonly do: 'finish' }
  | { readonly do: 'pause' }

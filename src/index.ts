import { usePlatform } from './api/database.ts'
import { setSlabGuard } from './codec/copy-out.ts'
import { nodePlatform } from './platform/node/node-platform.ts'
import { makeUntransferable } from './platform/node/untransferable.ts'

usePlatform(nodePlatform())
setSlabGuard(makeUntransferable)

export { Database } from './api/database.ts'
export { ColumnFamily } from './api/column-family.ts'
export { Table } from './api/table.ts'
export { TransactionTable } from './api/transaction-table.ts'
export { DatabaseError } from './base/errors.ts'
export { bytes } from './codec/bytes.ts'
export { json } from './codec/json.ts'
export type { Json, JsonValue } from './codec/json.ts'
export { boolean, f64, i64, int, timestamp, u64, uint } from './codec/scalars.ts'
export { table } from './codec/table.ts'
export { tuple } from './codec/tuple.ts'
export { utf8 } from './codec/utf8.ts'
export { uuid } from './codec/uuid.ts'
export type { Durability, Signal, WriteOptions } from './api/durability.ts'
export type { Entries } from './api/entries.ts'
export type { JournalMode, JournalOptions, OpenOptions, RecoveryProgress } from './api/options.ts'
export type { Bounds, Prefix, RangeOptions } from './api/range.ts'
export type { FamilySnapshot, Snapshot } from './api/snapshot.ts'
export type {
  Commit,
  FamiliesTransaction,
  FamiliesWriteTransaction,
  FamilyTransaction,
  Savepoint,
  Transaction,
  WriteTransaction,
} from './api/transaction.ts'
export type { ReadTable } from './api/types.ts'
export type { VerifyOptions } from './api/verify.ts'
export type { ErrorCode } from './base/errors.ts'
export type { KeyCodec } from './codec/key-codec.ts'
export type { TableDefinition } from './codec/table.ts'
export type { Bytes, ValueCodec } from './codec/value-codec.ts'
export type { CheckpointMessage, CommitGroupMessage, StallMessage, StallReason } from './engine/diagnostics.ts'
export type { ReadKind } from './engine/open-reads.ts'
export type { ColumnFamilyStats, DatabaseStats, MemtableStats, OpenReadStats, StatsMessage } from './engine/stats.ts'
export type { File, FileSystem, Lock, OpenMode } from './platform/file-system.ts'
export type {
  ColumnFamilyReport,
  ProblemPlace,
  TableReport,
  VerifyProblem,
  VerifyProgress,
  VerifyReport,
} from './verify/report.ts'

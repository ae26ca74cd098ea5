/**
 * The one place of this package that names the engine. It takes the build at the root, so that no install in `bench/`
 * is needed.
 */
export { Database, bytes, table, uint } from '../../dist/index.js'
export type {
  Bytes,
  ColumnFamily,
  Durability,
  JournalMode,
  ReadTable,
  Table,
  TableDefinition,
  Transaction,
} from '../../dist/index.js'
export { WRITE_UNIT_BYTES, alignedMemory } from '../../dist/base/aligned-memory.js'

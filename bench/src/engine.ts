/**
 * The one place of this package that names the engine. It takes the build at the root, so that no install in `bench/`
 * is needed.
 */
export { Database, bytes, table, uint } from '../../dist/index.js'
export type { Bytes, ColumnFamily, Durability, ReadTable, TableDefinition } from '../../dist/index.js'

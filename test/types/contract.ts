// Compiled, never run: every export of the package against the contract of its public types. `tools/check-types.mjs`
// says where the module `contract` lies.
import type * as Contract from 'contract'
import type * as Package from '../../src/index.ts'

/** Compiles only if `Actual` can stand where `Expected` is asked for. */
type Fits<Expected, Actual extends Expected> = [Expected, Actual]
type Key = readonly [string, number, Contract.Bytes]
interface Value {
  name: string
}

/** Classes that only the package constructs, so that only their instances and static members can be compared. */
type Closed = 'Database' | 'DatabaseError' | 'Table' | 'TransactionTable'

/** The values: codecs, functions and classes. A declaration file exports its helpers, too, which are left out. */
export type Values = [
  Fits<Omit<typeof Contract, Closed | 'savepoint' | 'default'>, typeof Package>,
  Fits<Omit<typeof Contract.Database, 'prototype'>, typeof Package.Database>,
  Fits<keyof typeof Package, Closed>,
]

/** What callers pass fits both ways round: everything that the contract allows is taken, and no more is asked for. */
export type Given = [
  Fits<Package.WriteOptions, Contract.WriteOptions>,
  Fits<Package.Signal, Contract.Signal>,
  Fits<Package.OpenOptions, Contract.OpenOptions>,
  Fits<Contract.Durability, Package.Durability>,
  Fits<Package.Durability, Contract.Durability>,
  Fits<Package.Bounds<Key>, Contract.Bounds<Key>>,
  Fits<Contract.Bounds<Key>, Package.Bounds<Key>>,
  Fits<Package.RangeOptions<Key>, Contract.RangeOptions<Key>>,
  Fits<Package.RangeOptions<number>, Contract.RangeOptions<number>>,
  Fits<Package.RangeOptions<Contract.Bytes>, Contract.RangeOptions<Contract.Bytes>>,
  Fits<Package.RangeOptions<string>, Contract.RangeOptions<string>>,
  Fits<Package.Prefix<Key>, Contract.Prefix<Key>>,
  Fits<Contract.Prefix<Key>, Package.Prefix<Key>>,
  Fits<Package.KeyCodec<Key>, Contract.KeyCodec<Key>>,
  Fits<Package.ValueCodec<Value>, Contract.ValueCodec<Value>>,
  Fits<Package.TableDefinition<Key, Value>, Contract.TableDefinition<Key, Value>>,
]

/** What callers get. */
export type Got = [
  Fits<Contract.Bytes, Package.Bytes>,
  Fits<Contract.KeyCodec<Key>, Package.KeyCodec<Key>>,
  Fits<Contract.ValueCodec<Value>, Package.ValueCodec<Value>>,
  Fits<Contract.TableDefinition<Key, Value>, Package.TableDefinition<Key, Value>>,
  Fits<Contract.Entries<Key>, Package.Entries<Key>>,
  Fits<Contract.ReadTable<Key, Value>, Package.ReadTable<Key, Value>>,
  Fits<Contract.Table<Key, Value>, Package.Table<Key, Value>>,
  Fits<Contract.Table<Contract.Bytes, Contract.Bytes>, Package.Table<Contract.Bytes, Contract.Bytes>>,
  Fits<Contract.TransactionTable<Key, Value>, Package.TransactionTable<Key, Value>>,
  Fits<Contract.FamilyTransaction, Package.FamilyTransaction>,
  Fits<Contract.FamiliesTransaction, Package.FamiliesTransaction>,
  Fits<Contract.Transaction, Package.Transaction>,
  Fits<Contract.Commit, Package.Commit>,
  Fits<Contract.WriteTransaction, Package.WriteTransaction>,
  Fits<Contract.FamiliesWriteTransaction, Package.FamiliesWriteTransaction>,
  Fits<Contract.FamilySnapshot, Package.FamilySnapshot>,
  Fits<Contract.Snapshot, Package.Snapshot>,
  Fits<Contract.ColumnFamily, Package.ColumnFamily>,
  Fits<Contract.Database, Package.Database>,
  Fits<Contract.DatabaseError, Package.DatabaseError>,
]

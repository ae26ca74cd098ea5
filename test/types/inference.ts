// Compiled, never run: what tables, transactions and snapshots infer and refuse.
import { Database, bytes, json, table, tuple, u64, uint, utf8 } from '../../src/index.ts'
import type {
  Bytes,
  Commit,
  DatabaseError,
  Durability,
  FamiliesTransaction,
  ReadTable,
  Table,
  Transaction,
  TransactionTable,
} from '../../src/index.ts'
import { is } from './equal.ts'

interface User {
  name: string
}
const users = table('users', { key: uint, value: json<User>() })
const visits = table('visits', { key: tuple(utf8, uint), value: u64 })
const blobs = table('blobs', { key: bytes, value: bytes })

export async function tables(db: Database): Promise<void> {
  const tenant = db.columnFamily('tenant')
  const t = tenant.table(users)
  is<Table<number, User>>()(t)
  is<User | undefined>()(t.get(1))
  is<boolean>()(t.has(1))
  is<(User | undefined)[]>()(t.getMany([1, 2]))
  is<[key: number, value: User] | undefined>()(t.first({ gt: 1 }))
  is<number>()(t.count())
  is<Promise<void>>()(t.put(1, { name: 'Ada' }, { durability: 'none' }))
  is<Promise<User | undefined>>()(t.update(1, old => old && { name: old.name }))
  for (const [id, user] of t.range({ gte: 1, lt: 100, limit: 10 })) {
    is<number>()(id)
    is<User>()(user)
  }
  is<number[]>()(t.keys().toArray())
  is<string[]>()(
    t
      .values()
      .map(user => user.name)
      .toArray(),
  )
  t.scan({}, (id, user) => (id > 5 ? false : void user.name))

  // @ts-expect-error A key of another type.
  t.get('1')
  // @ts-expect-error A value of another type.
  void t.put(1, { nom: 'Ada' })
  // @ts-expect-error A scalar has no prefix.
  t.range({ prefix: 1 })
  // @ts-expect-error Not a durability.
  void t.put(1, { name: 'Ada' }, { durability: 'sync' })
  // @ts-expect-error deleteRange needs bounds.
  void t.deleteRange()

  const v = db.table(visits)
  is<bigint | undefined>()(v.get(['/home', 1]))
  v.range({ prefix: ['/home'], gt: ['/home'], lte: ['/home', 5] })
  // @ts-expect-error Half a key.
  v.get(['/home'])
  // @ts-expect-error Not the first elements.
  v.range({ prefix: [1] })

  const b = db.table(blobs)
  is<Bytes | undefined>()(b.get(new Uint8Array(new SharedArrayBuffer(1))))
  await b.put(Buffer.from('a'), new Uint8Array(new SharedArrayBuffer(1)))
}

export async function transactions(db: Database): Promise<void> {
  const tenant = db.columnFamily('tenant')
  is<Promise<number>>()(tenant.write(txn => (is<Transaction>()(txn), txn.table(users).get(1)?.name.length ?? 0)))
  is<Promise<string>>()(db.write(async txn => (txn.family(tenant).table(users).put(1, { name: 'Ada' }), 'done')))
  is<Promise<boolean>>()(
    db.write([tenant], txn => (is<FamiliesTransaction>()(txn), txn.family(tenant).table(users).has(1))),
  )
  is<number>()(db.writeSync(() => 5))
  is<number>()(db.writeSync([tenant], () => 5))
  is<void>()(tenant.writeSync(txn => txn.table(users).clear()))
  // @ts-expect-error A synchronous body cannot wait.
  tenant.writeSync(async () => 5)
  // @ts-expect-error The same on the database.
  db.writeSync(async () => {})
  // @ts-expect-error The same over several families.
  db.writeSync([tenant], () => Promise.resolve(5))
  // @ts-expect-error A body over several families names the family.
  void db.write([tenant], txn => txn.table(users))
  // @ts-expect-error A body does not commit.
  void db.write(txn => txn.commit())

  const txn = await db.beginWrite()
  const t = txn.table(users)
  is<TransactionTable<number, User>>()(t)
  is<void>()(t.put(1, { name: 'Ada' }))
  is<User | undefined>()(t.update(1, () => undefined))
  // @ts-expect-error Synchronous writes take no options.
  t.put(1, { name: 'Ada' }, {})
  const point = txn.savepoint()
  txn.rollbackTo(point)
  // @ts-expect-error Only a savepoint is one.
  txn.rollbackTo({})
  const commit: Commit = await txn.commit()
  is<number>()(commit.sequence)
  is<Promise<void>>()(commit.durable)
  const several = await db.beginWrite([tenant])
  // @ts-expect-error A transaction over several families names the family.
  several.table(users)
  several.abort()
}

export function nominal(own: Table<number, User>, inner: TransactionTable<number, User>): void {
  const reads: ReadTable<number, User>[] = [own, inner]
  // @ts-expect-error Its writes take part in a transaction.
  const a: Table<number, User> = inner
  // @ts-expect-error Its writes are transactions of their own.
  const b: TransactionTable<number, User> = own
  // @ts-expect-error Tables are not made by hand.
  const c: Table<number, User> = { ...own }
  void [reads, a, b, c]
}

export function snapshots(db: Database): void {
  const snapshot = db.snapshot()
  is<number>()(snapshot.sequence)
  const reads: ReadTable<number, User> = snapshot.table(users)
  is<User | undefined>()(snapshot.family(db.columnFamily('tenant')).table(users).get(1))
  // @ts-expect-error A snapshot is read only.
  snapshot.table(users).put(1, { name: 'Ada' })
  snapshot[Symbol.dispose]()
  void reads
}

export async function opening(): Promise<void> {
  const db: Database = await Database.open('app.manifold', { journal: { maxDelayMicros: 500 }, durability: 'eventual' })
  await db[Symbol.asyncDispose]()
  // @ts-expect-error A misspelt option.
  await Database.open('app.manifold', { jurnal: 'off' })
  // @ts-expect-error A database is opened.
  new Database()
  const { signal } = new AbortController()
  await Database.open('app.manifold', { signal, onBackgroundError: error => is<DatabaseError>()(error) })
}

export function codes(error: DatabaseError, durability: Durability): void {
  if (error.code === 'MANIFOLD_CORRUPTION') is<string | undefined>()(error.file)
  // @ts-expect-error The union of codes is closed.
  if (error.code === 'MANIFOLD_TYPO') return
  is<'immediate' | 'eventual' | 'none'>()(durability)
}

import { Database, json, table, tuple, uint, utf8 } from 'manifold-db'

interface User {
  name: string
  email?: string
}

// A table is declared once: its name, and what its keys and values are.
const users = table('users', { key: uint, value: json<User>() })
const visits = table('visits', { key: tuple(utf8, uint), value: uint })

// Creates the database if there is none. One process at a time can have it open.
const db = await Database.open('app.manifold')

// A column family is a set of tables with a write lock of its own. It exists from its first write on.
const tenant = db.columnFamily('tenant-7')

// A write of its own: the promise resolves when the entry would survive a power cut.
await tenant.table(users).put(1, { name: 'Ada' })

// Reads are synchronous.
console.log(tenant.table(users).get(1))

// One transaction: all or nothing. If the body throws, nothing has happened.
await tenant.write(txn => {
  txn.table(users).put(2, { name: 'Grace', email: 'grace@example.org' })
  txn.table(users).update(1, user => user && { ...user, email: 'ada@example.org' })
  txn.table(visits).put(['/home', 2], 1)
  txn.table(visits).put(['/home', 1], 3)
  txn.table(visits).put(['/about', 1], 1)
})

// Atomic across families, too.
const audit = db.columnFamily('audit')
const log = table('log', { key: uint, value: utf8 })
await db.write([tenant, audit], txn => {
  txn.family(tenant).table(users).delete(2)
  txn.family(audit).table(log).put(1, 'user 2 has left')
})

// Ranges are in the order of the keys, in both directions; the first elements of a tuple are a prefix.
for (const [[page, user], count] of tenant.table(visits).range({ prefix: ['/home'] })) {
  console.log(`${page} by user ${user}: ${count}`)
}

// A snapshot is one consistent cut across all families, whatever is written meanwhile.
const snapshot = db.snapshot()
await tenant.table(users).clear({ durability: 'eventual' })
console.log(snapshot.family(tenant).table(users).count(), 'then,', tenant.table(users).count(), 'now')
snapshot.close()

await db.close()

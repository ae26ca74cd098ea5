import assert from 'node:assert/strict'
import { Database, table, uint, utf8 } from 'manifold-db'
import { cutPowerEverywhere } from 'manifold-db/simulation'

// The code to be tested: it knows nothing of the simulation.
const accounts = table('accounts', { key: utf8, value: uint })

async function open(): Promise<Database> {
  const db = await Database.open('bank.manifold')
  await db.write(txn => {
    if (!txn.table(accounts).has('alice')) txn.table(accounts).putMany(Object.entries({ alice: 100, bob: 0 }))
  })
  return db
}

async function transfer(db: Database, amount: number): Promise<void> {
  await db.write(txn => {
    txn.table(accounts).update('alice', balance => balance! - amount)
    txn.table(accounts).update('bob', balance => balance! + amount)
  })
}

// The power fails in every single operation on the disk; each time several states are tried that it may leave.
const checked = await cutPowerEverywhere(
  () => {
    let acknowledged = 0
    return {
      async run() {
        const db = await open()
        for (let i = 0; i < 4; i++) {
          await transfer(db, 10)
          acknowledged += 10
        }
        await db.close()
      },
      async check() {
        const db = await open()
        const alice = db.table(accounts).get('alice')!
        const bob = db.table(accounts).get('bob')!
        assert.equal(alice + bob, 100, 'no money is made or lost')
        assert.ok(bob >= acknowledged, 'no transfer that was acknowledged is lost')
        await db.close()
      },
    }
  },
  { seed: 1 },
)
console.log(`${checked} states after power cuts are as they must be`)

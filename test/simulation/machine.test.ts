import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Durability } from '../../src/index.ts'
import { Database } from '../../src/index.ts'
import { cutPowerEverywhere, SimulatedMachine } from '../../src/simulation.ts'
import type { PowerCutOptions, Program } from '../../src/simulation.ts'
import { numbers } from '../support/open.ts'

/** Writes numbers, and believes them to be there from their acknowledgement on. */
function counting(durability: Durability): () => Program {
  return () => {
    let acknowledged = 0
    return {
      async run() {
        const db = await Database.open('numbers.manifold')
        for (let i = 1; i <= 3; i++) {
          await db.table(numbers).put(i, i, { durability })
          acknowledged = i
        }
        await db.close()
      },
      async check() {
        const db = await Database.open('numbers.manifold')
        const count = db.table(numbers).count()
        assert.ok(count >= acknowledged, `${count} of ${acknowledged}`)
        await db.close()
      },
    }
  }
}

test('a program that is right passes, and all of its power cuts are tried', async () => {
  const checked = await cutPowerEverywhere(counting('immediate'), { seed: 1, imagesPerOperation: 3 })
  assert.ok(checked > 60 && checked % 3 === 0, `${checked} states`)
})

test('a program that relies on more than it was promised fails, and one option shows it again', async () => {
  const failing = async (options: PowerCutOptions): Promise<string> => {
    let message = ''
    await cutPowerEverywhere(counting('none'), options).catch((error: Error) => (message = error.message))
    return message
  }
  const message = await failing({ seed: 1 })
  const [, operation, image] =
    /^power cut in operation (\d+), image (\d+) \(\w+\), seed 1: \d of \d$/.exec(message) ?? []
  assert.ok(operation !== undefined, message)
  assert.equal(await failing({ seed: 1, only: { operation: Number(operation), image: Number(image) } }), message)
})

test('one seed is one run, to the last byte', async () => {
  const bytes = async (seed: number): Promise<Uint8Array[]> => {
    const machine = new SimulatedMachine(seed)
    await machine.run(async () => {
      const db = await Database.open('numbers.manifold', { journal: { segmentBytes: 65_536 } })
      await Promise.all(
        [1, 2, 3].map(async i => {
          await machine.scheduler.turn()
          await db
            .columnFamily(`f${i % 2}`)
            .table(numbers)
            .put(i, i)
        }),
      )
      await db.checkpoint()
    })
    const { disk } = machine.afterPowerCut()
    return disk
      .listSync('.')
      .sort()
      .map(name => disk.contents(name))
  }
  assert.deepEqual(await bytes(7), await bytes(7))
  assert.notDeepEqual(await bytes(7), await bytes(8))
})

test('faults and a full disk reach the program, and after the run databases lie on the real disk again', async () => {
  const broken = new SimulatedMachine(1, { faults: [{ fault: 'error', on: { kind: 'sync' }, code: 'EIO' }] })
  await assert.rejects(
    broken.run(() => Database.open('numbers.manifold')),
    { code: 'MANIFOLD_IO' },
  )
  const full = new SimulatedMachine(1, { capacityBytes: 10_000 })
  await assert.rejects(
    full.run(() => Database.open('numbers.manifold')),
    { code: 'MANIFOLD_NO_SPACE' },
  )
  await assert.rejects(Database.open('numbers.manifold', { createIfMissing: false }), { code: 'MANIFOLD_NOT_FOUND' })
  assert.deepEqual(full.disk.listSync('.'), [])
})

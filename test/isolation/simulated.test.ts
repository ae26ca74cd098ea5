import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import type { Database } from '../../src/index.ts'
import { SeededRandom } from '../../src/platform/simulated/random.ts'
import { Fault, isLog, whenFull } from '../support/faults.ts'
import { figure, timeIsOver } from '../support/figures.ts'
import { JOURNALS, PATH, runs } from '../support/open.ts'
import { checkPages } from '../support/pages.ts'
import { Chance } from './chance.ts'
import { observeCommits } from './commit-observer.ts'
import { Recorder } from './recorder.ts'
import { SimulatedMachine } from './simulated-machine.ts'
import { assertIsolated, withinTurns, work } from './workload.ts'

const SEED = Number(process.env['MANIFOLD_TEST_SEED'] ?? 1)
/** With those on real files 500,000, in a long run 50 million. */
const TARGET = runs(450_000, 47_500_000)
const IMAGES = 3

/** Now and then cuts the power of a copy of the disk, opens what is left of it, and writes down what is found. */
async function photograph(machine: SimulatedMachine, db: Database, recorder: Recorder, chance: Chance): Promise<void> {
  for (let i = 0; i < IMAGES; i++) {
    for (let pause = chance.below(300); pause > 0; pause--) await chance.pause()
    const mode = chance.pick(['none', 'none', 'random', 'prefix'] as const)
    const expectation = recorder.expectation(`image ${i} (${mode})`, db, machine.journal !== 'off')
    const image = machine.disk.crash(new SeededRandom(chance.next()), { mode, tornSectors: true })
    const opened = await machine.open(image)
    recorder.found(expectation, opened)
    await opened.close()
  }
}

/** Errors of the log, or a disk that is full for a while; most histories have neither. */
function misfortune(machine: SimulatedMachine, chance: Chance): void {
  if (machine.journal === 'off' || chance.chance(0.6)) return
  const { disk } = machine
  let left = 20 + chance.below(300)
  if (chance.chance(0.5)) {
    const kind = chance.pick(['write', 'sync'] as const)
    new Fault(disk, 'EIO', operation => isLog(operation) && operation.kind === kind && --left < 0)
    return
  }
  const full = whenFull(disk)
  new Fault(disk, 'ENOSPC', operation => full(operation) && --left < 0 && left > -10)
}

/** One history: everything that happens on one machine, from its seed. */
async function live(seed: number): Promise<Recorder> {
  const machine = new SimulatedMachine(seed, JOURNALS[seed % JOURNALS.length]!)
  const chance = new Chance(seed)
  const recorder = new Recorder()
  const stop = observeCommits(recorder.numbered)
  try {
    const db = await machine.open()
    misfortune(machine, chance)
    await Promise.all([work(db, recorder, seed), photograph(machine, db, recorder, chance)])
    machine.disk.onOperation = undefined
    const end = recorder.expectation('the end', db, machine.journal !== 'off')
    if (chance.chance(0.5)) {
      await db.close()
      checkPages(machine.disk, PATH)
      const durable = recorder.isBroken ? end.durable : end.appended
      const again = await machine.open()
      recorder.found({ ...end, durable }, again)
      await again.close()
    } else {
      machine.disk.cutPower()
      await db.close().catch(() => {})
      const left = machine.disk.crash(new SeededRandom(seed), { mode: chance.pick(['all', 'none', 'random'] as const) })
      const again = await machine.open(left)
      recorder.found(end, again)
      await again.close()
    }
  } finally {
    stop()
  }
  return recorder
}

test('concurrent writers and readers on a simulated disk: an order of all transactions explains every history', async () => {
  let operations = 0
  for (let seed = SEED; operations < TARGET && !timeIsOver(); seed++) {
    try {
      const recorder = await withinTurns(live(seed))
      assertIsolated(recorder)
      operations += recorder.history.operations
    } catch (error) {
      const command = `MANIFOLD_TEST_SEED=${seed} MANIFOLD_TEST_RUNS=0.00001 npm test -- isolation/simulated`
      throw new Error(
        `seed ${seed}, again with: ${command}\n${error instanceof Error ? error.message : String(error)}`,
        {
          cause: error,
        },
      )
    }
  }
  figure('operations through the isolation checker', operations, TARGET)
})

test('the same seed gives the same history', async () => {
  for (const seed of [SEED, SEED + 1, SEED + 2]) {
    const [first, second] = [await live(seed), await live(seed)].map(({ history }) =>
      createHash('sha256')
        .update(JSON.stringify([history.transactions, history.operations]))
        .digest('hex'),
    )
    assert.equal(first, second, `seed ${seed}`)
  }
})

import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { append, endOf, freshLog, journalAt, newGenerator, payloadOf, quiet, recover, START } from './fixture.test.ts'
import type { Kind, Log } from './fixture.test.ts'
import type { Need } from './journal.ts'
import type { LogStart } from './log-reader.ts'

const RUNS = 60 * Number(process.env['MANIFOLD_TEST_RUNS'] ?? 1)

type Step =
  | { readonly do: 'append'; readonly bytes: number; readonly need: Need }
  | { readonly do: 'settle' }
  | { readonly do: 'turn' }
  | { readonly do: 'fire' }
  | { readonly do: 'syncNow' }
  | { readonly do: 'writeNow' }
  | { readonly do: 'truncate' }
  | { readonly do: 'cut'; readonly keep: number }
  | { readonly do: 'cutSoon'; readonly calls: number; readonly keep: number }
  | { readonly do: 'kill' }

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('append' as const),
      bytes: fc.oneof(fc.nat(100), fc.nat(2000), fc.nat(40_000)).map(n => n * 4),
      need: fc.constantFrom<Need>('sync', 'delayed-sync', 'write'),
    }),
  },
  { weight: 3, arbitrary: fc.constantFrom<Step>({ do: 'settle' }, { do: 'turn' }, { do: 'fire' }) },
  { weight: 2, arbitrary: fc.constantFrom<Step>({ do: 'syncNow' }, { do: 'writeNow' }, { do: 'truncate' }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('cut' as const), keep: fc.constantFrom(0, 0.2, 0.5, 0.9, 1) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('cutSoon' as const),
      calls: fc.integer({ min: 1, max: 12 }),
      keep: fc.constantFrom(0, 0.2, 0.5, 0.9, 1),
    }),
  },
  { weight: 1, arbitrary: fc.constant<Step>({ do: 'kill' }) },
)

/** What the log must hold, beside what it does. */
class Model {
  readonly kind: Kind
  readonly next: () => number
  log: Log
  /** Payload length by sequence; index 0 is unused. */
  lengths: number[] = [0]
  /** The header of the data file: where a recovery begins. */
  start: LogStart = START
  /** The highest sequence known synced, and the highest known written. */
  synced = 0
  written = 0
  /** Calls that the disk still takes before the power goes; undefined while it stays. */
  callsLeft: number | undefined
  keep = 1

  constructor(kind: Kind, log: Log, seed: number) {
    this.kind = kind
    this.log = log
    this.next = newGenerator(seed)
  }

  look(): void {
    const { journal } = this.log
    assert.ok(journal.appended >= journal.written && journal.written >= journal.synced)
    this.synced = Math.max(this.synced, journal.lastSynced)
    if (journal.written === journal.appended) this.written = journal.lastAppended
  }

  async run(step: Step): Promise<void> {
    const { journal, clock } = this.log
    switch (step.do) {
      case 'append':
        this.lengths[journal.lastAppended + 1] = step.bytes
        await append(this.log, step.bytes, step.need)
        break
      case 'settle':
        await journal.waitForSync(journal.appended)
        assert.equal(journal.synced, journal.appended)
        break
      case 'turn':
        await quiet(1 + Math.floor(this.next() * 3))
        break
      case 'fire':
        clock.fire()
        break
      case 'syncNow':
        journal.syncNow()
        break
      case 'writeNow':
        journal.writeNow()
        break
      case 'truncate':
        if (journal.synced !== journal.appended) break
        this.start = endOf(journal)
        journal.truncate(this.start)
        break
      case 'cut':
        await this.crash(step.keep)
        break
      case 'cutSoon':
        this.cutAfter(step.calls, step.keep)
        break
      case 'kill':
        await this.crash(undefined)
        break
    }
    this.look()
  }

  cutAfter(calls: number, keep: number): void {
    this.callsLeft = calls
    this.keep = keep
    this.log.disk.before = () => {
      if (this.callsLeft === undefined || this.callsLeft-- <= 0) {
        this.callsLeft = -1
        throw Object.assign(new Error('EIO: the power is off'), { code: 'EIO' })
      }
    }
  }

  /**
   * The power goes (a part of what is unsynced is kept), or the process is killed (all is kept); then the log is
   * recovered, twice.
   */
  async crash(keep: number | undefined): Promise<void> {
    this.look()
    const { disk, journal } = this.log
    // What the old process still has under way comes to nothing.
    const after = disk.clone()
    disk.before = () => {
      throw new Error('EIO: the process is gone')
    }
    if (keep !== undefined) after.cut(() => this.next() < keep)
    const again = after.clone()
    const { payloads, place } = await recover(after, this.start)
    const last = this.start.sequence + payloads.length
    assert.ok(last >= this.synced, `recovered through ${last}, synced through ${this.synced}`)
    assert.ok(last <= journal.lastAppended)
    if (keep === undefined)
      assert.ok(last >= this.written, `recovered through ${last}, written through ${this.written}`)
    for (let i = 0; i < payloads.length; i++) {
      const sequence = this.start.sequence + 1 + i
      assert.ok(Buffer.from(payloads[i]!).equals(payloadOf(sequence, this.lengths[sequence]!)), `record ${sequence}`)
    }
    assert.deepEqual((await recover(again, this.start)).payloads, payloads)
    again.cut(() => false)
    assert.deepEqual(
      (await recover(again, this.start)).payloads,
      payloads,
      'what recovery accepted survives a power cut',
    )
    this.callsLeft = undefined
    this.synced = this.written = last
    this.log = journalAt(after, place, this.kind)
  }
}

for (const kind of ['sync', 'async'] as const) {
  test(
    `${kind}: after any cut the log is a prefix that holds all that was synced`,
    { timeout: 120_000 * Math.max(1, RUNS / 60) },
    async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(anyStep, { minLength: 5, maxLength: 40 }), fc.integer(), async (steps, seed) => {
          const model = new Model(kind, await freshLog(kind), seed)
          for (const step of steps) {
            try {
              await model.run(step)
            } catch (error) {
              if (model.callsLeft === undefined || model.callsLeft >= 0) throw error
            }
            if (model.callsLeft !== undefined && model.callsLeft < 0) await model.crash(model.keep)
          }
          await model.crash(0.5)
        }),
        { numRuns: RUNS },
      )
    },
  )
}

import fc from 'fast-check'
import type { JournalMode } from '../../src/index.ts'
import type { Fault, FaultTarget } from '../../src/platform/simulated/fault.ts'
import type { LifePlan, Scenario } from './simulation.ts'
import type { Change, Inside, Step } from './step.ts'

const key = fc.oneof(
  { weight: 8, arbitrary: fc.nat(14).map(n => `k${String(n).padStart(2, '0')}`) },
  { weight: 1, arbitrary: fc.nat(3).map(n => `${'long-'.repeat(40)}${n}`) },
)
const size = fc.oneof(
  { weight: 14, arbitrary: fc.nat(60) },
  { weight: 1, arbitrary: fc.constantFrom(3000, 9000, 24_000) },
)
const change: fc.Arbitrary<Change> = fc.oneof(
  { weight: 10, arbitrary: fc.record({ do: fc.constant('put' as const), key, size }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('insert' as const), key, size }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('putMany' as const),
      keys: fc.array(key, { maxLength: 5 }),
      size: fc.nat(40),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('update' as const),
      key,
      size: fc.option(size, { nil: undefined, freq: 3 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('delete' as const), key }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('deleteRange' as const), gte: key, lt: key }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('clear' as const) }) },
)
const family = fc.nat(2)
const table = fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.constant(1) })
const inside: fc.Arbitrary<Inside> = fc.oneof(
  { weight: 16, arbitrary: fc.record({ do: fc.constant('change' as const), family, table, change }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('get' as const), family, table, key }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('savepoint' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('rollback' as const), to: fc.nat(3) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('pause' as const) }) },
)
const durability = fc.constantFrom('immediate' as const, 'immediate' as const, 'eventual' as const, 'none' as const)
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 20,
    arbitrary: fc.record({
      do: fc.constant('transaction' as const),
      families: fc.uniqueArray(family, { minLength: 1, maxLength: 3 }),
      inside: fc.array(inside, { minLength: 1, maxLength: 8 }),
      durability,
      end: fc.nat(7).map(n => (n === 7 ? ('abort' as const) : ('commit' as const))),
      waits: fc.boolean(),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('burst' as const),
      family,
      changes: fc.array(fc.record({ table, change }), { minLength: 1, maxLength: 6 }),
      durability,
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('writeSync' as const), family, change, durability }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('dropFamily' as const), family }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('dropTable' as const), family, table }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('rename' as const), from: family, to: family }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('checkpoint' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('sync' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('reopen' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('snapshot' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('closeSnapshot' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('iterate' as const), family, table, take: fc.nat(4) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('finish' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('pause' as const) }) },
)

const path = fc.constantFrom('-wal', '.manifold')
const nth = fc.integer({ min: 1, max: 30 })

function target<K extends FaultTarget['kind']>(...kinds: K[]): fc.Arbitrary<FaultTarget> {
  return fc.record({ kind: fc.constantFrom(...kinds), path, nth })
}

/** What fails, and says so. */
export const failing: fc.Arbitrary<Fault> = fc.oneof(
  fc.record({
    fault: fc.constant('error' as const),
    on: target('sync', 'write', 'create', 'open', 'read', 'truncate', 'remove', 'syncDirectory'),
    code: fc.constantFrom('EIO', 'ENOSPC', 'EMFILE'),
  }),
  fc.record({ fault: fc.constant('error' as const), on: target('sync'), code: fc.constant('EIO') }),
  fc.record({ fault: fc.constant('reverted sync' as const), on: target('sync') }),
  fc.record({
    fault: fc.constant('short write' as const),
    on: target('write'),
    bytes: fc.integer({ min: 1, max: 9000 }),
  }),
)

/** What goes wrong unsaid. */
export const damaging: fc.Arbitrary<Fault> = fc.oneof(
  fc.record({ fault: fc.constant('lost write' as const), on: target('write') }),
  fc.record({
    fault: fc.constant('misdirected write' as const),
    on: target('write'),
    byBytes: fc.constantFrom(-8192, -4096, -512, 512, 4096, 8192),
  }),
  fc.record({ fault: fc.constant('bit rot' as const), on: target('write', 'sync'), bit: fc.nat(8 * 200_000) }),
)

export type Trouble = 'none' | 'failures' | 'damage'

/** What goes wrong in a life: the faults that it is about, or a disk that is nearly full. */
function troubles(trouble: Trouble): fc.Arbitrary<Pick<LifePlan, 'faults' | 'freeBytes'>> {
  const none = { faults: [], freeBytes: undefined }
  if (trouble === 'none') return fc.constant(none)
  const fault = trouble === 'failures' ? failing : damaging
  const faults = fc.array(fault, { minLength: 1, maxLength: 3 }).map(list => ({ faults: list, freeBytes: undefined }))
  if (trouble === 'damage') return faults
  return fc.oneof(
    faults,
    fc.nat(300_000).map(freeBytes => ({ faults: [], freeBytes })),
  )
}

/** Two or three lives, each of one to three writers. Only the last one sees damage, since nothing is known of what comes after. */
export function scenario(journal: JournalMode, trouble: Trouble): fc.Arbitrary<Scenario> {
  const writers = fc.array(fc.array(step, { minLength: 1, maxLength: 9 }), { minLength: 1, maxLength: 3 })
  const otherJournal = fc.oneof(
    { weight: 7, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.constantFrom<JournalMode>('sync', 'async', 'off') },
  )
  const life = (about: Trouble): fc.Arbitrary<LifePlan> =>
    fc
      .record({ writers, troubles: troubles(about), closes: fc.boolean(), journal: otherJournal })
      .map(({ troubles: { faults, freeBytes }, ...rest }) => ({ ...rest, faults, freeBytes }))
  const lives = (first: Trouble): fc.Arbitrary<LifePlan[]> => fc.array(life(first), { minLength: 1, maxLength: 2 })
  return fc
    .record({
      seed: fc.nat(),
      journal: fc.constant(journal),
      before: lives(trouble === 'damage' ? 'none' : trouble),
      last: trouble === 'damage' ? fc.array(life('damage'), { minLength: 1, maxLength: 1 }) : fc.constant([]),
    })
    .map(({ before, last, ...rest }) => ({ ...rest, lives: [...before, ...last] }))
}

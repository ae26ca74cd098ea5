import { test } from 'node:test'
import fc from 'fast-check'
import type { JournalMode } from '../../src/index.ts'
import type { Command, Step, TableName } from './machine.ts'
import { Machine } from './machine.ts'
import type { TestRange } from './reference.ts'

const RUNS = Math.ceil(60 * Number(process.env['MANIFOLD_TEST_RUNS'] ?? 1))

/** Names of different lengths, so that the machine can tell from a step which of a transaction's families it means. */
const family = fc.constantFrom('f', 'gg', 'hhh')
const table = fc.constantFrom<TableName>('a', 'b')
const key = fc.oneof(
  fc.stringMatching(/^[abk]{0,3}$/),
  fc.nat(400).map(n => `k${String(n).padStart(4, '0')}`),
  fc.nat(20).map(n => `${'long-'.repeat(60)}${n}`),
)
const size = fc.oneof(
  { weight: 6, arbitrary: fc.nat(120) },
  { weight: 1, arbitrary: fc.constantFrom(3000, 9000, 40_000) },
)
const range: fc.Arbitrary<TestRange> = fc.record(
  {
    gte: fc.option(key, { nil: undefined }),
    lt: fc.option(key, { nil: undefined }),
    reverse: fc.boolean(),
    limit: fc.oneof(fc.nat(5), fc.constant(10_000)),
    offset: fc.nat(3),
  },
  { requiredKeys: [] },
)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 20, arbitrary: fc.record({ do: fc.constant('put' as const), family, table, key, size }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('delete' as const), family, table, key }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('deleteRange' as const), family, table, range }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('clear' as const), family, table }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('savepoint' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('rollback' as const), to: fc.nat(5) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('pause' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('checkpoint' as const) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('look' as const), family, table, range }) },
)
const durability = fc.constantFrom('immediate' as const, 'eventual' as const, 'none' as const)
const mode = fc.constantFrom('random' as const, 'prefix' as const, 'all' as const, 'none' as const)
const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 20,
    arbitrary: fc.record({
      do: fc.constant('write' as const),
      families: fc.uniqueArray(family, { minLength: 1, maxLength: 3 }),
      steps: fc.array(step, { maxLength: 40, size: 'max' }),
      durability,
      fails: fc.nat(5).map(n => n === 0),
      sync: fc.nat(3).map(n => n === 0),
    }),
  },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('read' as const), family, table, range, key }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('snapshot' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('closeSnapshot' as const), which: fc.nat(9) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('iterate' as const), family, table, range, take: fc.nat(8) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('finishIterator' as const), which: fc.nat(9) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('dropFamily' as const), family }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('renameFamily' as const), from: family, to: family }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('dropTable' as const), family, table }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('checkpoint' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('sync' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('reopen' as const) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('crash' as const), seed: fc.nat(), mode }) },
)

for (const journal of ['sync', 'async', 'off'] satisfies JournalMode[]) {
  test(`a database with journal '${journal}' equals sorted arrays, whatever is done to it`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(command, { maxLength: 60, size: 'max' }), async commands => {
        const machine = new Machine(journal)
        await machine.open()
        for (const each of commands) await machine.run(each)
        await machine.finish()
      }),
      { numRuns: RUNS },
    )
  })
}

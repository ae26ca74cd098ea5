import type { Durability } from '../../src/index.ts'
import type { Fault } from '../../src/platform/simulated/fault.ts'
import type { LifePlan } from './simulation.ts'
import type { Change, Inside, Step } from './step.ts'

const [A, B, C] = [0, 1, 2]

const put = (key: string, size = 40): Change => ({ do: 'put', key, size })
const inside = (family: number, ...changes: Change[]): Inside[] =>
  changes.map(change => ({ do: 'change', family, table: 0, change }))

/** One commit of its own, awaited. */
function alone(family: number, change: Change, durability: Durability = 'immediate'): Step {
  return { do: 'burst', family, changes: [{ table: 0, change }], durability }
}

/** Commits of one family, asked for at once. */
function burst(family: number, changes: readonly Change[], durability: Durability = 'immediate'): Step {
  return { do: 'burst', family, changes: changes.map(change => ({ table: 0, change })), durability }
}

interface TransactionSettings {
  readonly durability?: Durability
  readonly waits?: boolean
  readonly end?: 'commit' | 'abort'
}

function transaction(
  families: readonly number[],
  steps: readonly Inside[],
  { durability = 'immediate', waits = true, end = 'commit' }: TransactionSettings = {},
): Step {
  return { do: 'transaction', families, inside: steps, durability, waits, end }
}

const checkpoint: Step = { do: 'checkpoint' }
const sync: Step = { do: 'sync' }
const reopen: Step = { do: 'reopen' }
const pause: Step = { do: 'pause' }
const snapshot: Step = { do: 'snapshot' }
const closeSnapshot: Step = { do: 'closeSnapshot' }

function times(count: number, make: (index: number) => Step | readonly Step[]): Step[] {
  return Array.from({ length: count }, (_, index) => make(index)).flat()
}

function life(writers: readonly (readonly Step[])[], faults: readonly Fault[] = [], closes = true): LifePlan {
  return { writers, faults, closes }
}

/** One that ends with its power cut at an operation that the seed chooses. */
function interrupted(...writers: readonly (readonly Step[])[]): LifePlan {
  return life(writers, [], false)
}

/** What is done to the database while the power is cut in every operation. The name says what holds whatever the cut leaves. */
export const SCRIPTS: Readonly<Record<string, readonly LifePlan[]>> = {
  'a new database is there as a whole or not at all': [life([[pause]])],
  'single puts stay from their acknowledgement on': [life([times(6, i => alone(A, put(`k${i % 4}`)))])],
  'weak commits are lost from the end only, and never before a strong one behind them': [
    life([
      [
        alone(A, put('k1'), 'none'),
        alone(A, put('k2'), 'eventual'),
        alone(B, put('k3'), 'none'),
        alone(A, put('k4')),
        alone(B, put('k5'), 'none'),
        sync,
        alone(A, put('k6'), 'none'),
      ],
    ]),
  ],
  'a sync makes all durable that was committed before it': [
    life([
      [...times(4, i => alone(i % 2, put(`k${i}`), 'none')), sync, ...times(3, i => alone(C, put(`n${i}`), 'none'))],
    ]),
  ],
  'eventual commits become durable by themselves': [
    life([[...times(4, i => alone(A, put(`k${i}`), 'eventual')), ...times(12, () => pause)]]),
  ],
  'a group of commits is cut in the order of the log': [
    life([
      [
        burst(A, [put('first')]),
        burst(
          A,
          Array.from({ length: 12 }, (_, i) => put(`k${i}`, 100 + i)),
        ),
      ],
    ]),
  ],
  'writers of different families are cut at one point of the log': [
    life(
      [A, B, C].map(family =>
        times(5, i => transaction([family], inside(0, put(`k${i}`, 60)), { waits: i % 2 === 0 })),
      ),
    ),
  ],
  'a commit over several families is in all of them or in none': [
    life([
      times(5, i =>
        transaction(
          [A, B, C],
          [...inside(0, put('k', 30)), ...inside(1, put('k', 700)), ...inside(2, put(`k${i}`, 30))],
        ),
      ),
    ]),
  ],
  'overlapping transactions over shared families keep their order': [
    life([
      times(4, i =>
        transaction([A, B], [...inside(0, put(`x${i}`)), { do: 'pause' }, ...inside(1, put(`x${i}`))], {
          waits: false,
        }),
      ),
      times(4, i =>
        transaction([B, C], [...inside(0, put(`y${i}`)), { do: 'pause' }, ...inside(1, put(`y${i}`))], {
          waits: false,
        }),
      ),
    ]),
  ],
  'an aborted transaction leaves nothing': [
    life([
      times(4, i => [
        transaction([A], inside(0, put('gone', 300), put(`gone${i}`)), { end: 'abort' }),
        transaction([A], inside(0, put(`k${i}`)), { durability: 'none' }),
      ]),
    ]),
  ],
  'what a savepoint took back does not come back': [
    life([
      times(3, i =>
        transaction(
          [A, B],
          [
            ...inside(0, put(`kept${i}`)),
            { do: 'savepoint' },
            ...inside(0, put(`gone${i}`, 400), { do: 'clear' }),
            ...inside(1, put('gone')),
            { do: 'rollback', to: 0 },
            ...inside(1, put(`kept${i}`)),
          ],
        ),
      ),
    ]),
  ],
  'a checkpoint moves commits out of the log without a gap': [
    life([
      times(3, i => [
        transaction([A, B], [...inside(0, put(`k${i}`, 500)), ...inside(1, put('same'))]),
        alone(A, put('weak'), 'none'),
        checkpoint,
      ]),
    ]),
  ],
  'commits during a checkpoint are neither lost nor seen twice': [
    life([
      [alone(A, put('k1', 3000)), checkpoint, checkpoint],
      times(8, i => transaction([i % 2], inside(0, put(`d${i}`, 60)), { waits: i % 3 === 0 })),
    ]),
  ],
  'a checkpoint waits for no transaction, and what that writes comes behind it': [
    life([
      [
        transaction(
          [A],
          [
            ...inside(0, put('early')),
            ...times(12, () => pause).map((): Inside => ({ do: 'pause' })),
            ...inside(0, put('late')),
          ],
        ),
      ],
      [pause, checkpoint, alone(B, put('k')), checkpoint],
    ]),
  ],
  'deletions stay deletions in log and tree': [
    life([
      [
        burst(A, [put('k1'), put('k2'), put('k3')]),
        checkpoint,
        alone(A, { do: 'delete', key: 'k2' }),
        alone(A, put('k4')),
        alone(A, { do: 'clear' }),
        alone(A, put('k5')),
        checkpoint,
        alone(A, { do: 'delete', key: 'k5' }),
      ],
    ]),
  ],
  'a range deletion hides what lies below it, and nothing written after it': [
    life([
      [
        alone(A, { do: 'putMany', keys: ['k1', 'k2', 'k3', 'k4', 'k5'], size: 30 }),
        checkpoint,
        alone(A, { do: 'deleteRange', gte: 'k2', lt: 'k5' }),
        alone(A, put('k3')),
        checkpoint,
        alone(A, { do: 'deleteRange', gte: 'k1', lt: 'k4' }, 'none'),
        alone(A, put('k2'), 'none'),
      ],
    ]),
  ],
  'insert and update rest on what is there': [
    life([
      [
        alone(A, { do: 'insert', key: 'k1', size: 20 }),
        alone(A, { do: 'insert', key: 'k1', size: 20 }),
        alone(A, { do: 'update', key: 'k1', size: 30 }),
        checkpoint,
        alone(A, { do: 'update', key: 'k1', size: undefined }),
        alone(A, { do: 'insert', key: 'k1', size: 20 }),
        transaction([A], inside(0, { do: 'update', key: 'k1', size: 50 }, { do: 'insert', key: 'k2', size: 5 })),
      ],
    ]),
  ],
  'a dropped family stays dropped, and one of its name begins empty': [
    life([
      [
        alone(A, put('k1')),
        alone(B, put('k1', 9000)),
        checkpoint,
        { do: 'dropFamily', family: B },
        alone(B, put('new')),
        checkpoint,
        { do: 'dropFamily', family: A },
        alone(A, put('new'), 'none'),
      ],
    ]),
  ],
  'a renamed family has its entries under one name': [
    life([
      [
        alone(A, put('k1')),
        checkpoint,
        { do: 'rename', from: A, to: C },
        alone(A, put('new')),
        alone(C, put('k2')),
        checkpoint,
        { do: 'dropFamily', family: C },
        { do: 'rename', from: A, to: C },
      ],
    ]),
  ],
  'a dropped table stays dropped beside the others of its family': [
    life([
      [
        {
          do: 'burst',
          family: A,
          changes: [0, 1].map(table => ({ table, change: put('k', 200) })),
          durability: 'immediate',
        },
        checkpoint,
        { do: 'dropTable', family: A, table: 1 },
        { do: 'burst', family: A, changes: [{ table: 1, change: put('new') }], durability: 'immediate' },
        { do: 'dropTable', family: A, table: 0 },
        checkpoint,
      ],
    ]),
  ],
  'closing makes all durable, and opening after it needs no log': [
    life([[alone(A, put('k1')), reopen, alone(A, put('k2'), 'none'), reopen, reopen, alone(B, put('k3'))]]),
  ],
  'long values are whole in log and overflow pages': [
    life([
      [
        alone(A, put('long', 20_000)),
        checkpoint,
        transaction([A, B], [...inside(0, put('long', 30_000)), ...inside(1, put('long', 9000))]),
        alone(A, { do: 'delete', key: 'long' }),
        checkpoint,
        alone(B, put('long', 20_000)),
      ],
    ]),
  ],
  'segments of the log that are used again bring nothing old back': [
    life([times(9, i => [alone(A, put(`k${i % 2}`, 22_000)), ...(i % 4 === 2 ? [checkpoint] : [])])]),
  ],
  'commits that need segments while a checkpoint frees some': [
    life([
      times(2, () => [...times(4, i => alone(A, put(`k${i % 2}`, 22_000))), checkpoint]),
      times(6, i => transaction([B], inside(0, put(`k${i}`, 20_000)), { waits: false })),
    ]),
  ],
  'a record over several segments is whole or not there': [
    life([
      [
        alone(A, put('small')),
        transaction([A, B], [...inside(0, put('large', 150_000)), ...inside(1, put('large', 20_000))]),
        alone(A, put('small')),
      ],
    ]),
  ],
  'pages are not used again while a header, a snapshot or an iterator reaches them': [
    life([
      [
        alone(A, { do: 'putMany', keys: ['k1', 'k2', 'k3'], size: 4000 }),
        checkpoint,
        snapshot,
        { do: 'iterate', family: A, table: 0, take: 1 },
        ...times(3, i => [alone(A, put(`k${i + 1}`, 5000)), checkpoint]),
        { do: 'finish' },
        closeSnapshot,
        alone(A, put('k1', 10)),
        checkpoint,
      ],
    ]),
  ],
  'synchronous writes beside asynchronous ones': [
    life([
      times(4, i => [
        { do: 'writeSync', family: A, change: put(`k${i}`), durability: i % 2 === 0 ? 'immediate' : 'none' },
        transaction([B], inside(0, put(`k${i}`)), { waits: false }),
      ]),
    ]),
  ],
  'a recovery, and what follows it': [
    interrupted([
      transaction([A, B], [...inside(0, put('k1', 500)), ...inside(1, put('k1', 9000))]),
      checkpoint,
      transaction([A, C], [...inside(0, put('k2', 300)), ...inside(1, put('k1', 10_000))]),
      alone(A, put('k2', 300), 'none'),
      alone(B, put('k3', 300), 'none'),
    ]),
    life([[alone(A, put('k4', 300)), checkpoint, alone(B, put('k5', 300), 'none')]]),
  ],
  'an opening without a log takes over what a log holds, and the other way round': [
    {
      ...interrupted([alone(A, put('k1')), checkpoint, alone(A, put('k2')), alone(B, put('k1'), 'none')]),
      journal: 'sync',
    },
    { ...interrupted([alone(A, put('k3')), checkpoint, alone(B, put('k2'), 'none')]), journal: 'off' },
    { ...life([[alone(A, put('k4'))]]), journal: 'async' },
  ],
  'recoveries one after the other lose nothing between them': [
    interrupted([alone(A, put('k1')), alone(A, put('k2'), 'none')]),
    interrupted([alone(A, put('k3'), 'none')]),
    interrupted([alone(B, put('k4')), checkpoint, alone(A, put('k5'), 'none')]),
    life([[alone(C, put('k6'))]]),
  ],
  'a sync that fails loses nothing that was acknowledged before it': [
    life(
      [[alone(A, put('k1')), alone(B, put('k2')), alone(A, put('k3'), 'none'), sync, alone(A, put('k4'))]],
      [{ fault: 'error', on: { kind: 'sync', path: '-wal' }, code: 'EIO' }],
    ),
    life([[alone(A, put('again'))]]),
  ],
  'a sync that fails and empties the cache loses nothing that was acknowledged before it': [
    life(
      [[alone(A, put('k1')), alone(A, put('k2'), 'none'), sync, alone(A, put('k3'))]],
      [{ fault: 'reverted sync', on: { kind: 'sync', path: '-wal' } }],
    ),
    life([[alone(A, put('again'))]]),
  ],
  'a write of the log that fails poisons, and the next opening finds all that was acknowledged': [
    life(
      [times(8, i => alone(i % 3, put(`k${i}`, 100)))],
      [{ fault: 'error', on: { kind: 'write', path: '-wal', nth: 5 }, code: 'EIO' }],
    ),
    life([[alone(A, put('again'))]]),
  ],
  'a checkpoint that fails leaves everything as it was': [
    life(
      [times(3, i => [alone(A, put(`k${i}`, 3000)), checkpoint])],
      [{ fault: 'error', on: { kind: 'sync', path: '.manifold', nth: 6, times: 2 }, code: 'EIO' }],
    ),
    life([[alone(A, put('again')), checkpoint]]),
  ],
  'short writes are continued': [
    life(
      [times(4, i => [alone(A, put(`k${i}`, 2000)), checkpoint])],
      [1, 4, 7, 9, 13].map(nth => ({ fault: 'short write', on: { kind: 'write', nth }, bytes: 100 * nth })),
    ),
  ],
  'a full disk fails commits alone, and what was acknowledged stays': [
    {
      writers: [times(6, i => [alone(A, put(`k${i}`, 24_000)), alone(B, put('k'), 'none')])],
      faults: [],
      freeBytes: 100_000,
      closes: true,
    },
    life([[alone(A, put('again'))]]),
  ],
}

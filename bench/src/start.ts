import { join } from 'node:path'
import pc from 'picocolors'
import { formatBars, formatFigure, formatPlain } from './format.ts'
import { killAndRecover } from './kill.ts'
import type { KillOutcome, Shape } from './kill.ts'
import { figure, runTask } from './processes.ts'
import type { Progress } from './progress.ts'
import type { Scratch } from './scratch.ts'
import { summarize } from './statistics.ts'
import type { Summary } from './statistics.ts'
import type { Order } from './workload.ts'

const SHAPE: Shape = { families: 8, writes: 50_000, batch: 1000, valueBytes: 150 }
/** Repetitions of one setting end after this time, however slow the disk, so that the whole stays under a minute. */
const SETTING_MILLIS_MAX = 6000

const SETTINGS = [
  { order: 'ordered', durability: 'immediate' },
  { order: 'ordered', durability: 'none' },
  { order: 'random', durability: 'immediate' },
  { order: 'random', durability: 'none' },
] as const

type Setting = (typeof SETTINGS)[number]

interface SettingOutcome {
  readonly order: Order
  readonly durability: 'none' | 'immediate'
  readonly entriesPerSecond: Summary
  readonly reopenSeconds: number
  readonly verifiedEntries: number
  readonly faults: readonly string[]
}

export interface StartOutcome {
  readonly settings: readonly SettingOutcome[]
  readonly kills: readonly KillOutcome[]
  readonly seconds: number
  readonly faults: readonly string[]
}

export interface StartContext {
  readonly scratch: Scratch
  readonly progress: Progress
  readonly milliseconds: number
}

/** Runs one setting on fresh databases, then verifies every entry of the last one in a process of its own. */
async function measureAndVerify(context: StartContext, setting: Setting, position: number): Promise<SettingOutcome> {
  const { scratch, progress, milliseconds } = context
  const directory = scratch.fresh('start')
  const name = `${setting.order} keys, ${setting.durability}`
  const parameters = {
    ...SHAPE,
    ...setting,
    directory,
    milliseconds,
    millisecondsMax: SETTING_MILLIS_MAX,
    keepLast: true,
  }
  progress.at(position, `${name}: writing`)
  const figures = await runTask('columns', parameters, {
    onReport: line => progress.at(position + Number(line), `${name}: writing`),
  })
  progress.at(position + 1, `${name}: verifying`)
  const transactions = SHAPE.writes / SHAPE.batch
  const all = Array.from({ length: SHAPE.families }, () => ({ acknowledged: transactions, issued: transactions }))
  const { batch, valueBytes } = SHAPE
  const verified = await runTask('verify', {
    directory: join(directory, 'last'),
    batch,
    valueBytes,
    order: setting.order,
    families: all,
  })
  scratch.discard(directory)
  return {
    ...setting,
    entriesPerSecond: summarize(figures['repetitions'] as number[]),
    reopenSeconds: figure(verified, 'openSeconds'),
    verifiedEntries: figure(verified, 'entries'),
    faults: (verified['faults'] as string[]).map(fault => `${name}: ${fault}`),
  }
}

/**
 * The main job: the column-family benchmark, then the proof that its databases hold what was acknowledged, also after a
 * kill.
 */
export async function start(context: StartContext): Promise<StartOutcome> {
  const begin = performance.now()
  const { scratch, progress } = context
  progress.start(SETTINGS.length * 2 + 2)
  const settings: SettingOutcome[] = []
  for (const setting of SETTINGS) settings.push(await measureAndVerify(context, setting, settings.length * 2))
  const kills: KillOutcome[] = []
  for (const [order, durability] of [
    ['ordered', 'immediate'],
    ['random', 'none'],
  ] as const) {
    progress.at(SETTINGS.length * 2 + kills.length, `killing a process, ${order} keys, ${durability}`)
    kills.push(await killAndRecover(scratch, SHAPE, order, durability))
  }
  progress.stop()
  const faults = [...settings.flatMap(setting => setting.faults), ...kills.flatMap(kill => kill.faults)]
  return { settings, kills, seconds: (performance.now() - begin) / 1000, faults }
}

function verdict(faults: readonly string[], good: string): string {
  return faults.length === 0 ? pc.green(good) : pc.red(faults.length === 1 ? '1 fault' : `${faults.length} faults`)
}

export function formatStart(outcome: StartOutcome): string {
  const { families, writes, batch, valueBytes } = SHAPE
  const settings = formatPlain(
    ['keys', 'durability', 'entries per second', 'slowest – fastest', 'reopened in', 'after reopening'],
    outcome.settings.map(({ order, durability, entriesPerSecond, reopenSeconds, verifiedEntries, faults }) => [
      order,
      durability,
      pc.bold(formatFigure(entriesPerSecond.median, 'entries/s')),
      `${formatFigure(entriesPerSecond.min, 'entries/s')} – ${formatFigure(entriesPerSecond.max, 'entries/s')}`,
      formatFigure(reopenSeconds * 1000, 'ms'),
      verdict(faults, `all ${verifiedEntries} entries are there`),
    ]),
  )
  const bars = formatBars(
    outcome.settings.map(({ order, durability, entriesPerSecond: { median } }) => {
      return { name: `${order}, ${durability}`, value: median, text: formatFigure(median, 'entries/s') }
    }),
  )
  const kills = formatPlain(
    ['killed in the middle', 'acknowledged', 'recovered', 'issued', 'opened in', ''],
    outcome.kills.map(({ order, durability, acknowledged, recovered, issued, recoverySeconds, faults }) => [
      `${order} keys, ${durability}`,
      `${acknowledged} transactions`,
      String(recovered),
      String(issued),
      formatFigure(recoverySeconds * 1000, 'ms'),
      verdict(faults, 'nothing acknowledged is lost'),
    ]),
  )
  const heading = `${families} column families, ${families} concurrent writers, ${writes} writes each
transactions of ${batch}, 8-byte keys, ${valueBytes}-byte values`
  const faults = outcome.faults.map(fault => pc.red(`  ${fault}`)).join('\n')
  const end = outcome.faults.length === 0 ? pc.green('Verified.') : `${pc.red('Verification failed:')}\n${faults}`
  return `${heading}\n\n${settings}\n\n${bars}\n\n${kills}\n\n${end} ${pc.dim(`${outcome.seconds.toFixed(1)} s`)}`
}

/**
 * The command line: `npm start` and `npm run bench -- <name> [options]`.
 *
 * Exit status: 0 when all went well, 1 when a verification failed or a benchmark could not run, 2 for a wrong command
 * line. A row that falls short of its target is a result, not a failure.
 */
import { parseArgs } from 'node:util'
import pc from 'picocolors'
import { ratioOf, verdictOf } from './benchmark.ts'
import type { Benchmark, Context, Outcome } from './benchmark.ts'
import { columnsBenchmark } from './columns.ts'
import { compareBenchmark } from './compare/compare.ts'
import { formatRows } from './format.ts'
import { getBenchmark } from './get.ts'
import { loadBenchmark } from './load.ts'
import { describeMachine, machineLine } from './machine.ts'
import type { Machine } from './machine.ts'
import { openBenchmark } from './open.ts'
import { phasesBenchmark } from './phases.ts'
import { endOnSignals } from './processes.ts'
import { Progress } from './progress.ts'
import { recoveryBenchmark } from './recovery.ts'
import { rivalLine } from './rivals.ts'
import { scanBenchmark } from './scan.ts'
import { Scratch } from './scratch.ts'
import { stallBenchmark } from './stall.ts'
import { formatStart, start } from './start.ts'

const BENCHMARKS: ReadonlyMap<string, Benchmark> = new Map([
  ['columns', columnsBenchmark],
  ['get', getBenchmark],
  ['scan', scanBenchmark],
  ['recovery', recoveryBenchmark],
  ['open', openBenchmark],
  ['load', loadBenchmark],
  ['stall', stallBenchmark],
  ['compare', compareBenchmark],
  ['phases', phasesBenchmark],
])

const ROUNDS_DEFAULT = 5
/** A load takes minutes, and everything that varies within it is averaged by itself. */
const LOAD_ROUNDS_DEFAULT = 1
const MILLISECONDS_DEFAULT = 1000

function help(): string {
  const names = [...BENCHMARKS].map(([name, { summary }]) => `  ${name.padEnd(10)} ${summary}`)
  return `npm start [-- --json]
npm run bench -- <name> [options]

  start      the main job: the column-family benchmark with everything verified, also after a kill
${names.join('\n')}

  --json             the result as JSON on standard output
  --rounds N         runs of each contestant (${ROUNDS_DEFAULT}; load: ${LOAD_ROUNDS_DEFAULT})
  --milliseconds N   measured time of one run at least (${MILLISECONDS_DEFAULT})
  --entries N        another number of entries than the benchmark's own
  --rows PATTERN     compare: only the rows whose name matches this regular expression
  --directory PATH   where databases are written (bench/tmp); must be a real disk for durable rows
  --help             this`
}

class UsageError extends Error {}

function whole(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 1)
    throw new UsageError(`--${name} takes a whole number from 1 on, not ${JSON.stringify(text)}`)
  return value
}

function pattern(name: string, text: string | undefined): RegExp | undefined {
  if (text === undefined) return undefined
  try {
    return new RegExp(text)
  } catch {
    throw new UsageError(`--${name} takes a regular expression, not ${JSON.stringify(text)}`)
  }
}

interface Command {
  readonly name: string
  readonly json: boolean
  readonly rounds: number | undefined
  readonly milliseconds: number
  readonly entries: number | undefined
  readonly rows: RegExp | undefined
  readonly directory: string | undefined
}

function parseCommand(args: string[]): Command | undefined {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      milliseconds: { type: 'string' },
      entries: { type: 'string' },
      rows: { type: 'string' },
      directory: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help || positionals.length === 0) return undefined
  const [name = '', ...rest] = positionals
  if (rest.length > 0) throw new UsageError(`one benchmark at a time: ${positionals.join(' ')}`)
  if (name !== 'start' && !BENCHMARKS.has(name)) throw new UsageError(`no benchmark is called ${name}`)
  return {
    name,
    json: values.json,
    rounds: whole('rounds', values.rounds),
    milliseconds: whole('milliseconds', values.milliseconds) ?? MILLISECONDS_DEFAULT,
    entries: whole('entries', values.entries),
    rows: pattern('rows', values.rows),
    directory: values.directory,
  }
}

function printOutcome(name: string, machine: Machine, outcome: Outcome, json: boolean): void {
  if (json) {
    const rows = outcome.rows.map(row => ({ ...row, ratio: ratioOf(row), verdict: verdictOf(row) }))
    console.log(JSON.stringify({ benchmark: name, machine, ...outcome, rows }, null, 2))
    return
  }
  console.log(outcome.text ?? formatRows(outcome.rows))
  for (const rival of outcome.rivals)
    console.log(rival.missing === undefined ? pc.dim(`· ${rivalLine(rival)}`) : pc.yellow(`· ${rival.missing}`))
  for (const line of outcome.notes) console.log(pc.dim(`· ${line}`))
}

function printHeading(command: Command, machine: Machine): void {
  if (command.json) return
  console.log(pc.bold(`Manifold · ${command.name}`))
  console.log(pc.dim(machineLine(machine)))
  if (machine.fileSystem === 'tmpfs')
    console.log(pc.yellow('This directory is memory: syncs cost nothing here, durable rows say nothing.'))
  console.log()
}

/** As it would be typed again. */
function commandLine(): string {
  return ['npm run bench --', ...process.argv.slice(2)].join(' ')
}

async function run(command: Command): Promise<number> {
  const { name, json, milliseconds, entries } = command
  const scratch = new Scratch(command.directory)
  endOnSignals()
  const machine = describeMachine(scratch.directory)
  const progress = new Progress()
  printHeading(command, machine)
  try {
    const benchmark = BENCHMARKS.get(name)
    if (benchmark === undefined) {
      const outcome = await start({ scratch, progress, milliseconds })
      console.log(json ? JSON.stringify({ benchmark: name, machine, ...outcome }, null, 2) : formatStart(outcome))
      return outcome.faults.length === 0 ? 0 : 1
    }
    const rounds = command.rounds ?? (name === 'load' ? LOAD_ROUNDS_DEFAULT : ROUNDS_DEFAULT)
    const { rows } = command
    const context: Context = { scratch, progress, rounds, milliseconds, entries, rows, command: commandLine() }
    const outcome = await benchmark.run(context)
    progress.stop()
    printOutcome(name, machine, outcome, json)
    return 0
  } finally {
    progress.stop()
    scratch.remove()
  }
}

async function main(): Promise<number> {
  try {
    const command = parseCommand(process.argv.slice(2))
    if (command === undefined) {
      console.log(help())
      return 0
    }
    return await run(command)
  } catch (error) {
    const usage = error instanceof UsageError || (error instanceof TypeError && 'code' in error)
    console.error(usage ? `${error.message}\n\n${help()}` : error)
    return usage ? 2 : 1
  }
}

process.exitCode = await main()

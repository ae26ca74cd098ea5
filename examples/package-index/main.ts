import { parseArgs } from 'node:util'
import { Database, DatabaseError } from 'manifold-db'
import { readPackages, replaceIndex, UsageError } from './build-index.ts'
import * as queries from './queries.ts'
import { formatDependents, formatLicences, formatReading, formatStats, formatVersions } from './report.ts'

/**
 * Indexes every package below a node_modules folder into three column families (packages, dependents, licences) and
 * answers questions about them.
 */
const USAGE = `Usage: package-index <command> [--database <file>] [--json]

  index <node_modules>   read every package.json below the folder; replaces the index that is there
  show <name>            the installed versions of a package, what they need and where they are
  dependents <name>      who depends on a package
  licences               how often each licence occurs
  stats                  what the index holds

  --database <file>      default: package-index.manifold
  --json                 print JSON`

interface Options {
  readonly database: string
  readonly json: boolean
}

/** Tells on stderr how many files have been read: on a terminal in one line, elsewhere in a line now and then. */
function progress(): { read(count: number): void; end(): void } {
  const { stderr } = process
  const [before, after, millis] = stderr.isTTY ? ['\r', '', 100] : ['', '\n', 5000]
  let shownAt = performance.now()
  return {
    read: count => {
      if (performance.now() - shownAt < millis) return
      shownAt = performance.now()
      stderr.write(`${before}${count} package.json files read${after}`)
    },
    end: () => void (stderr.isTTY && stderr.write('\r\u001b[K')),
  }
}

async function index(nodeModules: string, { database, json }: Options): Promise<string> {
  const { read, end } = progress()
  const reading = await readPackages(nodeModules, read).finally(end)
  const db = await Database.open(database)
  try {
    await replaceIndex(db, reading)
  } finally {
    await db.close()
  }
  const { info, versions, skipped } = reading
  return json ? JSON.stringify({ ...info, versions: versions.length, skipped }) : formatReading(reading)
}

/** Opens the index for reading only. One that was not closed cleanly is opened once for writing, to recover it. */
async function openIndex(file: string): Promise<Database> {
  try {
    return await Database.open(file, { readOnly: true })
  } catch (error) {
    if (!(error instanceof DatabaseError) || error.code !== 'MANIFOLD_READ_ONLY') throw error
  }
  return Database.open(file, { createIfMissing: false })
}

async function query<R>(
  { database, json }: Options,
  ask: (db: Database) => R,
  format: (answer: R) => string,
): Promise<string> {
  const db = await openIndex(database)
  try {
    const answer = ask(db)
    return json ? JSON.stringify(answer) : format(answer)
  } finally {
    await db.close()
  }
}

function run(command: string, argument: string, options: Options): Promise<string> {
  switch (command) {
    case 'index':
      return index(argument, options)
    case 'show':
      return query(options, db => queries.show(db, argument), formatVersions)
    case 'dependents':
      return query(
        options,
        db => queries.dependents(db, argument),
        rows => formatDependents(argument, rows),
      )
    case 'licences':
      return query(options, queries.licences, formatLicences)
    default:
      return query(options, queries.stats, formatStats)
  }
}

const ARGUMENTS: ReadonlyMap<string, number> = new Map([
  ['index', 1],
  ['show', 1],
  ['dependents', 1],
  ['licences', 0],
  ['stats', 0],
])

function parse(): { command: string; argument: string; options: Options } | undefined {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        database: { type: 'string', default: 'package-index.manifold' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    })
    const [command = '', argument = ''] = positionals
    if (values.help || ARGUMENTS.get(command) !== positionals.length - 1) return undefined
    return { command, argument, options: { database: values.database!, json: values.json! } }
  } catch (error) {
    console.error((error as Error).message)
    return undefined
  }
}

/** A mistake in the call, or something about the database that its message explains. */
function explanation(error: unknown, { database }: Options): string | undefined {
  if (error instanceof UsageError) return error.message
  if (!(error instanceof DatabaseError)) return undefined
  return error.code === 'MANIFOLD_NOT_FOUND'
    ? `There is no index at ${database}: run \`index <node_modules>\` first.`
    : error.message
}

const call = parse()
if (call === undefined) {
  const asked = process.argv.includes('--help') || process.argv.includes('-h')
  ;(asked ? console.log : console.error)(USAGE)
  process.exitCode = asked ? 0 : 2
} else {
  try {
    console.log(await run(call.command, call.argument, call.options))
  } catch (error) {
    const message = explanation(error, call.options)
    if (message === undefined) throw error
    console.error(message)
    process.exitCode = 1
  }
}

#!/usr/bin/env node
import { parseArgs } from 'node:util'
import { DatabaseError, salvage, verify } from './repair.ts'
import type { SalvageReport, VerifyReport } from './repair.ts'

const USAGE = `Usage: manifold verify PATH [--json]
       manifold repair PATH TARGET [--unverified] [--json]

verify   reads every page and the log of a database that nobody has open, and changes nothing
repair   reads what can be read of a damaged database into a new one at TARGET, and changes nothing at PATH

--json         the report as JSON
--unverified   also take pages that no checksum confirms, into tables of their own
--quiet        no progress on stderr

Exit codes: 0 whole, 1 damage was found, 2 wrong usage, 3 it could not be done.
`

const WHOLE = 0
const DAMAGED = 1
const WRONG_USAGE = 2
const FAILED = 3
/** Milliseconds between two lines of progress. */
const PROGRESS_MILLIS = 200

interface Flags {
  readonly json: boolean
  readonly unverified: boolean
  readonly quiet: boolean
}

async function main(): Promise<number> {
  let command: string | undefined
  let paths: string[]
  let flags: Flags
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        json: { type: 'boolean' },
        unverified: { type: 'boolean' },
        quiet: { type: 'boolean' },
        help: { type: 'boolean' },
      },
    })
    if (values.help === true) {
      process.stdout.write(USAGE)
      return WHOLE
    }
    ;[command, ...paths] = positionals
    flags = { json: values.json === true, unverified: values.unverified === true, quiet: values.quiet === true }
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error))
  }
  if (command === 'verify' && paths.length === 1) return runVerify(paths[0]!, flags)
  if (command === 'repair' && paths.length === 2) return runRepair(paths[0]!, paths[1]!, flags)
  return refuse(command === undefined ? 'Which command?' : `Not so: ${[command, ...paths].join(' ')}`)
}

function refuse(message: string): number {
  process.stderr.write(`${message}\n\n${USAGE}`)
  return WRONG_USAGE
}

async function runVerify(path: string, { json, quiet }: Flags): Promise<number> {
  const tell = progress(quiet)
  const report = await verify(path, {
    onProgress: ({ pages, totalPages, logBytes }) =>
      tell(`${pages} of about ${totalPages} pages, ${logBytes} bytes of log`),
  })
  print(json, report, () => describeVerify(path, report))
  return report.ok ? WHOLE : DAMAGED
}

async function runRepair(path: string, target: string, { json, quiet, unverified }: Flags): Promise<number> {
  const tell = progress(quiet)
  const report = await salvage(path, target, {
    unverified,
    onProgress: ({ stage, entries, pages, totalPages }) =>
      tell(`${stage}: ${entries} entries, ${pages} of ${totalPages} pages`),
  })
  print(json, report, () => describeSalvage(report))
  return report.whole ? WHOLE : DAMAGED
}

/** One line on stderr that is written over where it is a terminal. */
function progress(quiet: boolean): (line: string) => void {
  let next = 0
  return line => {
    if (quiet || performance.now() < next) return
    next = performance.now() + PROGRESS_MILLIS
    process.stderr.write(process.stderr.isTTY ? `\r\u001b[K${line}` : `${line}\n`)
  }
}

function print(json: boolean, report: object, describe: () => string[]): void {
  if (process.stderr.isTTY) process.stderr.write('\r\u001b[K')
  process.stdout.write(json ? `${JSON.stringify(report, readable, 2)}\n` : `${describe().join('\n')}\n`)
}

/** Errors have nothing that JSON would show. */
function readable(_name: string, value: unknown): unknown {
  if (!(value instanceof DatabaseError)) return value
  const { code, message, file, offset, expected, found } = value
  return { code, message, file, offset, expected, found }
}

function describeVerify(
  path: string,
  { ok, problems, problemsLeftOut, columnFamilies, pages, log }: VerifyReport,
): string[] {
  const lines: string[] = []
  for (const family of columnFamilies) {
    for (const { name, entries, bytes } of family.tables) {
      lines.push(`${family.name}/${name}: ${entries} entries, ${bytes} bytes`)
    }
  }
  lines.push(
    `${pages.total} pages: ${pages.reachable} reachable, ${pages.free} free, ${pages.pending} pending, ${pages.unknown} unknown`,
  )
  lines.push(`log: ${log.records} records`)
  for (const { place, columnFamily, table, error } of problems) {
    lines.push(`${place}${table === undefined ? '' : ` ${columnFamily}/${table}`}: ${error.message}`)
  }
  if (problemsLeftOut > 0) lines.push(`and ${problemsLeftOut} more`)
  lines.push(ok ? `${path} is whole.` : `${path} is damaged: ${problems.length + problemsLeftOut} problems.`)
  return lines
}

function describeSalvage(report: SalvageReport): string[] {
  const { tables, log, unassigned, unverified, unreadable, whole, target, catalog, headerSlots } = report
  const lines = [`header slots: ${headerSlots} of 2, catalog: ${catalog}`]
  for (const { columnFamily, name, entries, lost, reasons, damage, possiblyStale } of tables) {
    const stale = possiblyStale ? ', possibly stale' : ''
    lines.push(`${columnFamily}/${name}: ${entries} entries, ${lost} lost${stale}`)
    for (const reason of reasons) lines.push(`  ${reason}`)
    for (const { kind, offset, length } of damage)
      lines.push(`  damaged ${kind}: bytes ${offset} to ${offset + length}`)
  }
  lines.push(`log: ${log.records} records, ${log.lostCommits} commits lost`)
  for (const { file, offset, what } of log.damage) lines.push(`  ${file} at byte ${offset}: ${what}`)
  for (const { file, offset, length } of unreadable) lines.push(`unreadable: ${file}, ${length} bytes at ${offset}`)
  if (unassigned.pages > 0) lines.push(`${unassigned.entries} entries of unknown tables were left out`)
  if (unverified.pages > 0) lines.push(`${unverified.entries} entries are confirmed by no checksum (--unverified)`)
  lines.push(whole ? `${target} has everything.` : `${target} has what could be read.`)
  return lines
}

try {
  process.exitCode = await main()
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = FAILED
}

import { readFileSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { Database } from '../engine.ts'
import type { Figures } from '../processes.ts'
import { Values, keyAt } from '../workload.ts'
import { report } from './report.ts'
import { ENTRIES, databasePath } from './store.ts'

/** A numeric field of a file of lines `name: number`; 0 where the system has no /proc. */
function procField(path: string, name: string): number {
  try {
    const line = readFileSync(path, 'utf8').match(new RegExp(`^${name}:\\s*(\\d+)`, 'm'))
    return line === null ? 0 : Number(line[1])
  } catch {
    return 0
  }
}

function peakRssBytes(): number {
  return procField('/proc/self/status', 'VmHWM') * 1024 || process.resourceUsage().maxRSS * 1024
}

function writtenBytes(): number {
  return procField('/proc/self/io', 'write_bytes')
}

function diskBytes(directory: string): number {
  return readdirSync(directory)
    .map(name => statSync(join(directory, name)).blocks * 512)
    .reduce((sum, bytes) => sum + bytes, 0)
}

export interface LoadParameters {
  readonly directory: string
  readonly entries: number
  readonly batch: number
  readonly valueBytes: number
}

/** Random keys for minutes, with every budget at its default. */
export async function load(parameters: LoadParameters): Promise<Figures> {
  const { directory, entries, batch, valueBytes } = parameters
  const values = new Values(valueBytes)
  const db = await Database.open(databasePath(directory))
  const writtenBefore = writtenBytes()
  const begin = performance.now()
  const elapsed = (): number => (performance.now() - begin) / 1000
  let longest = 0
  let last = begin
  for (let first = 0; first < entries; first += batch) {
    const end = Math.min(entries, first + batch)
    await db.write(
      txn => {
        const table = txn.table(ENTRIES)
        for (let i = first; i < end; i++) table.put(keyAt(0, i, 'random'), values.at(0, i))
      },
      { durability: 'none' },
    )
    const now = performance.now()
    longest = Math.max(longest, now - last)
    last = now
    if (end % 100_000 < batch) report(String(end / entries))
  }
  const writeSeconds = elapsed()
  await db.checkpoint()
  const settledSeconds = elapsed()
  const stats: unknown = db.stats()
  await db.close()
  return {
    writeSeconds,
    settledSeconds,
    longestWriteMillis: longest,
    peakRssBytes: peakRssBytes(),
    writtenBytes: writtenBytes() - writtenBefore,
    diskBytes: diskBytes(directory),
    logicalBytes: entries * (8 + valueBytes),
    stats,
  }
}

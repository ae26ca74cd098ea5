/**
 * The body of a child process: `node child.js <task> <parameters as JSON>`. Prints the task's figures as one JSON
 * object and ends.
 */
import { columns } from './tasks/columns.ts'
import { get } from './tasks/get.ts'
import { load } from './tasks/load.ts'
import { fill, openTimes, recover } from './tasks/open.ts'
import { phase } from './tasks/phase.ts'
import { raw } from './tasks/raw.ts'
import { reads } from './tasks/reads.ts'
import { leaveClosed, leaveKilled, reopen } from './tasks/reopen.ts'
import { scan } from './tasks/scan.ts'
import { storeRange } from './tasks/store-range.ts'
import { stall } from './tasks/stall.ts'
import { verify } from './tasks/verify.ts'
import { victim } from './tasks/victim.ts'
import { writes } from './tasks/writes.ts'
import type { Figures } from './processes.ts'

type Task = (parameters: never) => Promise<Figures>

const TASKS = new Map<string, Task>(
  Object.entries({
    columns,
    fill,
    get,
    leaveClosed,
    leaveKilled,
    load,
    openTimes,
    phase,
    raw,
    reads,
    recover,
    reopen,
    scan,
    stall,
    storeRange,
    verify,
    victim,
    writes,
  }),
)

const [name = '', parameters = '{}'] = process.argv.slice(2)
const task = TASKS.get(name)
if (task === undefined) throw new Error(`no task is called ${name}`)
console.log(JSON.stringify(await task(JSON.parse(parameters) as never)))

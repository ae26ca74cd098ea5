import { isMainThread, workerData } from 'node:worker_threads'
import type { Worker } from 'node:worker_threads'
import { Database } from '../../src/index.ts'
import type { DatabaseError, JournalMode } from '../../src/index.ts'
import { SeededRandom } from '../../src/platform/simulated/random.ts'
import { smallOptions } from './small-options.ts'
import { LineReport } from './report.ts'
import { Writer } from './writer.ts'

/**
 * A process, or a thread, that writes to a database and says line by line what was acknowledged, until it is ended: from
 * outside, or by itself as its task says. A process takes one task from each line of its input.
 */
export interface Task {
  readonly path: string
  readonly journal: JournalMode
  readonly seed: number
  readonly depth: number
  readonly patience: number
  /** In each lane. */
  readonly steps: number
  /** How often the database is opened again after an error that it did not go on from. */
  readonly reopenings: number
  readonly end?: End
}

/** How a task ends itself, if it does, or what it ends: after so many milliseconds. */
export interface End {
  readonly kind: 'exit' | 'memory' | 'worker threads'
  readonly millis: number
}

const EXIT_CODE = 7
const REOPEN_MILLIS = 5

/** The only descriptor that a process writes to. A thread is given that of a file. */
const report = new LineReport(isMainThread ? 1 : (workerData as { descriptor: number }).descriptor)

function exhaustMemory(): void {
  const hoard: number[][] = []
  for (;;) hoard.push(new Array<number>(10_000).fill(hoard.length))
}

/** Ends every worker thread, that of the merges and that of the log, some time after its start, until the task is over. */
function endWorkerThreads(seed: number, millis: number): () => void {
  const random = new SeededRandom(seed)
  const listener = (worker: Worker): void => {
    let isAlive = true
    worker.once('exit', () => (isAlive = false))
    setTimeout(() => {
      if (!isAlive) return
      report.line('ended worker thread')
      void worker.terminate()
    }, random.below(millis)).unref()
  }
  process.on('worker', listener)
  return () => process.off('worker', listener)
}

function arrangeEnd({ seed, end }: Task): () => void {
  if (end === undefined) return () => {}
  if (end.kind === 'worker threads') return endWorkerThreads(seed, end.millis)
  const timer = setTimeout(() => (end.kind === 'exit' ? process.exit(EXIT_CODE) : exhaustMemory()), end.millis)
  return () => clearTimeout(timer)
}

/** Opens the database, writes, closes it. Whatever fails, it is closed. */
async function live(task: Task, stepsLeft: number): Promise<void> {
  const { path, journal } = task
  const onBackgroundError = (error: DatabaseError): void => report.failed(error)
  const db = await Database.open(path, { ...smallOptions(journal), onBackgroundError })
  try {
    await new Writer(db, task, report).run(stepsLeft)
  } finally {
    await db.close().catch((error: unknown) => report.failed(error))
  }
}

async function perform(task: Task): Promise<void> {
  const disarm = arrangeEnd(task)
  for (let opening = 0; opening <= task.reopenings; opening++) {
    try {
      await live(task, task.steps)
      break
    } catch (error) {
      report.failed(error)
      await new Promise(resolve => setTimeout(resolve, REOPEN_MILLIS))
    }
  }
  disarm()
  report.line('done')
}

if (isMainThread) {
  report.line('ready')
  let rest = ''
  for await (const text of process.stdin.setEncoding('utf8') as AsyncIterable<string>) {
    const lines = (rest + text).split('\n')
    rest = lines.pop()!
    for (const line of lines) await perform(JSON.parse(line) as Task)
  }
} else await perform((workerData as { task: Task }).task)

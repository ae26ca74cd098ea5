import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

/**
 * Contestants are processes: a native program or `child.js` with a task. Each measures inside itself and prints one
 * JSON object, so that neither the harness's heap nor its event loop is part of a figure.
 */
export type Figures = Readonly<Record<string, unknown>>

const CHILD = fileURLToPath(new URL('./child.js', import.meta.url))
const living = new Set<ChildProcess>()

/** Ends with what was started, so that nothing writes into the scratch directory while it is removed. */
export function endOnSignals(): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      for (const child of living) child.kill('SIGKILL')
      process.exit(signal === 'SIGINT' ? 130 : 143)
    })
  }
}

function track(child: ChildProcess): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
  living.add(child)
  return new Promise((resolve, reject) => {
    child.once('error', error => {
      living.delete(child)
      reject(error)
    })
    child.once('close', (code, signal) => {
      living.delete(child)
      resolve({ code, signal })
    })
  })
}

function parse(name: string, output: string): Figures {
  try {
    return JSON.parse(output) as Figures
  } catch (cause) {
    throw new Error(`${name} printed no JSON: ${output.slice(0, 200)}`, { cause })
  }
}

async function outcome(name: string, child: ChildProcess): Promise<Figures> {
  const [end, output] = await Promise.all([track(child), text(child.stdout!)])
  if (end.code !== 0) throw new Error(`${name} ended with ${end.signal ?? `status ${end.code}`}`)
  return parse(name, output)
}

export function runProgram(path: string, args: readonly string[]): Promise<Figures> {
  return outcome(path, spawn(path, args, { stdio: ['ignore', 'pipe', 'inherit'] }))
}

export interface TaskOptions {
  /** Hears each line that the task reports while it runs. */
  readonly onReport?: (line: string, kill: () => void) => void
}

function spawnTask(task: string, parameters: Figures): ChildProcess {
  return spawn(process.execPath, ['--no-warnings', CHILD, task, JSON.stringify(parameters)], {
    stdio: ['ignore', 'pipe', 'inherit', 'pipe'],
  })
}

function listen(child: ChildProcess, options: TaskOptions): Promise<void> {
  const lines = createInterface({ input: child.stdio[3] as Readable })
  lines.on('line', line => options.onReport?.(line, () => child.kill('SIGKILL')))
  return new Promise(resolve => lines.once('close', resolve))
}

/** Runs a task of `child.ts` to its end and returns its figures. */
export async function runTask(task: string, parameters: Figures, options: TaskOptions = {}): Promise<Figures> {
  const child = spawnTask(task, parameters)
  const [figures] = await Promise.all([outcome(task, child), listen(child, options)])
  return figures
}

/** True when the process was killed, false when it came to its end before. */
async function wasKilled(name: string, child: ChildProcess): Promise<boolean> {
  child.stdout!.resume()
  const end = await track(child)
  if (end.signal === 'SIGKILL') return true
  if (end.code !== 0) throw new Error(`${name} ended with status ${end.code} before it was killed`)
  return false
}

/** Runs a task that kills itself, or that `onReport` is to kill. */
export async function runVictim(task: string, parameters: Figures, options: TaskOptions = {}): Promise<boolean> {
  const child = spawnTask(task, parameters)
  const [killed] = await Promise.all([wasKilled(task, child), listen(child, options)])
  return killed
}

export function runProgramVictim(path: string, args: readonly string[]): Promise<boolean> {
  return wasKilled(path, spawn(path, args, { stdio: ['ignore', 'pipe', 'inherit'] }))
}

export function figure(figures: Figures, name: string): number {
  const value = figures[name]
  if (typeof value !== 'number') throw new Error(`a figure is missing: ${name}`)
  return value
}

import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'

/** The process may not be traced, for which strace has said why. */
export class NotTraceable extends Error {}

/** strace(1), attached to a running process: it watches some of its system calls, and fails some of these. */
export class Strace {
  readonly #child: ChildProcess
  readonly #log: string

  private constructor(child: ChildProcess, log: string) {
    this.#child = child
    this.#log = log
  }

  /**
   * Resolves when it holds all threads of the process. Injections count from now on, for each thread on its own. Rejects
   * where the process may not be traced.
   */
  static async attach(
    pid: number,
    log: string,
    calls: readonly string[],
    injections: readonly string[],
  ): Promise<Strace> {
    const flags = ['-f', '-p', String(pid), '-o', log, '-e', `trace=${calls.join(',')}`]
    for (const injection of injections) flags.push('-e', `inject=${injection}`)
    const child = spawn('strace', flags, { stdio: ['ignore', 'ignore', 'pipe'] })
    const text = await new Promise<string>((resolve, reject) => {
      child.once('error', reject)
      child.stderr!.once('data', (data: Buffer) => resolve(String(data)))
      child.once('close', () => resolve('it has ended'))
    })
    if (!text.includes('attached')) throw new NotTraceable(text.trim().split('\n')[0]!)
    return new Strace(child, log)
  }

  /** Lets the process go, and resolves with what was seen. */
  async detach(): Promise<string> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const closed = once(this.#child, 'close')
      this.#child.kill('SIGTERM')
      await closed
    }
    return fs.readFileSync(this.#log, 'latin1')
  }
}

/** Of each system call, the most that one thread has made. */
export function callsByThread(log: string): Map<string, number> {
  const counts = new Map<string, number>()
  const most = new Map<string, number>()
  for (const [, thread, call] of log.matchAll(/^(\d+) +(\w+)\(/gm)) {
    const count = (counts.get(`${thread} ${call}`) ?? 0) + 1
    counts.set(`${thread} ${call}`, count)
    most.set(call!, Math.max(most.get(call!) ?? 0, count))
  }
  return most
}

/** How many calls strace has failed; calls that it killed the process in are not among them. */
export function injectedIn(log: string): number {
  return log.split('(INJECTED)').length - 1
}

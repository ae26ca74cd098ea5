import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import type { Thread, Threads } from '../thread.ts'

/**
 * The flags that a thread starts with. A built body needs none, and some flags of the process are refused in a thread
 * (`--input-type`) or would run the application's preloads once more (`--import`). A body in TypeScript runs only
 * through the loader that the process itself was started with.
 */
function flagsFor(body: URL): string[] {
  if (!body.pathname.endsWith('.ts')) return []
  return process.execArgv.filter(flag => !flag.startsWith('--input-type') && !flag.startsWith('--test'))
}

class NodeThread implements Thread {
  readonly #worker: Worker
  #terminated = false
  #held = false

  constructor(worker: Worker) {
    this.#worker = worker
  }

  post(message: unknown): void {
    this.#worker.postMessage(message)
  }

  onMessage(listener: (message: unknown) => void): void {
    this.#worker.on('message', listener)
    // A first listener makes a worker hold the process.
    this.hold(this.#held)
  }

  onExit(listener: (error: Error | undefined) => void): void {
    let failure: Error | undefined
    this.#worker.once('error', (error: unknown) => {
      failure = error instanceof Error ? error : new Error(String(error))
    })
    this.#worker.once('exit', code => {
      if (this.#terminated || (code === 0 && failure === undefined)) listener(undefined)
      else listener(failure ?? new Error(`The background thread ended by itself with exit code ${code}`))
    })
  }

  hold(alive: boolean): void {
    this.#held = alive
    if (alive) this.#worker.ref()
    else this.#worker.unref()
  }

  async terminate(): Promise<void> {
    this.#terminated = true
    await this.#worker.terminate()
  }
}

export const nodeThreads: Threads = {
  processors: availableParallelism(),

  spawn(body: URL): Thread {
    const worker = new Worker(body, { execArgv: flagsFor(body) })
    // Without a listener an error of the thread would be thrown in the owner, and end the application.
    worker.on('error', () => {})
    worker.unref()
    return new NodeThread(worker)
  },
}

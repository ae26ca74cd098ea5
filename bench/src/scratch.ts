import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** On the disk of the checkout, because the system's temporary directory is often memory, where syncs cost nothing. */
const DIRECTORY_DEFAULT = fileURLToPath(new URL('../tmp', import.meta.url))

/** A directory for the databases of one run, removed at its end however it ends. */
export class Scratch {
  readonly directory: string
  #count = 0

  constructor(parent: string | undefined) {
    const root = parent ?? DIRECTORY_DEFAULT
    mkdirSync(root, { recursive: true })
    this.directory = mkdtempSync(join(root, 'run-'))
    process.once('exit', () => this.remove())
  }

  /** A new empty directory. */
  fresh(name: string): string {
    const path = join(this.directory, `${name}-${this.#count++}`)
    mkdirSync(path)
    return path
  }

  discard(path: string): void {
    rmSync(path, { recursive: true, force: true })
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true })
  }
}

/**
 * `npm run simulate -- [--journal async|sync|off] [--trouble none|failures|damage] [--seed N] [--path P] [--images N]`
 *
 * Runs random lives of a database on the simulated disk and checks what power cuts in every operation leave. With a path,
 * which a failure prints, it runs that one scenario again.
 */
import { parseArgs } from 'node:util'
import type { JournalMode } from '../../src/index.ts'
import type { Trouble } from './arbitraries.ts'
import { explore } from './random.ts'

function oneOf<T extends string>(name: string, value: string, allowed: readonly T[]): T {
  const found = allowed.find(each => each === value)
  if (found === undefined) throw new Error(`--${name} is one of ${allowed.join(', ')}`)
  return found
}

const { values } = parseArgs({
  options: {
    journal: { type: 'string', default: 'async' },
    trouble: { type: 'string', default: 'none' },
    seed: { type: 'string' },
    path: { type: 'string' },
    images: { type: 'string', default: '10000' },
  },
})
const seed = values.seed === undefined ? Date.now() % 2 ** 31 : Number(values.seed)
const begun = performance.now()
let shown = begun

/** On a terminal, once a second. */
function progress(images: number): void {
  if (!process.stderr.isTTY || performance.now() - shown < 1000) return
  shown = performance.now()
  process.stderr.write(`\r${images.toLocaleString('en')} images, ${Math.round((shown - begun) / 1000)} s `)
}

try {
  const checked = await explore({
    journal: oneOf<JournalMode>('journal', values.journal, ['async', 'sync', 'off']),
    trouble: oneOf<Trouble>('trouble', values.trouble, ['none', 'failures', 'damage']),
    seed,
    path: values.path,
    images: Number(values.images),
    onProgress: progress,
  })
  if (process.stderr.isTTY) process.stderr.write('\r')
  const seconds = (performance.now() - begun) / 1000
  process.stdout.write(
    `seed ${seed}: ${checked.toLocaleString('en')} images checked in ${seconds.toFixed(1)} s, all as they must be\n`,
  )
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}

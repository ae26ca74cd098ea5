/**
 * Runs every example that was built into `build/examples`, without arguments and from the root of the repository: an
 * example is `examples/NAME.ts` or `examples/NAME/main.ts`. The first that fails ends the run.
 */
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'

const BUILD = path.join('build', 'examples')

const entries = fs.readdirSync(BUILD, { withFileTypes: true }).flatMap(entry => {
  if (entry.isFile()) return entry.name.endsWith('.js') ? [path.join(BUILD, entry.name)] : []
  const main = path.join(BUILD, entry.name, 'main.js')
  return fs.existsSync(main) ? [main] : []
})
if (entries.length === 0) {
  console.error(`There is no example in ${BUILD}.`)
  process.exit(1)
}
for (const entry of entries.sort()) {
  console.log(`\n${path.relative(BUILD, entry)}`)
  const { status } = spawnSync(process.execPath, ['--enable-source-maps', entry], { stdio: 'inherit' })
  if (status !== 0) {
    console.error(`${entry} failed.`)
    process.exit(1)
  }
}

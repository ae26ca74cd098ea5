/** Removes build output: `node tools/clean.mjs dist build`. */
import fs from 'node:fs'

for (const directory of process.argv.slice(2)) fs.rmSync(directory, { recursive: true, force: true })

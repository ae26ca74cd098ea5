/**
 * Runs the tests that were built into `build`; with arguments, those whose path contains one of them:
 * `npm test -- wal platform/node`. The files are named one by one since Node 20 knows no patterns and later versions
 * take no directories.
 */
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'

const BUILD = 'build'
/** A test that hangs is a failure, not a build that never ends. */
const TIMEOUT_MILLIS = 15 * 60 * 1000

const wanted = process.argv.slice(2).filter(argument => !argument.startsWith('-'))
const flags = process.argv.slice(2).filter(argument => argument.startsWith('-'))
const files = fs
  .readdirSync(BUILD, { recursive: true, encoding: 'utf8' })
  .map(file => file.replaceAll(path.sep, '/'))
  .filter(file => file.endsWith('.test.js') && (wanted.length === 0 || wanted.some(part => file.includes(part))))
  .map(file => `${BUILD}/${file}`)
  .sort()
if (files.length === 0) {
  console.error(`No test in ${BUILD} has ${wanted.join(' or ')} in its path.`)
  process.exit(1)
}

const settings = [
  '--enable-source-maps',
  '--test',
  `--test-timeout=${TIMEOUT_MILLIS}`,
  '--test-reporter=spec',
  ...flags,
]
const { status } = spawnSync(process.execPath, [...settings, ...files], { stdio: 'inherit' })
process.exitCode = status ?? 1

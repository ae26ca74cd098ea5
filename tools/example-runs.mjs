/**
 * What `npm run examples` runs, and how the output is checked. Each example has its runs, which are made one after the
 * other in one empty folder.
 */
import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'

/** @typedef {{ args?: string[], status?: number, check?: (stdout: string, stderr: string) => void }} Run */

/** Writes files below a folder. @param {string} folder  @param {Record<string, string>} files */
function writeFiles(folder, files) {
  for (const [name, text] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true })
    fs.writeFileSync(path.join(folder, name), text)
  }
}

/** A node_modules folder with all that such folders have. @param {string} folder */
function makeTree(folder) {
  writeFiles(folder, {
    'a/package.json':
      '{ "name": "a", "version": "1.0.0", "license": "MIT", "dependencies": { "b": "^1", "@s/c": "*" } }',
    'a/node_modules/b/package.json':
      '{ "name": "b", "version": "1.5.0", "licenses": [{ "type": "MIT" }, { "type": "ISC" }] }',
    'b/package.json':
      '\uFEFF{ "name": "b", "version": "2.0.0", "license": { "type": "ISC" }, "peerDependencies": { "a": "1" } }',
    '@s/c/package.json': '{ "name": "@s/c", "version": "1.0.0", "optionalDependencies": { "missing": "1" } }',
    '@s/c/node_modules/b/package.json':
      '{ "name": "b", "version": "1.5.0", "licenses": [{ "type": "MIT" }, { "type": "ISC" }] }',
    'broken/package.json': '{ "name": "broken", ',
    'nameless/package.json': '{ "version": "1.0.0" }',
    'no-package/readme.txt': '',
    '.bin/a': '',
    '.pnpm/d@3.0.0/node_modules/d/package.json': '{ "name": "d", "version": "3.0.0", "license": "MIT" }',
  })
  fs.symlinkSync('.pnpm/d@3.0.0/node_modules/d', path.join(folder, 'd'))
  fs.symlinkSync('..', path.join(folder, 'a/node_modules/loop'))
}

/** @returns {Run[]} */
function quickStartRuns() {
  const expected = ["{ name: 'Ada' }", '/home by user 1: 3', '/home by user 2: 1', '1 then, 0 now']
  const run = { check: stdout => assert.deepEqual(stdout.trim().split('\n'), expected) }
  // The second run finds the database of the first.
  return [run, run]
}

/** @returns {Run[]} */
function powerCutRuns() {
  return [{ check: stdout => assert.match(stdout, /^\d{3,} states after power cuts are as they must be\n$/) }]
}

/** `root` is that of the repository, `folder` the one that the runs are made in.  @param {string} root  @param {string} folder  @returns {Run[]} */
function packageIndexRuns(root, folder) {
  const tree = path.join(folder, 'node_modules')
  makeTree(tree)
  const own = path.join(root, 'node_modules')
  const { dependencies: declared } = JSON.parse(fs.readFileSync(path.join(own, 'fast-check/package.json'), 'utf8'))
  /** @param {(value: any) => void} check */
  const json = check => stdout => check(JSON.parse(stdout))
  const matches =
    (...patterns) =>
    (stdout, stderr) =>
      patterns.forEach(pattern => assert.match(stdout + stderr, pattern))
  return [
    { args: [], status: 2, check: matches(/^Usage:/) },
    { args: ['--help'], check: matches(/^Usage:/) },
    { args: ['show'], status: 2, check: matches(/^Usage:/) },
    { args: ['stats'], status: 1, check: matches(/^There is no index/) },
    { args: ['index', 'nowhere'], status: 1, check: matches(/does not exist/) },

    { args: ['index', own], check: matches(/package/) },
    {
      args: ['show', 'fast-check', '--json'],
      check: json(([found]) => {
        assert.deepEqual(Object.fromEntries(found.dependencies.map(({ name, range }) => [name, range])), declared)
        assert.deepEqual(found.folders, ['fast-check'])
      }),
    },
    { args: ['dependents', Object.keys(declared)[0]], check: matches(/^fast-check@/m) },
    { args: ['licences'], check: matches(/^MIT +\d+ +\d+$/m) },
    {
      args: ['stats', '--json'],
      check: json(({ root: indexed, names }) => assert.ok(indexed === fs.realpathSync(own) && names > 5)),
    },
    { args: ['show', 'fast-chec'], status: 1, check: matches(/Did you mean fast-check\?/) },

    {
      args: ['index', tree, '--json'],
      check: json(({ packageFiles, versions, skipped }) => {
        assert.deepEqual([packageFiles, versions], [8, 5])
        const names = skipped.map(({ file }) => path.basename(path.dirname(file)))
        assert.deepEqual(names, ['broken', 'nameless'])
      }),
    },
    { args: ['show', 'fast-check'], status: 1, check: matches(/There is no package/) },
    {
      args: ['show', 'b', '--json'],
      check: json(found =>
        assert.deepEqual(
          found.map(({ version, licence, folders }) => [version, licence, folders]),
          [
            ['1.5.0', '(MIT OR ISC)', ['@s/c/node_modules/b', 'a/node_modules/b']],
            ['2.0.0', 'ISC', ['b']],
          ],
        ),
      ),
    },
    { args: ['dependents', 'b'], check: stdout => assert.equal(stdout, 'a@1.0.0  ^1  dependency\n') },
    { args: ['dependents', 'a'], check: stdout => assert.equal(stdout, 'b@2.0.0  1  peer\n') },
    {
      args: ['licences', '--json'],
      check: json(rows =>
        assert.deepEqual(
          rows.map(({ licence, versions, copies }) => [licence, versions, copies]),
          [
            ['(MIT OR ISC)', 1, 2],
            ['MIT', 2, 2],
            ['ISC', 1, 1],
            ['unknown', 1, 1],
          ],
        ),
      ),
    },
    { args: ['stats'], check: matches(/packages +4, in 5 versions and 6 copies/, /unusable files +2/) },
  ]
}

/** @type {Record<string, (root: string, folder: string) => Run[]>} */
export const EXAMPLE_RUNS = {
  'quick-start': quickStartRuns,
  'power-cut': powerCutRuns,
  'package-index': packageIndexRuns,
}

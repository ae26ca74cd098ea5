import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'

/** The root of the project. Tests run from it, and are built into a folder from which the sources cannot be told. */
function findRoot(): string {
  for (let folder = process.cwd(); ; folder = path.dirname(folder)) {
    const file = path.join(folder, 'package.json')
    if (existsSync(file) && JSON.parse(readFileSync(file, 'utf8')).name === 'manifold-db') return folder
    assert.notEqual(folder, path.dirname(folder), 'the tests must be run from within the project')
  }
}

const root = findRoot()

/** The path of a file of the project. */
export function projectPath(...names: readonly string[]): string {
  return path.join(root, ...names)
}

/** The text of a file of the project. */
export function projectText(...names: readonly string[]): string {
  return readFileSync(projectPath(...names), 'utf8')
}

/**
 * Checks the imports of `src`: floors, cycles (imports of types among them), `.ts` at the end of relative ones, and
 * where modules of Node may be named. Also that `.oxlintrc.json` says the same floors; `--write` makes it so.
 */
import fs from 'node:fs'
import path from 'node:path'
import { NODE_ALLOWED, IMPLEMENTATIONS, floorOf, forbiddenFor } from './floors.mjs'
import { floorOverrides } from './lint-floors.mjs'

const root = path.resolve(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), '..')
const lintFile = path.join(root, '.oxlintrc.json')
const problems = []

const IMPORT =
  /^\s*(?:import|export)\b[^'"`;]*?\bfrom\s*['"]([^'"]+)['"]|^\s*import\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/gm

/** @param {string} file  @returns {string[]} */
function importsOf(file) {
  const text = fs.readFileSync(path.join(root, file), 'utf8').replace(/\/\*[\s\S]*?\*\//g, '')
  return [...text.matchAll(IMPORT)].map(match => match[1] ?? match[2] ?? match[3] ?? '')
}

/** @param {string} file  The folder whose rules hold for it. */
function folderOf(file) {
  const inner = file.slice('src/'.length)
  const implementation = IMPLEMENTATIONS.find(name => inner.startsWith(`${name}/`))
  return implementation ?? inner.split('/')[0].replace(/\.ts$/, '')
}

/** @param {string} file  @param {string} specifier  @returns {string | undefined} the file imported, where it is one of ours */
function checkImport(file, specifier) {
  const isTest = file.endsWith('.test.ts')
  if (!specifier.startsWith('.')) {
    const allowed = isTest || NODE_ALLOWED.some(place => file.startsWith(place))
    if (specifier.startsWith('node:') && !allowed)
      problems.push(`${file}: ${specifier} is imported in ${NODE_ALLOWED.join(' and ')} only`)
    if (!specifier.startsWith('node:') && !isTest)
      problems.push(`${file}: ${specifier} would be a dependency; there are none at run time`)
    return undefined
  }
  const target = path.posix.join(path.posix.dirname(file), specifier)
  if (!fs.existsSync(path.join(root, target))) problems.push(`${file}: there is no ${specifier}`)
  if (!isTest) checkFloor(file, target)
  return target
}

/** @param {string} file  @param {string} target */
function checkFloor(file, target) {
  if (target.endsWith('.test.ts')) problems.push(`${file}: imports a test, ${target}`)
  if (!target.startsWith('src/')) return void problems.push(`${file}: imports ${target}, which is not in src`)
  const [from, to] = [folderOf(file), folderOf(target)]
  const { folders, implementations } = forbiddenFor(from)
  if (from !== to && (folders.includes(to) || implementations.includes(to) || to === 'index')) {
    problems.push(`${file}: imports ${target}, which is not on a floor below`)
  }
}

/** @param {Map<string, string[]>} graph */
function checkCycles(graph) {
  const done = new Set()
  /** @type {string[]} */
  const trail = []
  const visit = file => {
    if (done.has(file)) return
    const start = trail.indexOf(file)
    if (start >= 0) return void problems.push(`cycle: ${[...trail.slice(start), file].join(' -> ')}`)
    trail.push(file)
    for (const target of graph.get(file) ?? []) visit(target)
    trail.pop()
    done.add(file)
  }
  for (const file of graph.keys()) visit(file)
}

function checkLintFile() {
  const settings = JSON.parse(fs.readFileSync(lintFile, 'utf8'))
  const written = settings.overrides.filter(override => !('no-restricted-imports' in override.rules))
  const wanted = [...written, ...floorOverrides()]
  if (JSON.stringify(settings.overrides) === JSON.stringify(wanted)) return
  if (!process.argv.includes('--write')) {
    problems.push(
      '.oxlintrc.json: its floors are not those of tools/floors.mjs; run node tools/check-floors.mjs --write',
    )
    return
  }
  fs.writeFileSync(lintFile, `${JSON.stringify({ ...settings, overrides: wanted }, undefined, 2)}\n`)
}

const files = fs.readdirSync(path.join(root, 'src'), { recursive: true, encoding: 'utf8' })
const sources = files.filter(file => file.endsWith('.ts')).map(file => `src/${file.replaceAll(path.sep, '/')}`)
/** @type {Map<string, string[]>} */
const graph = new Map()
for (const file of sources.sort()) {
  if (!IMPLEMENTATIONS.includes(folderOf(file)) && floorOf(folderOf(file)) < 0) {
    problems.push(`${file}: tools/floors.mjs does not say on which floor it stands`)
    continue
  }
  graph.set(
    file,
    importsOf(file)
      .map(specifier => checkImport(file, specifier))
      .filter(target => target !== undefined),
  )
}
checkCycles(graph)
checkLintFile()

for (const problem of problems) console.error(problem)
console.log(`${sources.length} files of src, ${problems.length} problems with imports`)
process.exitCode = problems.length > 0 ? 1 : 0

import { FLOORS, IMPLEMENTATIONS, NODE_ALLOWED, forbiddenFor } from './floors.mjs'

/** The part of `.oxlintrc.json` that says the floors: one override a folder. */
export function floorOverrides() {
  const folders = [...FLOORS.flat().filter(folder => folder !== 'index'), ...IMPLEMENTATIONS]
  const source = folders.map(folder => {
    const { folders: above, implementations } = forbiddenFor(folder)
    const patterns = []
    if (above.length > 0) {
      const message = `src/${folder} imports only from floors below its own (tools/floors.mjs).`
      patterns.push({ regex: `^(\\.\\./)+(${above.join('|')})/`, message })
    }
    if (implementations.length > 0) {
      const names = implementations.map(name => name.slice('platform/'.length))
      const message = 'Only entry points and tests name an implementation of the platform.'
      patterns.push({ regex: `^(\\./|\\.\\./)+(platform/)?(${names.join('|')})/`, message })
    }
    if (!NODE_ALLOWED.includes(`src/${folder}/`)) {
      const message = 'Modules of Node are imported in src/platform/node and src/base/checksum.ts only.'
      patterns.push({ regex: '^node:', message })
    }
    return { files: [`src/${folder}/**/*.ts`], rules: { 'no-restricted-imports': ['error', { patterns }] } }
  })
  // The last override that matches a file counts.
  const free = { files: ['**/*.test.ts', 'src/base/checksum.ts'], rules: { 'no-restricted-imports': 'off' } }
  return [...source, free]
}

// Compiles the type tests: what the package infers and refuses, and its exports against the contract of the public types
// where that stands beside the checkout (../shared/api.d.ts).
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const contract = join(root, '..', 'shared', 'api.d.ts')

function compile(project) {
  const { status, error } = spawnSync(
    process.execPath,
    [join(root, 'node_modules/typescript/bin/tsc'), '-p', project],
    { stdio: 'inherit' },
  )
  if (error !== undefined) throw error
  if (status !== 0) process.exitCode = 1
}

/**
 * Private members and unique symbols make a type unlike any other, also unlike the one that implements it, so they are
 * taken out of the contract before the comparison. What must be nominal is pinned by `inference.ts`.
 */
function compileContract() {
  const directory = mkdtempSync(join(tmpdir(), 'manifold-contract-'))
  try {
    const structural = readFileSync(contract, 'utf8')
      .replaceAll('#private;', '')
      .replaceAll('readonly [savepoint]: true', '')
    writeFileSync(join(directory, 'api.d.ts'), structural)
    writeFileSync(
      join(directory, 'tsconfig.json'),
      JSON.stringify({
        extends: join(root, 'test/types/tsconfig.json'),
        compilerOptions: {
          rootDir: '/',
          typeRoots: [join(root, 'node_modules/@types')],
          paths: { contract: [join(directory, 'api.d.ts')] },
        },
        include: [],
        files: [join(root, 'test/types/contract.ts')],
      }),
    )
    compile(directory)
  } finally {
    rmSync(directory, { recursive: true })
  }
}

compile(join(root, 'test/types'))
if (existsSync(contract)) compileContract()
else console.log('The contract of the public types is not beside the checkout: its comparison is skipped.')

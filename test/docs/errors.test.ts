import assert from 'node:assert/strict'
import { test } from 'node:test'
import { projectText } from '../support/project.ts'

const CODE = /MANIFOLD_[A-Z_]+/g

/** The codes of the union in the source, which no build keeps. */
function declaredCodes(): Set<string> {
  const union = /export type ErrorCode =([\s\S]*?)\n\n/.exec(projectText('src/base/errors.ts'))![1]!
  return new Set([...union.matchAll(/^\s*\| '(MANIFOLD_[A-Z_]+)'/gm)].map(([, code]) => code!))
}

test('docs/errors.md has one row for each code', () => {
  const declared = declaredCodes()
  assert.ok(declared.size > 20, 'the union was found')
  const rows = [...projectText('docs/errors.md').matchAll(/^\| `(MANIFOLD_[A-Z_]+)` \| ([^|]+) \| ([^|]+) \|$/gm)]
  assert.deepEqual(rows.map(([, code]) => code!).sort(), [...declared].sort())
})

test('no page names a code that does not exist', () => {
  const declared = declaredCodes()
  for (const page of ['README.md', 'docs/errors.md', 'docs/architecture.md', 'docs/durability.md', 'docs/format.md']) {
    for (const [code] of projectText(page).matchAll(CODE)) {
      // The names of environment variables begin alike.
      if (!code.startsWith('MANIFOLD_TEST_') && code !== 'MANIFOLD_WRITE_GOLDEN')
        assert.ok(declared.has(code), `${page}: ${code}`)
    }
  }
})

import assert from 'node:assert/strict'
import { existsSync, readdirSync, statSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { projectPath, projectText } from '../support/project.ts'

/** The pages of the project, by their paths from its root. */
function pages(): string[] {
  const inDocs = readdirSync(projectPath('docs'), { recursive: true, encoding: 'utf8' }).map(name =>
    path.posix.join('docs', name),
  )
  return [
    'README.md',
    'CONTRIBUTING.md',
    'CHANGELOG.md',
    'bench/README.md',
    ...inDocs.filter(name => name.endsWith('.md')),
  ]
}

/** What a heading is called in a link, as the sites that show Markdown make it. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-')
}

function withoutCode(text: string): string {
  return text.replace(/```[\s\S]*?```/g, '').replace(/`[^`\n]*`/g, '')
}

function anchorsOf(page: string): Set<string> {
  const text = projectText(page).replace(/```[\s\S]*?```/g, '')
  return new Set([...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) => anchorOf(heading!)))
}

for (const page of pages()) {
  test(`the links of ${page} lead somewhere`, () => {
    for (const [, target] of withoutCode(projectText(page)).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target!)) continue
      const [file = '', anchor] = target!.split('#')
      const linked = file === '' ? page : path.posix.join(path.posix.dirname(page), file)
      assert.ok(existsSync(projectPath(linked)), `${target} does not exist`)
      if (anchor === undefined || statSync(projectPath(linked)).isDirectory()) continue
      assert.ok(anchorsOf(linked).has(anchor), `${linked} has no heading #${anchor}`)
    }
  })

  test(`the files that ${page} names in code exist`, () => {
    for (const [, named] of projectText(page).matchAll(/`((?:src|test|tools|examples|docs)\/[\w./-]+)`/g)) {
      const beside = path.posix.join(path.posix.dirname(page), named!)
      assert.ok(existsSync(projectPath(named!)) || existsSync(projectPath(beside)), `${named} does not exist`)
    }
  })
}

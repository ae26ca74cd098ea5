import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { PAGE_BYTES } from '../../src/base/limits.ts'
import { HEADER_PAGE_COUNT_OFFSET } from '../../src/pager/header-format.ts'
import type { Slab } from '../../src/pager/slab.ts'
import { verify } from '../../src/repair.ts'
import { openOn, PATH, words } from '../support/open.ts'
import { checkRefusal, diskOf } from './contents.ts'
import { examine, exercise } from './exercise.ts'
import { ForgedFile } from './forged-file.ts'
import type { ForgedEntry, PagePointer } from './forged-pages.ts'
import { checksumOfPage, forceChecksum, forgePage } from './forged-pages.ts'
import { closedSample } from './samples.ts'

/** Levels and children of a tree whose branches all name one page: 20 pages with more paths than could ever be walked. */
const LEVELS = 20
const CHILDREN = 100

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

/** Puts pages behind the end of a sound file and makes the last of them the root of the table of words. */
async function withTree(
  build: (first: number) => { pages: readonly Slab[]; root: PagePointer; height: number },
): Promise<Uint8Array> {
  const sound = (await closedSample()).files.get(PATH)!
  const first = sound.length / PAGE_BYTES
  const { pages, root, height } = build(first)
  const bytes = new Uint8Array(sound.length + pages.length * PAGE_BYTES)
  bytes.set(sound)
  pages.forEach((page, i) => bytes.set(page.bytes, (first + i) * PAGE_BYTES))
  const file = new ForgedFile(bytes)
  const entry = file.catalog.tables.find(({ name }) => name === words.name)!
  entry.root = { ...root, height, entries: CHILDREN, overflow: false }
  const value = first + pages.length
  file.headerPatches.push({ slots: [0, 1], offset: HEADER_PAGE_COUNT_OFFSET, bytes: 4, value })
  return file.seal()
}

function ladder(first: number): { pages: Slab[]; root: PagePointer; height: number } {
  const leaf = forgePage(0, [
    { key: bytesOf('k00'), value: bytesOf('a') },
    { key: bytesOf('k01'), value: bytesOf('b') },
  ])
  const pages = [leaf]
  let child = { page: first, checksum: checksumOfPage(leaf) }
  for (let level = 1; level < LEVELS; level++) {
    const entries = Array.from({ length: CHILDREN }, (_, i): ForgedEntry => ({
      key: bytesOf(`k${String(i).padStart(2, '0')}`),
      child,
    }))
    const branch = forgePage(level, entries)
    child = { page: first + level, checksum: checksumOfPage(branch) }
    pages.push(branch)
  }
  return { pages, root: child, height: LEVELS }
}

/** A branch of level 2 that names itself, with its own checksum. */
function selfReference(first: number): { pages: Slab[]; root: PagePointer; height: number } {
  const self = { page: first, checksum: 0x1234567 }
  const page = forgePage(2, [
    { key: bytesOf('a'), child: self },
    { key: bytesOf('b'), child: self },
  ])
  forceChecksum(page, self.checksum)
  assert.equal(checksumOfPage(page), self.checksum)
  return { pages: [page], root: self, height: 3 }
}

/** Two branches of one level that name each other. */
function cycle(first: number): { pages: Slab[]; root: PagePointer; height: number } {
  const [a, b] = [
    { page: first, checksum: 0x1111111 },
    { page: first + 1, checksum: 0x2222222 },
  ]
  const pages = [forgePage(2, [{ key: bytesOf('a'), child: b }]), forgePage(2, [{ key: bytesOf('a'), child: a }])]
  forceChecksum(pages[0]!, a.checksum)
  forceChecksum(pages[1]!, b.checksum)
  return { pages, root: a, height: 3 }
}

function withoutCatalog(bytes: Uint8Array): Uint8Array {
  const damaged = bytes.slice()
  const meta = new DataView(bytes.buffer).getUint32(68, true)
  for (const page of [0, 1, meta]) damaged.fill(0, page * PAGE_BYTES, (page + 1) * PAGE_BYTES)
  return damaged
}

describe('a tree whose pages are reached over and over', () => {
  for (const build of [ladder, selfReference, cycle]) {
    test(`${build.name}: reading, writing, dropping, verifying and salvaging end`, async () => {
      const files = new Map([[PATH, await withTree(build)]])
      await exercise(diskOf(files))
      await examine(diskOf(files))
    })

    test(`${build.name}, without a catalog: salvaging ends`, async () => {
      await examine(diskOf(new Map([[PATH, withoutCatalog(await withTree(build))]])))
    })
  }

  test('ladder: an iterator in either direction, and verify, say what is wrong', async () => {
    const disk = diskOf(new Map([[PATH, await withTree(ladder)]]))
    const db = await openOn(disk, 'off', { readOnly: true })
    for (const reverse of [false, true]) {
      assert.throws(
        () => db.table(words).range({ reverse }).toArray(),
        error => checkRefusal(error).code === 'MANIFOLD_CORRUPTION',
      )
    }
    await db.close()
    const { ok, problems } = await verify(PATH, { fileSystem: disk })
    assert.ok(!ok && problems.length > 0)
  })

  test('a page whose keys do not rise is refused', async () => {
    for (const keys of [
      ['b', 'a'],
      ['a', 'a'],
      ['abcde', 'abcdd'],
      ['a', 'b', 'ab'],
    ]) {
      const build = (first: number): { pages: Slab[]; root: PagePointer; height: number } => {
        const page = forgePage(
          0,
          keys.map(key => ({ key: bytesOf(key), value: bytesOf('v') })),
        )
        return { pages: [page], root: { page: first, checksum: checksumOfPage(page) }, height: 1 }
      }
      const db = await openOn(diskOf(new Map([[PATH, await withTree(build)]])), 'off', { readOnly: true })
      assert.throws(
        () => db.table(words).get('a'),
        error => /order of entry/.test(checkRefusal(error).message),
      )
      await db.close()
    }
  })
})

import assert from 'node:assert/strict'
import test from 'node:test'
import { PAGE_BYTES } from '../base/limits.ts'
import { checksum } from '../base/checksum.ts'
import type { File } from '../platform/file-system.ts'
import { SimulatedDisk } from '../platform/simulated/disk.ts'
import { PageCache, frameBase, frameSlab } from './page-cache.ts'
import { PAGE_KIND_LEAF } from './page-format.ts'

/** A leaf with one entry, whose value says which page it is. */
function leaf(value: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(PAGE_BYTES)
  const view = new DataView(bytes.buffer)
  bytes[0] = PAGE_KIND_LEAF
  view.setUint16(2, 1, true)
  view.setUint16(6, 18, true)
  view.setInt32(8, -(2 ** 31), true)
  view.setUint16(14, 4, true)
  view.setUint32(18, value, true)
  return bytes
}

/** Writes a page; returns its checksum. */
function put(file: File, page: number, value: number): number {
  file.writeSync([leaf(value)], page * PAGE_BYTES)
  return checksum(leaf(value)) | 0
}

function valueIn(cache: PageCache, frame: number): number {
  return new DataView(cache.slabs[frameSlab(frame)]!.bytes.buffer).getUint32(frameBase(frame) + 18, true)
}

function newFile(): File {
  return new SimulatedDisk().openSync('f', { write: true, create: true, exclusive: true, dataSync: false })
}

test('any order of pages in any budget gives their content', () => {
  for (const frames of [4, 7, 128, 200]) {
    const file = newFile()
    const sums = Array.from({ length: 302 }, (_, page) => put(file, page, page * 3))
    const cache = new PageCache(file, frames * PAGE_BYTES)
    let state = frames
    for (let i = 0; i < 5000; i++) {
      state = (Math.imul(state, 1664525) + 1013904223) | 0
      const page = 2 + ((state >>> 8) % (i % 2 === 0 ? 300 : 5))
      assert.equal(valueIn(cache, cache.load(page, sums[page]!, 0)), page * 3)
    }
    assert.ok(cache.byteLength <= frames * PAGE_BYTES)
    assert.ok(cache.statistics.misses > cache.statistics.evictions)
  }
})

test('a page that has been used again is never stale', () => {
  const file = newFile()
  const cache = new PageCache(file, 0)
  const before = put(file, 5, 1)
  const frame = cache.load(5, before, 0)
  const after = put(file, 5, 2)
  assert.equal(valueIn(cache, cache.load(5, after, 0)), 2)
  assert.equal(cache.holds(frame, 5, before), false)
  assert.throws(() => cache.load(5, before, 0), { code: 'MANIFOLD_CORRUPTION', offset: 5 * PAGE_BYTES })
})

test('pinned pages stay, even beyond the budget', () => {
  const file = newFile()
  const sums = Array.from({ length: 40 }, (_, page) => put(file, page, page))
  const cache = new PageCache(file, 4 * PAGE_BYTES)
  const pinned = new Map<number, number>()
  for (let page = 2; page < 12; page++) {
    const frame = cache.load(page, sums[page]!, 0)
    cache.pin(frame)
    pinned.set(page, frame)
  }
  for (let page = 12; page < 40; page++) assert.equal(valueIn(cache, cache.load(page, sums[page]!, 0)), page)
  for (const [page, frame] of pinned) {
    assert.ok(cache.holds(frame, page, sums[page]!))
    assert.equal(valueIn(cache, frame), page)
    cache.unpin(frame)
  }
  for (let page = 12; page < 40; page++) cache.load(page, sums[page]!, 0)
  assert.ok([...pinned].some(([page, frame]) => !cache.holds(frame, page, sums[page]!)))
})

test('a page that cannot be read leaves the cache as it was', () => {
  const file = newFile()
  const cache = new PageCache(file, 4 * PAGE_BYTES)
  const sum = put(file, 2, 9)
  for (let i = 0; i < 10; i++) {
    assert.throws(() => cache.load(2, sum + 1, 0), { code: 'MANIFOLD_CORRUPTION' })
    assert.throws(() => cache.load(900, 0, 0), { code: 'MANIFOLD_CORRUPTION' })
    assert.throws(() => cache.load(0, 0, 0), { code: 'MANIFOLD_CORRUPTION' })
    assert.equal(valueIn(cache, cache.load(2, sum, 0)), 9)
  }
})

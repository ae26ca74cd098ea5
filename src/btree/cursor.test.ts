import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { PAGE_BYTES } from '../base/limits.ts'
import { readOverflow } from '../pager/file-read.ts'
import { PageCache } from '../pager/page-cache.ts'
import { Cursor } from './cursor.ts'
import { RUNS_FACTOR, TestTree, bytesOf, entriesOf, hexOf, valueOf } from './fixture.test.ts'
import type { Change } from './fixture.test.ts'
import { LookupResult, lookup } from './lookup.ts'
import type { ValuePlace } from './value-place.ts'

/** A tree of three levels: keys of 1 to 2048 bytes, some with long values. */
function mixedTree(seed: number): TestTree {
  let state = seed
  const random = (below: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0
    return (state >>> 8) % below
  }
  const tree = new TestTree()
  const changes: Change[] = []
  for (let i = 0; i < 1500; i++) {
    const stem = 'abcdefghijklmnopqrstuvwxyz'[random(26)]!.repeat([0, 1, 5, 30, 900, 2030][random(6)]!)
    const key = new TextEncoder().encode(stem + random(100_000).toString(36))
    changes.push({ key, value: valueOf(i, random(60) === 0 ? random(30_000) : random(300)) })
  }
  tree.merge(changes.slice(0, 1000))
  tree.merge(changes.slice(1000))
  return tree
}

function valueAt(tree: TestTree, place: ValuePlace): Uint8Array {
  if (!place.overflow) return place.bytes.slice(place.valueOffset, place.valueOffset + place.valueLength)
  const value = new Uint8Array(place.valueLength)
  readOverflow(tree.file, place.overflowPage, place.overflowChecksum, value)
  return value
}

/** `bytes` in a longer buffer, as keys are passed. */
function padded(bytes: Uint8Array): Uint8Array {
  const buffer = new Uint8Array(bytes.length + 9).fill(0xff)
  buffer.set(bytes)
  return buffer
}

test('lookup finds every key and no other, in a tiny cache too', () => {
  for (const frames of [4, 1000]) {
    const tree = mixedTree(1)
    tree.verify()
    assert.ok(tree.root.height >= 3)
    const cache = new PageCache(tree.file, frames * PAGE_BYTES)
    const result = new LookupResult()
    for (const [name, value] of tree.model) {
      const key = bytesOf(name)
      assert.ok(lookup(cache, tree.root, padded(key), key.length, result))
      assert.ok(Buffer.from(valueAt(tree, result)).equals(value))
      for (const other of [
        key.subarray(0, -1),
        Uint8Array.of(...key.subarray(0, 2047), 0),
        key.map((byte, i) => (i === 0 ? byte ^ 1 : byte)),
      ]) {
        const found = lookup(cache, tree.root, padded(other), other.length, result)
        assert.equal(found, tree.model.has(hexOf(other)))
      }
    }
  }
})

const step = fc.oneof(
  { weight: 6, arbitrary: fc.constant('next' as const) },
  { weight: 6, arbitrary: fc.constant('previous' as const) },
  { weight: 2, arbitrary: fc.record({ seek: fc.nat(), exact: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ before: fc.nat(), exact: fc.boolean() }) },
  { weight: 1, arbitrary: fc.constantFrom('first' as const, 'last' as const, 'pin' as const, 'unpin' as const) },
  { weight: 2, arbitrary: fc.record({ disturb: fc.nat(), refresh: fc.boolean() }) },
)

test('a cursor moves as an index into a sorted array does, whatever else is read between', () => {
  const tree = mixedTree(2)
  const entries = entriesOf(tree.model)
  const result = new LookupResult()
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200, size: 'max' }), fc.constantFrom(4, 5, 2000), (steps, frames) => {
      const cache = new PageCache(tree.file, frames * PAGE_BYTES)
      const cursor = new Cursor(cache)
      cursor.open(tree.root)
      let index = -1
      let pinned = false
      const target = (n: number, exact: boolean): Uint8Array => {
        const key = bytesOf(entries[n % entries.length]![0])
        return exact ? key : Uint8Array.of(...key.subarray(0, 2047), n & 0xff)
      }
      for (const each of steps) {
        let found = cursor.valid
        if (each === 'next' || each === 'previous') {
          if (!cursor.valid) continue
          found = each === 'next' ? cursor.next() : cursor.previous()
          index += each === 'next' ? 1 : -1
        } else if (each === 'first') {
          found = cursor.seekFirst()
          index = 0
        } else if (each === 'last') {
          found = cursor.seekLast()
          index = entries.length - 1
        } else if (each === 'pin' || each === 'unpin') {
          if (pinned === (each === 'pin')) continue
          pinned = !pinned
          if (pinned) cursor.pin()
          else cursor.unpin()
        } else if ('disturb' in each) {
          const key = target(each.disturb, true)
          lookup(cache, tree.root, padded(key), key.length, result)
          if (cursor.valid && each.refresh) cursor.refresh()
          // The key stays; where the value is must be asked for, unless the leaf is pinned.
          if (!each.refresh && !pinned) continue
        } else {
          const forward = 'seek' in each
          const key = target(forward ? each.seek : each.before, each.exact)
          const name = hexOf(key)
          found = forward ? cursor.seek(padded(key), key.length) : cursor.seekBefore(padded(key), key.length)
          index = entries.findIndex(([other]) => other >= name)
          if (index < 0) index = entries.length
          if (!forward) index--
        }
        const expected = entries[index]
        assert.equal(found, expected !== undefined)
        assert.equal(cursor.valid, expected !== undefined)
        if (expected === undefined) continue
        assert.equal(hexOf(cursor.key.subarray(0, cursor.keyLength)), expected[0])
        assert.ok(Buffer.from(valueAt(tree, cursor)).equals(expected[1]))
      }
    }),
    { numRuns: 60 * RUNS_FACTOR },
  )
})

test('an empty tree has nothing', () => {
  const tree = new TestTree()
  const cache = new PageCache(tree.file, 0)
  const cursor = new Cursor(cache)
  cursor.open(tree.root)
  assert.equal(cursor.seekFirst() || cursor.seekLast() || cursor.seek(new Uint8Array(1), 1) || cursor.next(), false)
  assert.equal(lookup(cache, tree.root, new Uint8Array(1), 1, new LookupResult()), false)
})

test('a flipped bit in any page gives a typed error or the right entry, never a wrong one', () => {
  const tree = mixedTree(3)
  const entries = entriesOf(tree.model)
  const result = new LookupResult()
  const { pages, overflowPages } = tree.check()
  let unnoticed = 0
  for (let i = 0; i < pages.length; i++) {
    for (let page = pages.first(i); page < pages.first(i) + pages.count(i); page++) {
      const at = page * PAGE_BYTES + ((page * 977) % PAGE_BYTES)
      const byte = tree.disk.contents('tree')[at]
      // The zeros behind a long value are covered by no checksum, and not read.
      if (byte === undefined) continue
      tree.disk.damage('tree', at, Uint8Array.of(byte ^ 0x10))
      const cache = new PageCache(tree.file, 20_000 * PAGE_BYTES)
      let refused = 0
      for (let n = page % 7; n < entries.length; n += 7) {
        const [name, value] = entries[n]!
        const key = bytesOf(name)
        try {
          assert.ok(lookup(cache, tree.root, key, key.length, result))
          assert.ok(Buffer.from(valueAt(tree, result)).equals(value))
        } catch (error) {
          assert.equal((error as { code?: string }).code, 'MANIFOLD_CORRUPTION')
          refused++
        }
      }
      let whole = true
      try {
        tree.check()
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'MANIFOLD_CORRUPTION')
        whole = false
      }
      if (whole) assert.equal(refused, 0)
      if (whole) unnoticed++
      tree.disk.damage('tree', at, Uint8Array.of(byte))
    }
  }
  assert.ok(unnoticed < overflowPages / 2, 'only zeros behind long values may be changed unnoticed')
  tree.verify()
})

test('a file that has been cut off is said to be', () => {
  const tree = mixedTree(4)
  tree.file.truncateSync(tree.space.pageCount * PAGE_BYTES - PAGE_BYTES - 100)
  assert.throws(() => tree.check(), { code: 'MANIFOLD_CORRUPTION' })
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Slab } from './slab.ts'

test('words are copied to any place and in any length, and nothing beside them', () => {
  const source = new Int32Array(new SharedArrayBuffer(256))
  const sourceBytes = new Uint8Array(source.buffer)
  for (let i = 0; i < sourceBytes.length; i++) sourceBytes[i] = 255 - i
  for (let at = 0; at < 9; at++) {
    for (let length = 0; length <= 70; length++) {
      const slab = new Slab(96)
      const expected = slab.bytes.slice()
      expected.set(sourceBytes.slice(12, 12 + length), at)
      slab.copyWords(at, source, 3, length)
      assert.deepEqual(slab.bytes, expected, `${length} bytes to ${at}`)
    }
  }
})

test('the end of a source is not read beyond', () => {
  const slab = new Slab(16)
  slab.copyWords(1, Int32Array.of(0x04030201, 0x08070605), 0, 7)
  assert.deepEqual([...slab.bytes], [0, 1, 2, 3, 4, 5, 6, 7, 0, 0, 0, 0, 0, 0, 0, 0])
})

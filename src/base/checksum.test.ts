import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { checksum, checksumOfWords } from './checksum.ts'

test('the checksum is the CRC-32 of IEEE 802.3', () => {
  assert.equal(checksum(new TextEncoder().encode('123456789')), 0xcbf43926)
  assert.equal(checksum(new Uint8Array(0)), 0)
})

test('it continues from a seed, and takes shared memory', () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.uint8Array(), (a, b) => {
      const both = new Uint8Array(new SharedArrayBuffer(a.length + b.length))
      both.set(a)
      both.set(b, a.length)
      assert.equal(checksum(b, checksum(a)), checksum(both))
    }),
  )
})

test('one changed bit changes it', () => {
  const bytes = new Uint8Array(64).map((_, index) => index)
  const whole = checksum(bytes)
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const flipped = bytes.slice()
    flipped[bit >> 3]! ^= 1 << (bit & 7)
    assert.notEqual(checksum(flipped), whole)
  }
})

test('that of words is that of their bytes', () => {
  fc.assert(
    fc.property(fc.int32Array({ maxLength: 70 }), fc.nat(3), (words, skipped) => {
      const begin = Math.min(skipped, words.length)
      const bytes = new Uint8Array(words.buffer, words.byteOffset + begin * 4, (words.length - begin) * 4)
      assert.equal(checksumOfWords(words, begin, words.length), checksum(bytes))
    }),
  )
})

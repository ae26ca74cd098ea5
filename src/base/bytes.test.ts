import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { compareBytes, compareRanges } from './bytes.ts'

test('bytes compare unsigned, and a prefix comes first', () => {
  assert.ok(compareBytes(Uint8Array.of(0x7f), Uint8Array.of(0x80)) < 0)
  assert.ok(compareBytes(Uint8Array.of(1), Uint8Array.of(1, 0)) < 0)
  assert.ok(compareBytes(Uint8Array.of(2), Uint8Array.of(1, 9)) > 0)
  assert.equal(compareBytes(new Uint8Array(0), new Uint8Array(0)), 0)
})

test('the order is that of Buffer.compare, also for parts of arrays', () => {
  // Few different values, so that long common prefixes are frequent.
  const bytes = fc.uint8Array({ max: 2, maxLength: 8 })
  fc.assert(
    fc.property(bytes, bytes, fc.nat(3), fc.nat(3), (a, b, aOffset, bOffset) => {
      const expected = Buffer.compare(a, b)
      assert.equal(Math.sign(compareBytes(a, b)), expected)
      const [wideA, wideB] = [new Uint8Array(16).fill(9), new Uint8Array(16).fill(9)]
      wideA.set(a, aOffset)
      wideB.set(b, bOffset)
      assert.equal(Math.sign(compareRanges(wideA, aOffset, a.length, wideB, bOffset, b.length)), expected)
    }),
  )
})

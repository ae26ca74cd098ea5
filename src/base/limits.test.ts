import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as limits from './limits.ts'

test('the limits agree with each other', () => {
  assert.equal(Math.log2(limits.PAGE_BYTES) % 1, 0, 'a page is a power of two')
  assert.ok(limits.KEY_BYTES_MAX >= 2048 && limits.KEY_BYTES_MAX * 4 <= limits.PAGE_BYTES, 'a key is a quarter page')
  assert.ok(limits.KEY_BYTES_MAX <= 0xffff, 'an entry counts the bytes of its key in 16 bits')
  assert.ok(limits.VALUE_BYTES_MAX <= 0xffff_ffff, 'and those of its value in 32')
  assert.ok(limits.VALUE_BYTES_MAX + limits.KEY_BYTES_MAX < limits.TRANSACTION_BYTES_MAX)
  assert.ok(limits.TRANSACTION_BYTES_MAX < 2 ** 31, 'a transaction is addressed in 31 bits')
  assert.ok(limits.NAME_BYTES_MAX <= 0xff, 'a name counts its bytes in 8 bits')
  assert.equal(limits.POSITION_MAX, Number.MAX_SAFE_INTEGER)
})

test('every default lies within its limits', () => {
  assert.ok(limits.WRITE_BUFFER_BYTES_DEFAULT >= limits.WRITE_BUFFER_BYTES_MIN)
  assert.ok(limits.PAGE_CACHE_BYTES_DEFAULT >= limits.PAGE_CACHE_BYTES_MIN)
  assert.ok(limits.PAGE_CACHE_BYTES_MIN % limits.PAGE_BYTES === 0)
  assert.ok(limits.SEGMENT_BYTES_DEFAULT >= limits.SEGMENT_BYTES_MIN)
  assert.ok(limits.SEGMENT_BYTES_DEFAULT <= limits.SEGMENT_BYTES_MAX)
  assert.ok(limits.POLL_INTERVAL_MICROS_DEFAULT <= limits.MAX_DELAY_MICROS_DEFAULT)
})

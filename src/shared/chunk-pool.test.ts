import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CHUNK_BYTES_LARGE, CHUNK_BYTES_MIDDLE, CHUNK_BYTES_SMALL, ChunkPool, longChunkBytes } from './chunk-pool.ts'

const MIB = 1024 * 1024

test('a chunk for a long entry has room for it, and leaves at most a sixteenth unused', () => {
  for (let bytes = 256 * 1024; bytes < 80 * MIB; bytes += 12_345) {
    const size = longChunkBytes(bytes)
    assert.ok(size >= bytes && size - bytes <= bytes / 16 && size % CHUNK_BYTES_SMALL === 0, `${size} for ${bytes}`)
  }
  assert.deepEqual([MIB, MIB + 1, 64 * MIB].map(longChunkBytes), [MIB, MIB + 64 * 1024, 64 * MIB])
  assert.ok(new Set(Array.from({ length: 1000 }, (_, i) => longChunkBytes(MIB + 1 + 64 * i))).size <= 1)
})

test('chunks of every size are used again, by whoever asks for that size', () => {
  const pool = new ChunkPool()
  pool.join(100 * MIB)
  for (const size of [CHUNK_BYTES_SMALL, CHUNK_BYTES_MIDDLE, CHUNK_BYTES_LARGE, longChunkBytes(300_000), 2 * MIB]) {
    const chunk = pool.take(size)
    assert.equal(chunk.byteLength, size)
    pool.give(chunk)
    assert.equal(pool.freeBytes, size)
    assert.notEqual(pool.take(3 * MIB), chunk)
    assert.equal(pool.take(size), chunk)
    assert.equal(pool.freeBytes, 0)
  }
})

test('a long chunk serves its own size alone, which is what it is counted with', () => {
  const pool = new ChunkPool()
  pool.join(100 * MIB)
  const chunk = pool.take(3 * MIB)
  pool.give(chunk)
  assert.equal(pool.take(2 * MIB).byteLength, 2 * MIB)
  assert.equal(pool.freeBytes, 3 * MIB)
  assert.equal(pool.take(3 * MIB), chunk)
})

test('what is kept stays below what was asked for, and long chunks make room for others, oldest first', () => {
  const pool = new ChunkPool()
  pool.join(6 * MIB)
  const [first, second, third] = [pool.take(2 * MIB), pool.take(3 * MIB), pool.take(2 * MIB)]
  for (const chunk of [first, second, third]) pool.give(chunk)
  assert.equal(pool.freeBytes, 5 * MIB)
  const large = pool.take(CHUNK_BYTES_LARGE)
  pool.give(large)
  assert.equal(pool.freeBytes, 6 * MIB)
  pool.give(pool.take(CHUNK_BYTES_MIDDLE))
  assert.equal(pool.freeBytes, 3 * MIB + CHUNK_BYTES_MIDDLE, 'the chunk of 3 MiB has gone')
  assert.equal(pool.take(2 * MIB), third)
  pool.give(new SharedArrayBuffer(8 * MIB))
  assert.equal(pool.freeBytes, CHUNK_BYTES_LARGE + CHUNK_BYTES_MIDDLE, 'too long to be kept')
  pool.give(first)
  pool.give(new SharedArrayBuffer(8 * MIB))
  assert.equal(pool.take(2 * MIB), first, 'nothing goes in favour of what cannot be kept')
})

test('nothing is kept once nobody is left', () => {
  const pool = new ChunkPool()
  pool.join(10 * MIB)
  for (const size of [CHUNK_BYTES_SMALL, CHUNK_BYTES_LARGE, 2 * MIB, 3 * MIB]) pool.give(pool.take(size))
  pool.leave(10 * MIB)
  pool.trim()
  assert.equal(pool.freeBytes, 0)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { WRITE_UNIT_BYTES } from '../base/aligned-memory.ts'
import { ChunkPool, CommitGroup } from './commit-group.ts'
import { RECORD_HEADER_BYTES } from './record-format.ts'

const RUNS = 100 * Number(process.env['MANIFOLD_TEST_RUNS'] ?? 1)

/** A record whose payload is of these parts, or one that is written in place. */
type Step = { readonly parts: readonly number[] } | { readonly words: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    parts: fc.array(
      fc.integer({ min: 0, max: 40_000 }).map(n => n * 4),
      { maxLength: 3 },
    ),
  }),
  fc.record({ words: fc.integer({ min: 14, max: 120 }) }),
)

/** Adds what the steps say; returns all bytes in order. */
function fill(group: CommitGroup, steps: readonly Step[]): Uint8Array {
  const bytes: number[] = []
  let next = 1
  const some = (length: number): Uint8Array => {
    const part = new Uint8Array(new SharedArrayBuffer(length))
    for (let i = 0; i < length; i++) part[i] = next = (next * 5 + 3) & 0xff
    return part
  }
  for (const added of steps) {
    if ('words' in added) {
      const at = group.room(added.words * 4)
      for (let i = 0; i < added.words; i++) {
        group.words[at + i] = next = (Math.imul(next, 69_069) + 1) | 0
        bytes.push(next & 0xff, (next >>> 8) & 0xff, (next >>> 16) & 0xff, next >>> 24)
      }
    } else {
      const [header, ...parts] = [RECORD_HEADER_BYTES, ...added.parts].map(some)
      group.add(
        header!,
        parts,
        parts.reduce((sum, { length }) => sum + length, 0),
      )
      for (const part of [header!, ...parts]) for (const byte of part) bytes.push(byte)
    }
  }
  return Uint8Array.from(bytes)
}

for (const isUnit of [true, false]) {
  test(`a group ${isUnit ? 'that begins a unit' : 'that does not'} has all its bytes in order`, () => {
    const pool = new ChunkPool()
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 12 }), fc.boolean(), (steps, fillUnit) => {
        const group = new CommitGroup(pool)
        group.begin(0, isUnit)
        const expected = fill(group, steps)
        assert.equal(group.isWhole, isUnit)
        const fills = fillUnit && isUnit
        group.close(fills)
        const found = Buffer.concat(group.parts)
        assert.equal(group.bytes, expected.length)
        assert.equal(group.length, found.length)
        assert.ok(found.subarray(0, expected.length).equals(expected))
        assert.ok(found.subarray(expected.length).every(byte => byte === 0))
        if (fills)
          for (const { byteOffset, length } of group.parts) assert.deepEqual([byteOffset % 512, length % 512], [0, 0])
        else assert.equal(found.length, expected.length)
        group.release()
      }),
      { numRuns: RUNS },
    )
  })
}

test('a part that is too long to be copied stays where it is, and the group is not whole', () => {
  const group = new CommitGroup(new ChunkPool())
  group.begin(WRITE_UNIT_BYTES, true)
  const long = new Uint8Array(new SharedArrayBuffer(3 * 1024 * 1024)).fill(7)
  group.add(new Uint8Array(RECORD_HEADER_BYTES), [long], long.length)
  assert.deepEqual([group.isWhole, group.hasOwnMemory], [false, false])
  group.close(false)
  assert.ok(group.parts.includes(long))
})

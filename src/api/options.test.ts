import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  MAX_DELAY_MICROS_DEFAULT,
  PAGE_CACHE_BYTES_DEFAULT,
  POLL_INTERVAL_MICROS_DEFAULT,
  SEGMENT_BYTES_DEFAULT,
  WRITE_BUFFER_BYTES_DEFAULT,
} from '../base/limits.ts'
import { abortedError, resolveWriteOptions } from './durability.ts'
import { resolveOptions } from './options.ts'

describe('open options', () => {
  test('have defaults', () => {
    assert.deepEqual(resolveOptions(), {
      journal: {
        mode: 'async',
        pollIntervalMicros: POLL_INTERVAL_MICROS_DEFAULT,
        maxDelayMicros: MAX_DELAY_MICROS_DEFAULT,
        segmentBytes: SEGMENT_BYTES_DEFAULT,
      },
      durability: 'immediate',
      writeBufferBytes: WRITE_BUFFER_BYTES_DEFAULT,
      pageCacheBytes: PAGE_CACHE_BYTES_DEFAULT,
      readOnly: false,
      createIfMissing: true,
      errorIfExists: false,
      fileSystem: undefined,
      signal: undefined,
      onRecovery: undefined,
      onBackgroundError: undefined,
      traceSnapshots: false,
    })
    assert.deepEqual(resolveOptions({}), resolveOptions())
  })

  test('depend on one another', () => {
    assert.equal(resolveOptions({ journal: 'off' }).durability, 'none')
    assert.equal(resolveOptions({ journal: { mode: 'off' }, durability: 'immediate' }).durability, 'immediate')
    assert.equal(resolveOptions({ readOnly: true }).createIfMissing, false)
    const { journal } = resolveOptions({ journal: { maxDelayMicros: 5000 } })
    assert.deepEqual([journal.mode, journal.maxDelayMicros], ['async', 5000])
  })

  test('callbacks are called as methods of the options', () => {
    const options = {
      heard: 0,
      onRecovery(this: { heard: number }): void {
        this.heard++
      },
    }
    assert.throws(() => resolveOptions(options as never), /no property "heard"/)
    const seen: unknown[] = []
    const given = {
      onRecovery(this: unknown): void {
        seen.push(this)
      },
    }
    resolveOptions(given).onRecovery?.({ bytes: 0, totalBytes: 0, entries: 0 })
    assert.deepEqual(seen, [given])
  })

  const cases: [options: unknown, message: RegExp][] = [
    [{ jurnal: 'off' }, /"jurnal".*journal/],
    [{ journal: 'on' }, /^journal must be 'async', 'sync' or 'off'.*"on"/],
    [{ journal: null }, /^journal/],
    [{ journal: { mod: 'off' } }, /^journal has no property "mod"/],
    [{ journal: { segmentBytes: 1 } }, /^journal\.segmentBytes must be an integer from 65536/],
    [{ journal: { pollIntervalMicros: -1 } }, /^journal\.pollIntervalMicros/],
    [{ journal: { maxDelayMicros: -1 } }, /^journal\.maxDelayMicros/],
    [{ durability: 'sync' }, /^durability must be 'immediate', 'eventual' or 'none'/],
    [{ writeBufferBytes: 1000 }, /^writeBufferBytes must be an integer of at least 1048576/],
    [{ writeBufferBytes: '256MB' }, /^writeBufferBytes/],
    [{ pageCacheBytes: Infinity }, /^pageCacheBytes/],
    [{ readOnly: 'yes' }, /^readOnly must be true or false/],
    [{ readOnly: true, createIfMissing: true }, /^createIfMissing must be false where readOnly/],
    [{ createIfMissing: false, errorIfExists: true }, /^errorIfExists/],
    [{ fileSystem: {} }, /^fileSystem must be a FileSystem.*openSync is missing/],
    [{ fileSystem: null }, /^fileSystem/],
    [{ signal: {} }, /^signal must be an AbortSignal/],
    [{ onRecovery: 1 }, /^onRecovery must be a function/],
    [{ onBackgroundError: null }, /^onBackgroundError/],
    [null, /^options must be an object/],
    ['async', /^options must be an object/],
  ]
  for (const [options, message] of cases) {
    test(`refuses ${JSON.stringify(options)}`, () => {
      assert.throws(() => resolveOptions(options as never), { code: 'MANIFOLD_INVALID_ARGUMENT', message })
    })
  }
})

describe('write options', () => {
  const fallback = { durability: 'eventual', signal: undefined } as const

  test('fall back', () => {
    const { signal } = new AbortController()
    assert.equal(resolveWriteOptions(undefined, fallback), fallback)
    assert.deepEqual(resolveWriteOptions({}, fallback), fallback)
    assert.deepEqual(resolveWriteOptions({ durability: 'none', signal }, fallback), { durability: 'none', signal })
  })

  test('are refused with their name', () => {
    for (const options of [{ durability: 1 }, { signal: 1 }, { sync: true }, null, 5]) {
      assert.throws(() => resolveWriteOptions(options as never, fallback), { code: 'MANIFOLD_INVALID_ARGUMENT' })
    }
  })

  test('an aborted signal gives its reason as the cause', () => {
    const error = abortedError(AbortSignal.abort('late'), 'the lock was free')
    assert.deepEqual([error.code, error.cause], ['MANIFOLD_ABORTED', 'late'])
  })
})

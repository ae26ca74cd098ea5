import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assert as assertInternally } from './assert.ts'
import { DatabaseError, corruption } from './errors.ts'

test('an error carries its code, its message and its cause', () => {
  const cause = new Error('below')
  const error = new DatabaseError('MANIFOLD_IO', 'Check the disk.', { cause, file: 'a.manifold' })
  assert.ok(error instanceof Error)
  assert.equal(error.name, 'DatabaseError')
  assert.equal(error.code, 'MANIFOLD_IO')
  assert.equal(error.message, 'Check the disk.')
  assert.equal(error.cause, cause)
  assert.equal(error.file, 'a.manifold')
  assert.equal(error.offset, undefined)
  assert.equal('cause' in new DatabaseError('MANIFOLD_IO', 'x'), false)
})

test('corruption says where it is, what was expected, what was found and what to do', () => {
  const error = corruption('a.manifold', 8192, 'wrong checksum', '0x01', '0x02')
  assert.equal(error.code, 'MANIFOLD_CORRUPTION')
  assert.deepEqual([error.file, error.offset, error.expected, error.found], ['a.manifold', 8192, '0x01', '0x02'])
  for (const part of ['a.manifold', '8192', 'wrong checksum', '0x01', '0x02', 'backup']) {
    assert.ok(error.message.includes(part), error.message)
  }
})

test('a bug is no DatabaseError', () => {
  assertInternally(true, 'holds')
  assert.throws(
    () => assertInternally(false, 'pages are sorted'),
    error => error instanceof Error && !(error instanceof DatabaseError) && error.message.includes('pages are sorted'),
  )
})

import assert from 'node:assert/strict'
import fs from 'node:fs'
import { test } from 'node:test'
import { DatabaseError } from '../base/errors.ts'
import { ioError } from './io-error.ts'
import { PowerCut, systemError } from './simulated/operation.ts'

test('what the operating system names has a code of ours and advice', () => {
  const codes = {
    ENOSPC: 'MANIFOLD_NO_SPACE',
    EDQUOT: 'MANIFOLD_NO_SPACE',
    EFBIG: 'MANIFOLD_NO_SPACE',
    EMFILE: 'MANIFOLD_NO_HANDLES',
    ENFILE: 'MANIFOLD_NO_HANDLES',
    EACCES: 'MANIFOLD_PERMISSION',
    EPERM: 'MANIFOLD_PERMISSION',
    EROFS: 'MANIFOLD_READ_ONLY',
    ENOENT: 'MANIFOLD_NOT_FOUND',
    ENOTDIR: 'MANIFOLD_NOT_FOUND',
    EISDIR: 'MANIFOLD_NOT_A_DATABASE',
    ELOOP: 'MANIFOLD_NOT_A_DATABASE',
    EIO: 'MANIFOLD_IO',
    // The name of something that every object inherits is not a known error.
    constructor: 'MANIFOLD_IO',
  }
  for (const [name, code] of Object.entries(codes)) {
    const cause = systemError(name, 'because')
    const error = ioError(cause, 'write the log', 'a.manifold-wal')
    assert.equal(error.code, code, name)
    assert.equal(error.cause, cause)
    assert.equal(error.file, 'a.manifold-wal')
    assert.match(error.message, new RegExp(`^Could not write the log: ${name}: because\\. [A-Z].*\\.$`))
  }
})

test('errors of Node are understood', () => {
  assert.throws(
    () => fs.openSync('/none/such', 'r'),
    error => ioError(error, 'open the database').code === 'MANIFOLD_NOT_FOUND',
  )
})

test('what is a DatabaseError stays the one it is, and what is no error at all is kept as cause', () => {
  const known = new DatabaseError('MANIFOLD_LOCKED', 'locked')
  assert.equal(ioError(known, 'open'), known)
  const odd = ioError('odd', 'open')
  assert.deepEqual([odd.code, odd.cause, odd.file], ['MANIFOLD_IO', 'odd', undefined])
  assert.equal(ioError(new PowerCut(), 'sync the log').code, 'MANIFOLD_IO')
})

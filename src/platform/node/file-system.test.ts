import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { alignedMemory, WRITE_UNIT_BYTES } from '../../base/aligned-memory.ts'
import type { OpenMode } from '../file-system.ts'
import { writeFully } from '../write-fully.ts'
import { NodeFileSystem, adoptDescriptor } from './file-system.ts'

const CREATE: OpenMode = { write: true, create: true, exclusive: false, dataSync: false }
const files = new NodeFileSystem()
let directory = ''

before(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'manifold-files-'))
})
after(() => fs.rmSync(directory, { recursive: true }))

function pathOf(name: string): string {
  return files.join(directory, name)
}

for (const dataSync of [false, true]) {
  test(`bytes are written and read back (dataSync ${dataSync})`, async () => {
    const file = files.openSync(pathOf(`bytes-${dataSync}`), { ...CREATE, dataSync })
    assert.equal(file.writeSync([Uint8Array.of(1, 2, 3)], 0), 3)
    assert.equal(file.writeSync([Uint8Array.of(4), new Uint8Array(0), Uint8Array.of(5, 6)], 3), 3)
    assert.equal(await file.write([Uint8Array.of(7)], 6), 1)
    assert.equal(await file.write([Uint8Array.of(8), Uint8Array.of(9)], 7), 2)
    assert.equal(file.writeSync([], 9), 0)
    assert.equal(await file.write([new Uint8Array(0), new Uint8Array(0)], 9), 0)
    await file.sync()
    file.syncSync()
    const target = new Uint8Array(12)
    assert.equal(file.readSync(target, 0), 9)
    assert.deepEqual([...target], [1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 0, 0])
    file.truncateSync(4)
    assert.equal(file.size(), 4)
    await file.truncate(3)
    assert.equal(file.size(), 3)
    file.closeSync()
    await assert.rejects(file.truncate(2), { code: 'EBADF' })
    file.closeSync()
  })
}

test('views of shared memory are written and read', async () => {
  const file = files.openSync(pathOf('shared'), CREATE)
  const shared = new Uint8Array(new SharedArrayBuffer(16), 4, 8)
  shared.set([1, 2, 3, 4, 5, 6, 7, 8])
  file.writeSync([shared], 0)
  file.writeSync([shared, shared.subarray(2)], 8)
  await file.write([shared], 22)
  await file.write([shared.subarray(0, 1), shared], 30)
  const target = new Uint8Array(new SharedArrayBuffer(64), 8, 48)
  assert.equal(file.readSync(target, 0), 39)
  const eight = [1, 2, 3, 4, 5, 6, 7, 8]
  assert.deepEqual([...target.subarray(0, 39)], [...eight, ...eight, 3, 4, 5, 6, 7, 8, ...eight, 1, ...eight])
  file.closeSync()
})

test('more parts than one call takes are written in several', async () => {
  const file = files.openSync(pathOf('parts'), CREATE)
  const parts = Array.from({ length: 2500 }, (_, index) => Uint8Array.of(index & 255, index >> 8))
  assert.equal(file.writeSync(parts, 0), 2048)
  await writeFully(file, parts, 0)
  const target = new Uint8Array(5000)
  assert.equal(file.readSync(target, 0), 5000)
  assert.equal(target[4998]! + (target[4999]! << 8), 2499)
  file.closeSync()
})

test('files are created for their owner alone', { skip: process.platform === 'win32' }, () => {
  files.openSync(pathOf('mode'), CREATE).closeSync()
  assert.equal(fs.statSync(pathOf('mode')).mode & 0o777, 0o600)
})

test('opening fails as the operating system says', () => {
  assert.throws(() => files.openSync(pathOf('none'), { ...CREATE, create: false }), { code: 'ENOENT' })
  files.openSync(pathOf('there'), CREATE).closeSync()
  assert.throws(() => files.openSync(pathOf('there'), { ...CREATE, exclusive: true }), { code: 'EEXIST' })
  const reader = files.openSync(pathOf('there'), { ...CREATE, write: false, create: false })
  assert.throws(() => reader.writeSync([Uint8Array.of(1)], 0), { code: 'EBADF' })
  reader.closeSync()
})

test('a symbolic link is not followed', { skip: process.platform === 'win32' }, () => {
  fs.symlinkSync(pathOf('target'), pathOf('link'))
  assert.throws(() => files.openSync(pathOf('link'), CREATE), { code: 'ELOOP' })
  assert.equal(files.existsSync(pathOf('link')), true)
  assert.equal(files.existsSync(pathOf('target')), false)
})

test('a closed file answers nothing, and what was in flight ends first', async () => {
  const file = files.openSync(pathOf('closed'), CREATE)
  const written = file.write([new Uint8Array(1 << 20).fill(7)], 0)
  const synced = file.sync()
  file.closeSync()
  assert.throws(() => file.size(), { code: 'EBADF' })
  assert.throws(() => file.writeSync([Uint8Array.of(1)], 0), { code: 'EBADF' })
  await assert.rejects(file.write([Uint8Array.of(1)], 0), { code: 'EBADF' })
  await assert.rejects(file.sync(), { code: 'EBADF' })
  assert.equal(await written, 1 << 20)
  await synced
  assert.throws(() => fs.fstatSync(file.descriptor!), { code: 'EBADF' }, 'the descriptor is given back in the end')
})

test('an adopted descriptor reads and writes, and stays open when its file is closed', () => {
  const owner = files.openSync(pathOf('adopted'), CREATE)
  const guest = adoptDescriptor(owner.path, owner.descriptor!, false)
  guest.writeSync([Uint8Array.of(5)], 0)
  guest.closeSync()
  assert.throws(() => guest.size(), { code: 'EBADF' })
  assert.equal(owner.size(), 1)
  owner.closeSync()
})

test('names are listed, changed and removed, and their directory synced', () => {
  const inner = pathOf('inner')
  fs.mkdirSync(inner)
  files.openSync(files.join(inner, 'a'), CREATE).closeSync()
  files.renameSync(files.join(inner, 'a'), files.join(inner, 'b'))
  files.openSync(files.join(inner, 'c'), CREATE).closeSync()
  files.syncDirectorySync(inner)
  assert.deepEqual(files.listSync(inner).sort(), ['b', 'c'])
  files.removeSync(files.join(inner, 'b'))
  assert.deepEqual(files.listSync(inner), ['c'])
  assert.throws(() => files.syncDirectorySync(pathOf('missing')), { code: 'ENOENT' })
  assert.equal(files.dirname(files.join(inner, 'c')), inner)
  assert.equal(files.basename(files.join(inner, 'c')), 'c')
})

test('a direct file takes whole units from aligned memory, and nothing else', t => {
  const name = pathOf('direct')
  const plain = files.openSync(name, CREATE)
  const direct = files.openSync(name, { ...CREATE, create: false, dataSync: true, direct: true })
  const memory = new Uint8Array(alignedMemory(4 * WRITE_UNIT_BYTES)!).fill(7)
  try {
    if (!direct.isDirect) return t.skip('no direct writes here')
    const units = memory.subarray(WRITE_UNIT_BYTES, 3 * WRITE_UNIT_BYTES)
    assert.equal(
      direct.writeSync([units, memory.subarray(0, WRITE_UNIT_BYTES)], WRITE_UNIT_BYTES),
      3 * WRITE_UNIT_BYTES,
    )
    const found = new Uint8Array(5 * WRITE_UNIT_BYTES)
    assert.equal(plain.readSync(found, 0), 4 * WRITE_UNIT_BYTES)
    assert.deepEqual([...new Set(found.subarray(WRITE_UNIT_BYTES, 4 * WRITE_UNIT_BYTES))], [7])
    assert.throws(() => direct.writeSync([units], 100), { code: 'EINVAL' })
    assert.throws(() => direct.writeSync([memory.subarray(0, 100)], 0), { code: 'EINVAL' })
  } finally {
    direct.closeSync()
    plain.closeSync()
  }
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { OpenMode } from '../file-system.ts'
import { writeFullySync } from '../write-fully.ts'
import { crashEverywhere } from './crash-points.ts'
import type { SimulatedDisk } from './disk.ts'

const CREATE: OpenMode = { write: true, create: true, exclusive: false, dataSync: false }

function contentOf(version: number): Uint8Array {
  return new Uint8Array(2048).fill(version)
}

/** Replaces a file by a temporary one and a rename, as it is done right, but for the steps that `omit` names. */
function saver(
  omit: 'nothing' | 'file sync' | 'directory sync',
): (disk: SimulatedDisk, saved: (version: number) => void) => void {
  return (disk, saved) => {
    for (let version = 1; version <= 3; version++) {
      const file = disk.openSync('d/new', CREATE)
      writeFullySync(file, [contentOf(version)], 0)
      if (omit !== 'file sync') file.syncSync()
      file.closeSync()
      disk.renameSync('d/new', 'd/file')
      if (omit !== 'directory sync') disk.syncDirectorySync('d')
      saved(version)
    }
  }
}

/** Cuts the power everywhere: what was saved must be there, whole, or what came after it. */
function check(omit: Parameters<typeof saver>[0]): Promise<number> {
  let lastSaved = 0
  return crashEverywhere(
    disk => {
      lastSaved = 0
      saver(omit)(disk, version => (lastSaved = version))
    },
    image => {
      if (!image.existsSync('d/file')) return assert.equal(lastSaved, 0, 'the file is gone')
      const bytes = image.contents('d/file')
      assert.ok(bytes[0]! >= lastSaved, `version ${lastSaved} was saved, ${bytes[0]} is left`)
      assert.deepEqual(bytes, contentOf(bytes[0]!))
    },
    { seed: 1, imagesPerOperation: 10 },
  )
}

test('a file that is replaced with all its syncs survives a power cut in every operation', async () => {
  // Three rounds of create, write, sync, rename and directory sync, and the cut after the last.
  assert.equal(await check('nothing'), (3 * 5 + 1) * 10)
})

test('a missing sync of the file is caught', async () => {
  await assert.rejects(
    check('file sync'),
    /power cut in operation \d+, image \d+ \((all|none|random|prefix)\), seed 1: /,
  )
})

test('a missing sync of the directory is caught', async () => {
  await assert.rejects(check('directory sync'), /power cut in operation/)
})

test('a failure is seen again at its point alone', async () => {
  const points: string[] = []
  const options = { seed: 3, imagesPerOperation: 4, only: { operation: 4, image: 2 } }
  const verified = await crashEverywhere(
    disk => saver('nothing')(disk, () => {}),
    (_, point) => void points.push(`${point.operation} ${point.image} ${point.mode}`),
    options,
  )
  assert.equal(verified, 1)
  assert.deepEqual(points, ['4 2 random'])
})

test('an error of the workload itself is not taken for a power cut', async () => {
  const workload = (): never => {
    throw new Error('broken')
  }
  await assert.rejects(
    crashEverywhere(workload, () => {}, { seed: 1 }),
    /^Error: broken$/,
  )
})

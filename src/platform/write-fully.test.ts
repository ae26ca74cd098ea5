import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { File } from './file-system.ts'
import { SimulatedDisk } from './simulated/disk.ts'
import { systemError } from './simulated/operation.ts'
import { writeFully, writeFullySync } from './write-fully.ts'

/** Both forms of the function under one face. */
const FORMS: Record<string, (file: File, parts: readonly Uint8Array[], position: number) => Promise<void>> = {
  writeFullySync: async (file, parts, position) => writeFullySync(file, parts, position),
  writeFully,
}

/** A file on a disk that lets those writes fall short whose index `short` accepts. */
function fileWith(short: (index: number) => boolean): { disk: SimulatedDisk; file: File } {
  let writes = 0
  const disk = new SimulatedDisk({
    onOperation: ({ kind, length }) =>
      kind === 'write' && short(writes++) ? { effect: 'short', bytes: Math.ceil(length / 2) } : undefined,
  })
  return { disk, file: disk.openSync('f', { write: true, create: true, exclusive: true, dataSync: false }) }
}

for (const [name, write] of Object.entries(FORMS)) {
  test(`${name}: however short the writes fall, every byte arrives at its place`, async () => {
    const parts = fc.array(fc.uint8Array({ maxLength: 9 }), { maxLength: 9 })
    await fc.assert(
      fc.asyncProperty(parts, fc.nat(20), fc.infiniteStream(fc.boolean()), async (all, position, shorts) => {
        const { disk, file } = fileWith(() => shorts.next().value === true)
        await write(file, all, position)
        const bytes = Buffer.concat(all)
        assert.deepEqual(
          Buffer.from(disk.contents('f')),
          bytes.length === 0 ? bytes : Buffer.concat([Buffer.alloc(position), bytes]),
        )
      }),
    )
  })

  test(`${name}: the continuation of a short write reports the error`, async () => {
    const { disk, file } = fileWith(index => index === 0)
    const first = disk.onOperation!
    disk.onOperation = operation =>
      operation.position > 0 ? systemError('ENOSPC', 'no space left on device') : first(operation)
    await assert.rejects(write(file, [new Uint8Array(8)], 0), { code: 'ENOSPC' })
    assert.equal(disk.contents('f').length, 4)
  })

  test(`${name}: a file that takes nothing and says nothing is an error, not an endless loop`, async () => {
    const { file } = fileWith(() => false)
    const deaf: File = { ...file, path: 'deaf', writeSync: () => 0, write: () => Promise.resolve(0) } as File
    await assert.rejects(write(deaf, [new Uint8Array(1)], 0), { code: 'EIO', message: /deaf/ })
    await write(deaf, [], 0)
    await write(deaf, [new Uint8Array(0)], 0)
  })
}

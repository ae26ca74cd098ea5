import assert from 'node:assert/strict'
import { test } from 'node:test'
import { WRITE_UNIT_BYTES } from '../base/aligned-memory.ts'
import type { File, OpenMode } from '../platform/file-system.ts'
import { append, DATA_PATH, freshLog, MemoryDisk, payloadOf, quiet, recover } from './fixture.test.ts'
import type { Kind } from './fixture.test.ts'
import { RECORD_HEADER_BYTES } from './record-format.ts'
import { SEGMENT_HEADER_BYTES } from './segment-format.ts'

/** Takes direct writes in units of 4 KiB only, as a drive with such sectors does. */
class LargeSectorDisk extends MemoryDisk {
  refused = 0

  override openSync(path: string, mode: OpenMode): File {
    const file = super.openSync(path, mode)
    if (!file.isDirect) return file
    const write = file.writeSync.bind(file)
    file.writeSync = (parts, position) => {
      const places = [position, ...parts.map(({ length }) => length)]
      if (places.every(place => place % 4096 === 0)) return write(parts, position)
      this.refused++
      throw Object.assign(new Error('EINVAL: not of whole sectors'), { code: 'EINVAL' })
    }
    return file
  }
}

function diskWithout(): MemoryDisk {
  const disk = new MemoryDisk()
  disk.takesDirectWrites = false
  return disk
}

const DISKS: readonly (readonly [string, () => MemoryDisk])[] = [
  ['one that takes direct writes', () => new MemoryDisk()],
  ['one that knows none', diskWithout],
  ['one with larger sectors', () => new LargeSectorDisk()],
]

for (const kind of ['sync', 'async'] as const satisfies readonly Kind[]) {
  for (const [name, make] of DISKS) {
    test(`${kind}: a log on ${name} holds what was synced`, async () => {
      const disk = make()
      const log = await freshLog(kind, disk)
      const sizes = [100, 8, 30_000, 452, 456, 200_000, 60_000, 1000]
      for (const bytes of sizes) await log.journal.waitForSync(await append(log, bytes))
      await quiet()
      const copy = disk.clone()
      copy.cut(() => false)
      assert.deepEqual(
        (await recover(copy)).payloads,
        sizes.map((bytes, i) => payloadOf(i + 1, bytes)),
      )
      if (disk instanceof LargeSectorDisk) assert.ok(disk.refused > 0)
    })
  }

  test(`${kind}: what is durable is not written again`, async () => {
    const log = await freshLog(kind)
    await log.journal.waitForSync(await append(log, 100))
    await quiet()
    const segment = (): Uint8Array => log.disk.bytes(`${DATA_PATH}-wal0`)
    const from = SEGMENT_HEADER_BYTES
    // Whoever wrote the first unit again would write what it was, and not this.
    segment().fill(0xee, from, from + WRITE_UNIT_BYTES)
    await log.journal.waitForSync(await append(log, 40))
    await quiet()
    assert.ok(
      segment()
        .subarray(from, from + WRITE_UNIT_BYTES)
        .every(byte => byte === 0xee),
    )
    assert.equal(log.journal.appended, WRITE_UNIT_BYTES + RECORD_HEADER_BYTES + 40)
  })
}

test('what a sync overtook and ends later does not reach the records behind it', async () => {
  const log = await freshLog('async')
  const { disk, journal } = log
  const held: (() => void)[] = []
  disk.later = run => void held.push(run)
  await append(log, 100)
  for (let turn = 0; turn < 5; turn++) await new Promise(resolve => setImmediate(resolve))
  assert.ok(held.length > 0, 'a write is under way')
  await append(log, 40, 'write')
  journal.syncNow()
  // The record of 40 bytes is durable; the write that comes now ends with zeros.
  disk.later = run => run()
  for (const run of held) run()
  await quiet()
  const copy = disk.clone()
  copy.cut(() => false)
  assert.deepEqual((await recover(copy)).payloads, [payloadOf(1, 100), payloadOf(2, 40)])
})

for (const kind of ['sync', 'async'] as const satisfies readonly Kind[]) {
  test(`${kind}: where aligned memory can no longer be had the log goes on through the page cache`, async () => {
    const place = globalThis as { WebAssembly?: unknown }
    const { WebAssembly } = place
    place.WebAssembly = undefined
    try {
      const log = await freshLog(kind)
      const sizes = [100, 30_000, 8, 200_000]
      for (const bytes of sizes) await log.journal.waitForSync(await append(log, bytes))
      await quiet()
      const copy = log.disk.clone()
      copy.cut(() => false)
      assert.deepEqual(
        (await recover(copy)).payloads,
        sizes.map((bytes, i) => payloadOf(i + 1, bytes)),
      )
    } finally {
      place.WebAssembly = WebAssembly
    }
  })
}

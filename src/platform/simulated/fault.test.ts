import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { OpenMode } from '../file-system.ts'
import { SimulatedDisk } from './disk.ts'
import { FaultPlan } from './fault.ts'
import type { Fault } from './fault.ts'
import { PowerCut } from './operation.ts'
import { SeededRandom } from './random.ts'

const CREATE: OpenMode = { write: true, create: true, exclusive: false, dataSync: false }
const [a, b] = [97, 98]

function filled(length: number, byte: number): Uint8Array {
  return new Uint8Array(length).fill(byte)
}

/** A disk with the file 'f', a kilobyte of 'a', durable; and its plan. */
function diskWith(...faults: Fault[]): { disk: SimulatedDisk; plan: FaultPlan } {
  const plan = new FaultPlan(faults)
  return { disk: new SimulatedDisk({ faults: plan }, new Map([['f', filled(1024, a)]])), plan }
}

/** The first byte of each sector. */
function sectors(disk: SimulatedDisk): string {
  const bytes = disk.contents('f')
  return Array.from({ length: Math.ceil(bytes.length / 512) }, (_, i) => String.fromCharCode(bytes[512 * i]!)).join('')
}

test('a fault strikes the operations of its kind and path, from the one that was named on, as often as was said', () => {
  const { disk, plan } = diskWith({ fault: 'error', on: { kind: 'read', path: 'f', nth: 2, times: 2 }, code: 'EIO' })
  const file = disk.openSync('f', CREATE)
  const other = disk.openSync('g', CREATE)
  const read = (): number => file.readSync(new Uint8Array(1), 0)
  assert.equal(read(), 1)
  other.readSync(new Uint8Array(1), 0)
  assert.throws(read, { code: 'EIO' })
  assert.throws(read, { code: 'EIO' })
  assert.equal(read(), 1)
  assert.deepEqual(plan.struck, [2])
})

test('a lost write reports success and writes nothing', () => {
  const { disk } = diskWith({ fault: 'lost write', on: { kind: 'write' } })
  const file = disk.openSync('f', CREATE)
  assert.equal(file.writeSync([filled(512, b)], 0), 512)
  assert.equal(sectors(disk), 'aa')
  assert.equal(file.writeSync([filled(512, b)], 0), 512)
  assert.equal(sectors(disk), 'ba')
})

test('a misdirected write lands elsewhere', () => {
  const { disk } = diskWith({ fault: 'misdirected write', on: { kind: 'write' }, byBytes: 512 })
  assert.equal(disk.openSync('f', CREATE).writeSync([filled(512, b)], 0), 512)
  assert.equal(sectors(disk), 'ab')
})

test('a short write takes the bytes that were named, and says so', () => {
  const { disk } = diskWith({ fault: 'short write', on: { kind: 'write' }, bytes: 3 })
  assert.equal(disk.openSync('f', CREATE).writeSync([filled(2, b), filled(2, b)], 0), 3)
  assert.deepEqual([...disk.contents('f').subarray(0, 4)], [b, b, b, a])
})

test('rot flips one bit on the medium', () => {
  const { disk } = diskWith({ fault: 'bit rot', on: { kind: 'read' }, bit: 8 * 1024 + 9 })
  const target = new Uint8Array(2)
  disk.openSync('f', CREATE).readSync(target, 0)
  assert.deepEqual([...target], [a, a ^ 2])
})

test('a failed sync that empties the cache shows what the medium holds, and a later one does not bring it back', () => {
  const { disk } = diskWith({ fault: 'reverted sync', on: { kind: 'sync' } })
  const file = disk.openSync('f', CREATE)
  file.writeSync([filled(1024, b)], 0)
  assert.throws(() => file.syncSync(), { code: 'EIO' })
  assert.equal(sectors(disk), 'aa')
  file.syncSync()
  for (let seed = 0; seed < 50; seed++) assert.equal(sectors(disk.crash(new SeededRandom(seed))), 'aa')
})

test('the power fails before the operation that was named', () => {
  const { disk } = diskWith({ fault: 'power cut', on: { kind: 'write', nth: 2 } })
  const file = disk.openSync('f', CREATE)
  file.writeSync([filled(512, b)], 0)
  assert.throws(() => file.writeSync([filled(512, b)], 512), PowerCut)
  assert.equal(sectors(disk.crash(new SeededRandom(1), { mode: 'all' })), 'ba')
})

test('the first fault in the list decides', () => {
  const on = { kind: 'write' } as const
  const { disk, plan } = diskWith({ fault: 'error', on, code: 'EIO' }, { fault: 'lost write', on })
  assert.throws(() => disk.openSync('f', CREATE).writeSync([filled(1, b)], 0), { code: 'EIO' })
  assert.deepEqual(plan.struck, [1, 1])
})

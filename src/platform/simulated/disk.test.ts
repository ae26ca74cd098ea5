import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DatabaseError } from '../../base/errors.ts'
import type { OpenMode } from '../file-system.ts'
import { writeFullySync } from '../write-fully.ts'
import { SimulatedDisk } from './disk.ts'
import { PowerCut, systemError } from './operation.ts'
import { SeededRandom } from './random.ts'

const CREATE: OpenMode = { write: true, create: true, exclusive: false, dataSync: false }
const DATA_SYNC: OpenMode = { ...CREATE, dataSync: true }

function filled(length: number, byte: number): Uint8Array {
  return new Uint8Array(length).fill(byte)
}

/** A disk with the file 'f', which holds `bytes`, all of it durable. */
function diskWith(bytes: Uint8Array): SimulatedDisk {
  return new SimulatedDisk({}, new Map([['f', bytes]]))
}

/** What 'f' holds after each of 200 power cuts, as a set of texts, one letter a sector. */
function statesAfterCuts(disk: SimulatedDisk): Set<string> {
  const states = new Set<string>()
  for (let seed = 0; seed < 200; seed++) {
    const image = disk.crash(new SeededRandom(seed))
    if (!image.existsSync('f')) {
      states.add('missing')
      continue
    }
    const bytes = image.contents('f')
    let text = ''
    for (let i = 0; i < bytes.length; i += 512) text += bytes[i] === 0 ? '-' : String.fromCharCode(bytes[i]!)
    states.add(text)
  }
  return states
}

const [a, b, c] = [97, 98, 99]

test('files are read back as they were written, with gaps as zeros', () => {
  const disk = new SimulatedDisk()
  const file = disk.openSync('d/f', CREATE)
  assert.equal(file.writeSync([filled(3, a), filled(2, b)], 1000), 5)
  assert.equal(file.size(), 1005)
  const target = new Uint8Array(10)
  assert.equal(file.readSync(target, 998), 7)
  assert.deepEqual([...target], [0, 0, a, a, a, b, b, 0, 0, 0])
  assert.equal(file.readSync(target, 2000), 0)
  file.truncateSync(1002)
  file.truncateSync(1005)
  assert.equal(file.readSync(target, 1000), 5)
  assert.deepEqual([...target.subarray(0, 5)], [a, a, 0, 0, 0])
  assert.deepEqual(disk.listSync('d'), ['f'])
  disk.renameSync('d/f', 'd/g')
  assert.equal(disk.existsSync('d/f'), false)
  assert.equal(disk.contents('d/g').length, 1005)
  disk.removeSync('d/g')
  assert.deepEqual(disk.listSync('d'), [])
  assert.equal(file.size(), 1005, 'an open file outlives its name')
  file.closeSync()
  assert.throws(() => file.size(), { code: 'EBADF' })
})

test('opening says what the operating system would say', () => {
  const disk = diskWith(filled(1, a))
  assert.throws(() => disk.openSync('g', { ...CREATE, create: false }), { code: 'ENOENT' })
  assert.throws(() => disk.openSync('f', { ...CREATE, exclusive: true }), { code: 'EEXIST' })
  assert.throws(() => disk.openSync('f', { ...CREATE, write: false }).writeSync([filled(1, b)], 0), { code: 'EBADF' })
  assert.throws(() => disk.removeSync('g'), { code: 'ENOENT' })
})

test('an unsynced write leaves any subset of its sectors, a synced one all of them', () => {
  const disk = diskWith(filled(1024, a))
  const file = disk.openSync('f', CREATE)
  file.writeSync([filled(1024, b)], 0)
  assert.deepEqual(statesAfterCuts(disk), new Set(['aa', 'ab', 'ba', 'bb']))
  file.syncSync()
  assert.deepEqual(statesAfterCuts(disk), new Set(['bb']))
})

test('a sector written twice since its sync may hold the content in between', () => {
  const disk = diskWith(filled(512, a))
  const file = disk.openSync('f', CREATE)
  file.writeSync([filled(512, b)], 0)
  file.writeSync([filled(512, c)], 0)
  assert.deepEqual(statesAfterCuts(disk), new Set(['a', 'b', 'c']))
})

test('the size is left apart from the data', () => {
  const disk = diskWith(filled(512, a))
  const file = disk.openSync('f', CREATE)
  file.writeSync([filled(1024, b)], 512)
  const states = statesAfterCuts(disk)
  for (const state of ['a', 'a--', 'abb', 'a-b', 'ab']) assert.ok(states.has(state), `${state} of ${[...states]}`)
  file.truncateSync(0)
  assert.ok(statesAfterCuts(disk).has(''))
  assert.ok(statesAfterCuts(disk).has('a'))
})

test('a write to a dataSync file is durable at once, and only its own range is', () => {
  const disk = diskWith(filled(1536, a))
  disk.openSync('f', CREATE).writeSync([filled(1536, b)], 0)
  disk.openSync('f', DATA_SYNC).writeSync([filled(512, c)], 512)
  const states = statesAfterCuts(disk)
  assert.deepEqual(states, new Set(['aca', 'acb', 'bca', 'bcb']))
  disk.openSync('f', DATA_SYNC).writeSync([filled(512, c)], 2048)
  assert.ok([...statesAfterCuts(disk)].every(state => state.length === 5 && state.endsWith('c')))
})

test('a name is durable only once its directory is synced', () => {
  const disk = new SimulatedDisk()
  const file = disk.openSync('f', CREATE)
  file.writeSync([filled(512, a)], 0)
  file.syncSync()
  assert.deepEqual(statesAfterCuts(disk), new Set(['missing', 'a']))
  disk.syncDirectorySync('.')
  assert.deepEqual(statesAfterCuts(disk), new Set(['a']))
  disk.removeSync('f')
  assert.deepEqual(statesAfterCuts(disk), new Set(['missing', 'a']))
})

test('a rename is undone where its directory was not synced, and never half done', () => {
  const disk = diskWith(filled(512, a))
  const file = disk.openSync('t', CREATE)
  file.writeSync([filled(512, b)], 0)
  file.syncSync()
  disk.renameSync('t', 'f')
  assert.deepEqual(statesAfterCuts(disk), new Set(['a', 'b']))
  disk.syncDirectorySync('.')
  assert.deepEqual(statesAfterCuts(disk), new Set(['b']))
})

test('the modes: all, none, and a prefix in the order of the operations', () => {
  const disk = diskWith(filled(1024, a))
  const file = disk.openSync('f', CREATE)
  file.writeSync([filled(512, b)], 0)
  file.writeSync([filled(512, c)], 512)
  const states = (mode: 'all' | 'none' | 'prefix'): Set<string> => {
    const seen = new Set<string>()
    for (let seed = 0; seed < 50; seed++) {
      const bytes = disk.crash(new SeededRandom(seed), { mode }).contents('f')
      seen.add(String.fromCharCode(bytes[0]!, bytes[512]!))
    }
    return seen
  }
  assert.deepEqual(states('all'), new Set(['bc']))
  assert.deepEqual(states('none'), new Set(['aa']))
  assert.deepEqual(states('prefix'), new Set(['aa', 'ba', 'bc']))
})

test('torn sectors are left only when asked for', () => {
  const disk = diskWith(filled(512, a))
  disk.openSync('f', CREATE).writeSync([filled(512, b)], 0)
  const torn = (tornSectors: boolean): number => {
    let count = 0
    for (let seed = 0; seed < 100; seed++) {
      const bytes = disk.crash(new SeededRandom(seed), { tornSectors }).contents('f')
      if (bytes[0] !== bytes[511]) {
        assert.deepEqual([bytes[0], bytes[511]], [b, a])
        count++
      }
    }
    return count
  }
  assert.equal(torn(false), 0)
  assert.ok(torn(true) > 5)
})

test('an asynchronous sync covers what was written before the call and nothing later', async () => {
  const disk = diskWith(filled(1024, a))
  const file = disk.openSync('f', CREATE)
  file.writeSync([filled(512, b)], 0)
  const synced = file.sync()
  file.writeSync([filled(1024, c)], 0)
  await synced
  assert.deepEqual(statesAfterCuts(disk), new Set(['ba', 'ca', 'bc', 'cc']))
})

test('an asynchronous write happens when the scheduler says so, with the bytes of that moment', async () => {
  const queue: (() => void)[] = []
  const disk = new SimulatedDisk({ schedule: operation => queue.push(operation) })
  const file = disk.openSync('f', CREATE)
  const bytes = filled(4, a)
  const written = file.write([bytes], 0)
  assert.equal(file.size(), 0)
  bytes[3] = b
  queue[0]!()
  assert.equal(await written, 4)
  assert.deepEqual([...disk.contents('f')], [a, a, a, b])
})

test('power is cut in the operation that was named, and every later one fails', async () => {
  const disk = diskWith(filled(512, a))
  const file = disk.openSync('f', DATA_SYNC)
  disk.cutPowerAt(2)
  file.writeSync([filled(512, b)], 0)
  assert.throws(() => file.writeSync([filled(512, c)], 0), PowerCut)
  assert.equal(disk.powered, false)
  assert.equal(disk.operations, 2)
  assert.throws(() => file.readSync(new Uint8Array(1), 0), PowerCut)
  assert.throws(() => disk.openSync('f', CREATE), PowerCut)
  assert.throws(() => disk.listSync('.'), PowerCut)
  await assert.rejects(file.write([filled(1, a)], 0), PowerCut)
  await assert.rejects(file.sync(), PowerCut)
  file.closeSync()
  assert.deepEqual(statesAfterCuts(disk), new Set(['b', 'c']), 'the cut write may or may not be there')
})

test('the hook makes operations fail or fall short, and sees reads', () => {
  const seen: string[] = []
  const disk = new SimulatedDisk({
    onOperation: operation => {
      seen.push(`${operation.number} ${operation.kind} ${operation.path} ${operation.position}+${operation.length}`)
      if (operation.kind === 'write' && operation.length > 4) return { effect: 'short', bytes: operation.length / 2 }
      if (operation.kind === 'write' && operation.position >= 12) return systemError('ENOSPC', 'no space left')
      return undefined
    },
  })
  const file = disk.openSync('f', CREATE)
  assert.equal(file.writeSync([filled(3, a), filled(5, b)], 0), 4)
  assert.deepEqual([...disk.contents('f')], [a, a, a, b])
  assert.throws(() => writeFullySync(file, [filled(8, a), filled(8, a)], 0), { code: 'ENOSPC' })
  assert.equal(disk.contents('f').length, 12)
  file.readSync(new Uint8Array(2), 1)
  assert.deepEqual(seen.slice(0, 3), ['0 open f 0+0', '1 create f 0+0', '2 write f 0+8'])
  assert.equal(seen.at(-1), '5 read f 1+2')
})

test('what a failed sync covered stays lost though the next sync succeeds', () => {
  const disk = diskWith(filled(512, a))
  const file = disk.openSync('f', CREATE)
  file.writeSync([filled(512, b)], 0)
  disk.onOperation = operation => (operation.kind === 'sync' ? systemError('EIO', 'device error') : undefined)
  assert.throws(() => file.syncSync(), { code: 'EIO' })
  disk.onOperation = undefined
  file.syncSync()
  assert.equal(disk.contents('f')[0], b, 'a reader goes on to see it')
  assert.ok(statesAfterCuts(disk).has('a'))
  file.writeSync([filled(512, b)], 0)
  file.syncSync()
  assert.deepEqual(statesAfterCuts(disk), new Set(['b']), 'writing it again makes it count again')
})

test('a lock is held against a second open until it is released', () => {
  const disk = new SimulatedDisk()
  const lock = disk.lockSync('l')
  assert.throws(
    () => disk.lockSync('l'),
    (error: unknown) => error instanceof DatabaseError && error.code === 'MANIFOLD_LOCKED',
  )
  lock.releaseSync()
  const second = disk.lockSync('l')
  lock.releaseSync()
  assert.throws(() => disk.lockSync('l'), DatabaseError, 'an old lock released twice frees nothing')
  second.releaseSync()
  disk.lockSync('l')
})

test('the same seed leaves the same state', () => {
  const disk = diskWith(filled(8192, a))
  disk.openSync('f', CREATE).writeSync([filled(8192, b)], 0)
  const left = (seed: number): Uint8Array => disk.crash(new SeededRandom(seed)).contents('f')
  for (let seed = 0; seed < 20; seed++) assert.deepEqual(left(seed), left(seed))
})

test('paths are taken apart and put together as they are elsewhere', () => {
  const disk = new SimulatedDisk()
  for (const path of ['f', '/f', '/d/f', 'd/e/f']) {
    assert.equal(disk.join(disk.dirname(path), disk.basename(path)), path)
  }
})

test('a full disk takes what fits, and refuses what does not', () => {
  const disk = new SimulatedDisk({ capacityBytes: 1500 }, new Map([['f', filled(1024, a)]]))
  const file = disk.openSync('f', CREATE)
  assert.equal(file.writeSync([filled(1024, b)], 0), 1024, 'what lies within the file needs no space')
  assert.equal(file.writeSync([filled(1024, b)], 512), 988)
  assert.throws(() => file.writeSync([filled(1, b)], 1500), { code: 'ENOSPC' })
  assert.throws(() => disk.openSync('g', CREATE).writeSync([filled(1, b)], 0), { code: 'ENOSPC' })
  disk.capacityBytes = 1501
  assert.equal(file.writeSync([filled(2, b)], 1500), 1)
})

test('when a process ends, what it has written stays, unsynced, and the next one finds no locks', async () => {
  const before = diskWith(filled(512, a))
  before.lockSync('l')
  const file = before.openSync('f', CREATE)
  file.writeSync([filled(512, b)], 0)
  const late = file.write([filled(512, c)], 0)
  const disk = before.afterProcessEnd()
  await assert.rejects(late)
  assert.throws(() => before.openSync('f', CREATE), PowerCut)
  disk.lockSync('l')
  assert.equal(disk.contents('f')[0], b)
  assert.deepEqual(statesAfterCuts(disk), new Set(['a', 'b']))
  disk.openSync('f', CREATE).syncSync()
  assert.deepEqual(statesAfterCuts(disk), new Set(['b']))
})

test('in the middle of each operation a power cut may leave it or not', () => {
  const disk = diskWith(filled(512, a))
  const seen: string[] = []
  disk.onMidway = operation => seen.push(`${operation} ${[...statesAfterCuts(disk)].sort()}`)
  const file = disk.openSync('f', DATA_SYNC)
  file.writeSync([filled(512, b)], 0)
  file.syncSync()
  disk.removeSync('f')
  disk.syncDirectorySync('.')
  assert.deepEqual(seen, ['1 a,b', '2 b', '3 b,missing', '4 b,missing'])
  assert.deepEqual(statesAfterCuts(disk), new Set(['missing']))
})

test('images share what nobody has written to since, and only that', () => {
  const disk = diskWith(filled(10_000, a))
  const image = (): SimulatedDisk => disk.crash(new SeededRandom(1), { mode: 'all' })
  const [one, two] = [image(), image()]
  assert.ok(one.isSameAs(two))
  one.openSync('f', CREATE).writeSync([filled(1, b)], 5000)
  assert.ok(!one.isSameAs(two))
  assert.equal(two.contents('f')[5000], a)
  assert.equal(disk.contents('f')[5000], a)
  disk.openSync('f', CREATE).writeSync([filled(1, c)], 5000)
  assert.ok(!image().isSameAs(two))
  assert.equal(two.contents('f')[5000], a)
})

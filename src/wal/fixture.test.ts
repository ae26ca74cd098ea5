// What the tests of the log share: a disk in memory that forgets what was not synced, a clock whose timers are fired by
// hand, seeded random numbers, and short ways to write and recover a log. It holds no tests of its own.
import { WRITE_UNIT_BYTES } from '../base/aligned-memory.ts'
import { AsyncWALJournal } from './async-wal-journal.ts'
import { createLog } from './create-log.ts'
import { LogRecovery } from './recovery.ts'
import { LogWriter } from './log-writer.ts'
import { WALJournal } from './wal-journal.ts'
import type { Clock } from '../platform/clock.ts'
import type { File, FileSystem, Lock, OpenMode } from '../platform/file-system.ts'
import type { Random } from '../platform/random.ts'
import type { Need } from './journal.ts'
import type { LogStart } from './log-reader.ts'
import type { RecoveryOptions } from './recovery.ts'
import type { LogPlace, SegmentedJournal } from './segmented-journal.ts'

const SECTOR_BYTES = 512

function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: injected`), { code })
}

class Inode {
  cached: Uint8Array = new Uint8Array(0)
  durable: Uint8Array = new Uint8Array(0)
  readonly dirty: Set<number> = new Set<number>()

  put(bytes: Uint8Array, position: number): void {
    if (this.cached.length < position + bytes.length) this.resize(position + bytes.length)
    this.cached.set(bytes, position)
    const last = Math.floor((position + bytes.length - 1) / SECTOR_BYTES)
    for (let sector = Math.floor(position / SECTOR_BYTES); sector <= last; sector++) this.dirty.add(sector)
  }

  resize(size: number): void {
    const next = new Uint8Array(size)
    next.set(this.cached.subarray(0, size))
    this.cached = next
  }

  /** Makes the size durable, too. */
  sync(sectors: Iterable<number> = [...this.dirty], size: number = this.cached.length): void {
    for (const sector of sectors) this.persist(sector)
    const next = new Uint8Array(Math.max(size, this.durable.length))
    next.set(this.durable)
    this.durable = next
  }

  /** What a write that is durable on its own makes durable: its own sectors, not all that the file has unsynced. */
  syncRange(from: number, to: number): void {
    for (const sector of this.dirty)
      if ((sector + 1) * SECTOR_BYTES > from && sector * SECTOR_BYTES < to) this.persist(sector)
  }

  persist(sector: number): void {
    if (!this.dirty.has(sector)) return
    const from = sector * SECTOR_BYTES
    const bytes = this.cached.subarray(from, from + SECTOR_BYTES)
    if (this.durable.length < from + bytes.length) {
      const next = new Uint8Array(this.cached.length)
      next.set(this.durable)
      this.durable = next
    }
    this.durable.set(bytes, from)
    this.dirty.delete(sector)
  }
}

export type Operation = 'open' | 'read' | 'write' | 'sync' | 'remove' | 'syncDirectory'

/** Unsynced sectors and directory entries are lost or kept by `cut`, each on its own. */
export class MemoryDisk implements FileSystem {
  names: Map<string, Inode> = new Map()
  durableNames: Map<string, Inode> = new Map()
  /** May throw to fail the operation. */
  before: (operation: Operation, path: string) => void = () => {}
  /** The most bytes that one write accepts. */
  writeBytesMax: number = Infinity
  /** Files can be opened for direct writes. */
  takesDirectWrites = true
  /** By how much files may still grow. */
  space: number = Infinity
  writes = 0
  syncs = 0
  bytesWritten = 0
  /** Every call, in order; 'write+' and 'sync+' are calls through a descriptor whose writes are durable. */
  readonly log: string[] = []
  /** Asynchronous writes and syncs run when this is called with them; by default in a later turn. */
  later: (run: () => void) => void = run => void setImmediate(run)

  enter(operation: Operation, path: string, dataSync = false): void {
    this.before(operation, path)
    this.log.push(`${operation}${dataSync ? '+' : ''} ${path}`)
  }

  /** The state after a power cut: `keep` decides for each unsynced sector and name. */
  cut(keep: () => boolean): void {
    const names = new Map<string, Inode>()
    for (const name of new Set([...this.names.keys(), ...this.durableNames.keys()])) {
      const [cached, durable] = [this.names.get(name), this.durableNames.get(name)]
      const inode = cached === durable || keep() ? cached : durable
      if (inode !== undefined) names.set(name, inode)
    }
    for (const inode of new Set(names.values())) {
      for (const sector of inode.dirty) if (keep()) inode.persist(sector)
      inode.cached = inode.durable.slice()
      inode.dirty.clear()
    }
    this.names = names
    this.durableNames = new Map(names)
    this.before = () => {}
    this.space = Infinity
    this.writeBytesMax = Infinity
  }

  /** A copy, as a process that was killed leaves it. */
  clone(): MemoryDisk {
    const copy = new MemoryDisk()
    const inodes = new Map<Inode, Inode>()
    const of = (inode: Inode): Inode => {
      const known = inodes.get(inode)
      if (known !== undefined) return known
      const made = new Inode()
      made.cached = inode.cached.slice()
      made.durable = inode.durable.slice()
      for (const sector of inode.dirty) made.dirty.add(sector)
      inodes.set(inode, made)
      return made
    }
    for (const [name, inode] of this.names) copy.names.set(name, of(inode))
    for (const [name, inode] of this.durableNames) copy.durableNames.set(name, of(inode))
    return copy
  }

  bytes(path: string): Uint8Array {
    return this.names.get(path)!.cached
  }

  openSync(path: string, mode: OpenMode): File {
    this.enter('open', path)
    const present = this.names.get(path)
    if (present !== undefined && mode.exclusive) throw systemError('EEXIST')
    if (present === undefined && !mode.create) throw systemError('ENOENT')
    const inode = present ?? new Inode()
    this.names.set(path, inode)
    return new MemoryFile(this, path, inode, mode)
  }

  existsSync(path: string): boolean {
    return this.names.has(path)
  }

  listSync(directory: string): string[] {
    return [...this.names.keys()].filter(name => this.dirname(name) === directory).map(name => this.basename(name))
  }

  renameSync(): void {
    throw new Error('the log renames nothing')
  }

  removeSync(path: string): void {
    this.enter('remove', path)
    if (!this.names.delete(path)) throw systemError('ENOENT')
  }

  syncDirectorySync(directory: string): void {
    this.enter('syncDirectory', directory)
    this.durableNames = new Map(this.names)
  }

  lockSync(): Lock {
    throw new Error('the log takes no lock')
  }

  dirname(path: string): string {
    return path.slice(0, path.lastIndexOf('/'))
  }

  basename(path: string): string {
    return path.slice(path.lastIndexOf('/') + 1)
  }

  join(directory: string, name: string): string {
    return `${directory}/${name}`
  }
}

class MemoryFile implements File {
  readonly descriptor: undefined
  readonly path: string
  readonly #disk: MemoryDisk
  readonly #inode: Inode
  readonly isDirect: boolean
  readonly #dataSync: boolean
  #closed = false

  constructor(disk: MemoryDisk, path: string, inode: Inode, { dataSync, direct }: OpenMode) {
    this.#disk = disk
    this.path = path
    this.#inode = inode
    this.#dataSync = dataSync
    this.isDirect = direct === true && disk.takesDirectWrites
  }

  #enter(operation: Operation): void {
    if (this.#closed) throw systemError('EBADF')
    this.#disk.enter(operation, this.path, this.#dataSync)
  }

  size(): number {
    return this.#inode.cached.length
  }

  readSync(target: Uint8Array, position: number): number {
    this.#enter('read')
    const bytes = this.#inode.cached.subarray(position, position + target.length)
    target.set(bytes)
    return bytes.length
  }

  writeSync(parts: readonly Uint8Array[], position: number): number {
    this.#enter('write')
    return this.#put(parts, position)
  }

  #put(parts: readonly Uint8Array[], position: number): number {
    const places = [position, ...parts.flatMap(part => [part.byteOffset, part.length])]
    if (this.isDirect && places.some(place => place % WRITE_UNIT_BYTES !== 0)) throw systemError('EINVAL')
    this.#disk.writes++
    const unit = this.isDirect ? WRITE_UNIT_BYTES : 1
    let left = Math.floor(this.#disk.writeBytesMax / unit) * unit
    let at = position
    for (const part of parts) {
      const bytes = part.subarray(0, Math.min(part.length, left))
      const growth = Math.max(0, at + bytes.length - this.#inode.cached.length)
      if (growth > this.#disk.space) throw systemError('ENOSPC')
      this.#disk.space -= growth
      if (bytes.length > 0) this.#inode.put(bytes, at)
      at += bytes.length
      left -= bytes.length
    }
    if (this.#dataSync) this.#inode.syncRange(position, at)
    this.#disk.bytesWritten += at - position
    return at - position
  }

  write(parts: readonly Uint8Array[], position: number): Promise<number> {
    return this.#later('write', () => this.#put(parts, position))
  }

  #later<T>(operation: Operation, run: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#disk.later(() => {
        try {
          this.#disk.enter(operation, this.path, this.#dataSync)
          resolve(run())
        } catch (error) {
          reject(error)
        }
      })
    })
  }

  syncSync(): void {
    this.#enter('sync')
    this.#disk.syncs++
    this.#inode.sync()
  }

  /** Covers what was written before the call, and nothing that is written while it is under way. */
  sync(): Promise<void> {
    const sectors = [...this.#inode.dirty]
    const size = this.#inode.cached.length
    return this.#later('sync', () => {
      this.#disk.syncs++
      this.#inode.sync(sectors, size)
    })
  }

  /** A file that is made longer takes its room at once, since zeros written into it later are not counted. */
  truncateSync(size: number): void {
    const growth = Math.max(0, size - this.#inode.cached.length)
    if (growth > this.#disk.space) throw systemError('ENOSPC')
    this.#disk.space -= growth
    this.#inode.resize(size)
  }

  async truncate(size: number): Promise<void> {
    this.truncateSync(size)
  }

  closeSync(): void {
    this.#closed = true
  }
}

/** Turns are the event loop's own; timers fire when the test says so. */
export class ManualClock implements Clock {
  readonly timers: Set<() => void> = new Set<() => void>()

  now(): number {
    return 0
  }

  after(_milliseconds: number, callback: () => void): { cancel(): void } {
    this.timers.add(callback)
    return { cancel: () => void this.timers.delete(callback) }
  }

  defer(callback: () => void): void {
    setImmediate(callback)
  }

  fire(): void {
    const due = [...this.timers]
    this.timers.clear()
    for (const callback of due) callback()
  }
}

/** Lets everything that is deferred or under way finish. */
export async function quiet(turns = 50): Promise<void> {
  for (let i = 0; i < turns; i++) await new Promise<void>(resolve => void setImmediate(resolve))
}

export function newGenerator(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

let randomSeed = 1
export const random: Random = {
  fill(target: Uint8Array): void {
    const next = newGenerator(randomSeed++)
    for (let i = 0; i < target.length; i++) target[i] = Math.floor(next() * 256)
  },
}

export const DATA_PATH = '/data/app.manifold'
export const UUID: Uint8Array = Uint8Array.from({ length: 16 }, (_, i) => i + 1)
export const SEGMENT_BYTES: number = 64 * 1024

export type Kind = 'sync' | 'async'
export const KINDS: readonly Kind[] = ['sync', 'async']

export interface Log {
  readonly journal: SegmentedJournal
  readonly clock: ManualClock
  readonly disk: MemoryDisk
  /** Calls of `progressed` and `failed`. */
  readonly events: { progressed: number; failed: number }
}

export interface Fresh {
  readonly fileSystem: FileSystem
  readonly dataPath: string
  readonly uuid: Uint8Array
  readonly writer: LogWriter
  readonly segmentBytes: number
  readonly random: Random
  readonly clock: Clock
  readonly start: LogStart
}

export const START: LogStart = { position: 0, previousChecksum: 0, sequence: 0 }

export function freshOptions(disk: FileSystem, start: LogStart = START): Fresh {
  return {
    fileSystem: disk,
    dataPath: DATA_PATH,
    uuid: UUID,
    writer: new LogWriter(),
    segmentBytes: SEGMENT_BYTES,
    random,
    clock: new ManualClock(),
    start,
  }
}

export function recoveryOptions(disk: FileSystem, start: LogStart = START): RecoveryOptions {
  return { ...freshOptions(disk, start), required: true }
}

export function journalAt(disk: MemoryDisk, place: LogPlace, kind: Kind): Log {
  const clock = new ManualClock()
  const events = { progressed: 0, failed: 0 }
  const listener = { progressed: () => void events.progressed++, failed: () => void events.failed++ }
  const options = { clock, events: listener, maxDelayMicros: 1000 }
  const journal = kind === 'sync' ? new WALJournal(place, options) : new AsyncWALJournal(place, options)
  return { journal, clock, disk, events }
}

export async function freshLog(kind: Kind, disk: MemoryDisk = new MemoryDisk(), start: LogStart = START): Promise<Log> {
  return journalAt(disk, await createLog(freshOptions(disk, start)), kind)
}

/** The payload of the record with `sequence`: recognisable, and different in each byte from its neighbours'. */
export function payloadOf(sequence: number, bytes: number): Uint8Array {
  const payload = new Uint8Array(bytes)
  for (let i = 0; i < bytes; i++) payload[i] = (sequence * 31 + i * 7) & 0xff
  return payload
}

/** The log's end, as the place where it may begin once all before it is in the data file. */
export function endOf(journal: SegmentedJournal): LogStart {
  return { position: journal.appended, previousChecksum: journal.lastChecksum, sequence: journal.lastAppended }
}

/** Reserves and appends one record; returns the position behind it. */
export async function append({ journal }: Log, bytes: number, need: Need = 'sync'): Promise<number> {
  await journal.reserve(bytes)
  const sequence = journal.lastAppended + 1
  const payload = payloadOf(sequence, bytes)
  const middle = bytes >>> 1
  return journal.append(sequence, [payload.subarray(0, middle), payload.subarray(middle)], bytes, need)
}

export interface Recovered {
  readonly payloads: Uint8Array[]
  readonly sequences: number[]
  readonly place: LogPlace
}

/** Recovers and accepts the log on `disk`. */
export async function recover(disk: FileSystem, start: LogStart = START): Promise<Recovered> {
  const recovery = new LogRecovery(recoveryOptions(disk, start))
  const payloads: Uint8Array[] = []
  const sequences: number[] = []
  await recovery.replay(record => {
    payloads.push(record.payload.slice())
    sequences.push(record.sequence)
  })
  return { payloads, sequences, place: await recovery.accept() }
}

import { alignedMemory, WRITE_UNIT_BYTES } from '../base/aligned-memory.ts'
import { assert } from '../base/assert.ts'
import { ioError } from '../platform/io-error.ts'
import { writeFully, writeFullySync } from '../platform/write-fully.ts'
import { encodeSegmentHeader, SEGMENT_HEADER_BYTES } from './segment-format.ts'
import { ZEROS } from '../shared/zeros.ts'
import type { File, FileSystem } from '../platform/file-system.ts'
import type { LogWriter } from './log-writer.ts'
import type { SegmentHeader } from './segment-format.ts'

/** Where a database's log lies and whose it is. */
export interface LogFiles {
  readonly fileSystem: FileSystem
  /** Path of the data file; the segments are named after it. */
  readonly dataPath: string
  readonly uuid: Uint8Array
}

/** The same with what writes it off the caller's thread. */
export interface WritableLogFiles extends LogFiles {
  readonly writer: LogWriter
}

/**
 * A segment that can be written. Both descriptors are opened when it is prepared, so that a lack of handles cannot fail
 * a numbered commit.
 */
export interface Segment {
  readonly slot: number
  readonly header: SegmentHeader
  /** Its writes reach the operating system. */
  readonly plain: File
  /** Its writes reach the medium. */
  readonly durable: File
}

/** What is known of the directory in which segments are made. */
export interface SegmentFolder {
  /** Slot numbers whose files exist. */
  readonly slots: Set<number>
  /** Whether its drive takes direct writes in units as small as ours; the first such write shows it. */
  takesUnits: boolean | undefined
  /** Memory from which headers are written, as many blocks as were ever in use at once. */
  readonly headerBlocks: Uint8Array[]
}

type Descriptors = Pick<Segment, 'plain' | 'durable'>

/** A file that is named like a segment. */
export interface SegmentFile {
  readonly slot: number
  readonly path: string
}

/** The number at the end of a segment's name; it says nothing of the segment's place in the log. */
const SLOT_MAX = 999_999_999

export function segmentPath(files: LogFiles, slot: number): string {
  return `${files.dataPath}-wal${slot}`
}

/** The files beside the data file that are named like its segments, in any order. */
export function listSegmentFiles(files: LogFiles): SegmentFile[] {
  const { fileSystem, dataPath } = files
  const prefix = `${fileSystem.basename(dataPath)}-wal`
  const found: SegmentFile[] = []
  try {
    for (const name of fileSystem.listSync(fileSystem.dirname(dataPath))) {
      const digits = name.startsWith(prefix) ? name.slice(prefix.length) : ''
      if (!/^(0|[1-9]\d{0,8})$/.test(digits)) continue
      const slot = Number(digits)
      found.push({ slot, path: segmentPath(files, slot) })
    }
  } catch (error) {
    throw ioError(error, 'list the log', dataPath)
  }
  return found
}

/**
 * How a new segment is prepared.
 *
 * `written`: its size and its header are on the medium, and its zeros are written. They need not reach the medium: a cut
 * leaves a file that reads as zeros wherever nothing was synced. The operating system has set the room aside.
 * `synced`: the zeros are on the medium, too. A synced write then changes nothing but what it writes: one of 13 KB takes
 * 110 µs, and 170 on zeros that are only written; but each byte of the log goes to the medium twice.
 * `direct`: the zeros are written past the page cache, where files can be written so, which costs about half of the processor's
 * time, and are synced with the header. It is for a log whose groups are written directly, too: elsewhere the first write into a
 * part of a page would have to read the page.
 */
export type Preparation = 'written' | 'synced' | 'direct'

/** The size first, so that no file is shorter than its header says; the header last, so that a file whose preparation failed half-way is no segment. */
async function format(
  folder: SegmentFolder,
  { plain, durable }: Descriptors,
  header: SegmentHeader,
  { uuid, fileSystem, writer }: WritableLogFiles,
  preparation: Preparation,
): Promise<void> {
  const end = SEGMENT_HEADER_BYTES + header.capacity
  const isDirect = preparation === 'direct' && durable.isDirect
  if (isDirect || preparation === 'written') {
    plain.truncateSync(end)
    await plain.sync()
  }
  if (isDirect) await writeDirectZeros(plain, end, fileSystem, writer)
  else await writer.writeZeros(plain, SEGMENT_HEADER_BYTES, end)
  if (isDirect || preparation === 'written')
    await writeHeader(folder, { plain, durable }, encodeSegmentHeader(header, uuid))
  else {
    await writeFully(plain, [encodeSegmentHeader(header, uuid)], 0)
    await plain.sync()
  }
}

async function writeDirectZeros(plain: File, end: number, fileSystem: FileSystem, writer: LogWriter): Promise<void> {
  const mode = { write: true, create: false, exclusive: false, dataSync: false, direct: true }
  const direct = fileSystem.openSync(plain.path, mode)
  try {
    await writer.writeZeros(direct, SEGMENT_HEADER_BYTES, end)
  } catch (error) {
    // The thread that writes them has found no aligned memory.
    if (!hasCode(error, 'EINVAL')) throw error
    await writer.writeZeros(plain, SEGMENT_HEADER_BYTES, end)
  } finally {
    direct.closeSync()
  }
}

/** Durably. */
async function writeHeader(folder: SegmentFolder, { plain, durable }: Descriptors, header: Uint8Array): Promise<void> {
  const block = durable.isDirect ? alignedCopy(folder, header) : header
  if (block === undefined) {
    await writeFully(plain, [header], 0)
    await plain.sync()
    return
  }
  await writeFully(durable, [block], 0)
  if (block !== header) folder.headerBlocks.push(block)
}

/** The same, blocking. */
function writeHeaderSync(folder: SegmentFolder, { plain, durable }: Descriptors, header: Uint8Array): void {
  const block = durable.isDirect ? alignedCopy(folder, header) : header
  if (block === undefined) {
    writeFullySync(plain, [header], 0)
    plain.syncSync()
    return
  }
  writeFullySync(durable, [block], 0)
  if (block !== header) folder.headerBlocks.push(block)
}

function alignedCopy({ headerBlocks }: SegmentFolder, header: Uint8Array): Uint8Array | undefined {
  let block = headerBlocks.pop()
  if (block === undefined) {
    const memory = alignedMemory(SEGMENT_HEADER_BYTES)
    if (memory === undefined) return undefined
    block = new Uint8Array(memory, 0, SEGMENT_HEADER_BYTES)
  }
  block.set(header)
  return block
}

/** As `format` with 'synced', blocking. */
function formatSync(file: File, header: SegmentHeader, { uuid }: LogFiles): void {
  const end = SEGMENT_HEADER_BYTES + header.capacity
  for (let position = SEGMENT_HEADER_BYTES; position < end; position += ZEROS.length)
    writeFullySync(file, [ZEROS.subarray(0, end - position)], position)
  writeFullySync(file, [encodeSegmentHeader(header, uuid)], 0)
  file.syncSync()
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}

/** Creates the file of the first slot from `slot` on that is free on the disk too. */
function createFile(files: LogFiles, { slots }: SegmentFolder): { slot: number; file: File } {
  let slot = 0
  for (;;) {
    while (slots.has(slot)) slot++
    assert(slot <= SLOT_MAX, 'a slot for a segment is free')
    try {
      const mode = { write: true, create: true, exclusive: true, dataSync: false }
      const file = files.fileSystem.openSync(segmentPath(files, slot), mode)
      slots.add(slot)
      return { slot, file }
    } catch (error) {
      if (!hasCode(error, 'EEXIST')) throw ioError(error, 'create a log segment', segmentPath(files, slot))
      slots.add(slot)
    }
  }
}

/** Past the page cache where that can be done. */
function openDurable({ fileSystem }: LogFiles, folder: SegmentFolder, { path }: File): File {
  const mode = { write: true, create: false, exclusive: false, dataSync: true }
  if (folder.takesUnits === false) return fileSystem.openSync(path, mode)
  const direct = fileSystem.openSync(path, { ...mode, direct: true })
  if (!direct.isDirect || folder.takesUnits === true) return direct
  try {
    writeFullySync(direct, [ZEROS.subarray(0, WRITE_UNIT_BYTES)], SEGMENT_HEADER_BYTES + WRITE_UNIT_BYTES)
    folder.takesUnits = true
    return direct
  } catch (error) {
    direct.closeSync()
    if (!hasCode(error, 'EINVAL')) throw error
    folder.takesUnits = false
    return fileSystem.openSync(path, mode)
  }
}

/** Makes the names of the segments durable. */
function syncDirectory({ fileSystem, dataPath }: LogFiles): void {
  fileSystem.syncDirectorySync(fileSystem.dirname(dataPath))
}

/** Removes what a failed preparation left, so that its space is free again, and says why it failed. */
function abandon(
  files: LogFiles,
  { slots }: SegmentFolder,
  slot: number,
  plain: File,
  durable: File | undefined,
  error: unknown,
): Error {
  plain.closeSync()
  durable?.closeSync()
  if (removeSegmentFile(files, plain.path)) slots.delete(slot)
  return ioError(error, 'prepare a log segment', plain.path)
}

/**
 * Creates and prepares a segment. On an error nothing of it is left, or only a file that recovery ignores.
 */
export async function createSegment(
  files: WritableLogFiles,
  folder: SegmentFolder,
  header: SegmentHeader,
  preparation: Preparation,
): Promise<Segment> {
  const { slot, file: plain } = createFile(files, folder)
  let durable: File | undefined
  try {
    durable = openDurable(files, folder, plain)
    await format(folder, { plain, durable }, header, files, preparation)
    syncDirectory(files)
    return { slot, header, plain, durable }
  } catch (error) {
    throw abandon(files, folder, slot, plain, durable, error)
  }
}

/** The same, blocking, with the zeros synced. */
export function createSegmentSync(files: LogFiles, folder: SegmentFolder, header: SegmentHeader): Segment {
  const { slot, file: plain } = createFile(files, folder)
  let durable: File | undefined
  try {
    durable = openDurable(files, folder, plain)
    formatSync(plain, header, files)
    syncDirectory(files)
    return { slot, header, plain, durable }
  } catch (error) {
    throw abandon(files, folder, slot, plain, durable, error)
  }
}

/** Gives a freed segment a new place in the log. Its old records stay: their positions are not of the new place. */
export async function reheadSegment(
  files: LogFiles,
  folder: SegmentFolder,
  segment: Segment,
  header: SegmentHeader,
): Promise<Segment> {
  try {
    await writeHeader(folder, segment, encodeSegmentHeader(header, files.uuid))
    return { ...segment, header }
  } catch (error) {
    throw ioError(error, 'prepare a log segment', segment.plain.path)
  }
}

/** The same, blocking. */
export function reheadSegmentSync(
  files: LogFiles,
  folder: SegmentFolder,
  segment: Segment,
  header: SegmentHeader,
): Segment {
  try {
    writeHeaderSync(folder, segment, encodeSegmentHeader(header, files.uuid))
    return { ...segment, header }
  } catch (error) {
    throw ioError(error, 'prepare a log segment', segment.plain.path)
  }
}

export function closeSegment(segment: Segment): void {
  segment.plain.closeSync()
  segment.durable.closeSync()
}

/**
 * Removes a segment's file. False if it could not be: it is then in nobody's way, and the next recovery or clean
 * opening removes it.
 */
export function removeSegmentFile(files: LogFiles, path: string): boolean {
  try {
    files.fileSystem.removeSync(path)
    return true
  } catch {
    return false
  }
}

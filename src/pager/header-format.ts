import { checksum } from '../base/checksum.ts'
import { DatabaseError, corruption } from '../base/errors.ts'
import { PAGE_BYTES } from '../base/limits.ts'
import { hasMagic, writeMagic } from '../base/magic.ts'
import { readU53, writeU53 } from '../base/u53.ts'
import { PAGE_COUNT_MAX } from './page-format.ts'

/**
 * A header slot: page 0 and page 1 of the data file hold one each. A checkpoint writes the older one, syncs, then the
 * other; whatever cuts in, one is whole. The valid one with the higher generation counts.
 *
 * ```
 *  offset  bytes  field
 *       0      8  magic, 'MNFLDDAT'
 *       8      4  format version
 *      12      4  page bytes
 *      16     16  uuid of the database
 *      32      8  generation: grows with every header that is written
 *      40      8  log position: the log before it is in the trees
 *      48      8  last sequence: that of the last commit before the log position
 *      56      4  previous checksum: that of the last log record before the log position
 *      60      4  flags, bit 0: closed cleanly, the log is not needed
 *      64      4  page count: the file has at least so many pages
 *      68      4  meta page: first page of the meta extent
 *      72      4  meta pages
 *      76      4  meta bytes: length of what the meta extent holds
 *      80      4  meta checksum, CRC-32 of those bytes
 *      84   8104  zero
 *    8188      4  checksum, CRC-32 of bytes 0 to 8187
 * ```
 *
 * Every format version keeps magic, version, page bytes of 8192 for the slots, and checksum where they are, so that an
 * old reader can tell a newer file from a damaged one.
 */
export const DATA_MAGIC = 'MNFLDDAT'
export const DATA_FORMAT_VERSION = 1
export const HEADER_SLOTS = 2
export const UUID_BYTES = 16
export const HEADER_VERSION_OFFSET = 8
export const HEADER_PAGE_BYTES_OFFSET = 12
export const HEADER_UUID_OFFSET = 16
export const HEADER_GENERATION_OFFSET = 32
export const HEADER_LOG_POSITION_OFFSET = 40
export const HEADER_LAST_SEQUENCE_OFFSET = 48
export const HEADER_PREVIOUS_CHECKSUM_OFFSET = 56
export const HEADER_FLAGS_OFFSET = 60
export const HEADER_PAGE_COUNT_OFFSET = 64
export const HEADER_META_PAGE_OFFSET = 68
export const HEADER_META_PAGES_OFFSET = 72
export const HEADER_META_BYTES_OFFSET = 76
export const HEADER_META_CHECKSUM_OFFSET = 80
export const HEADER_END_OFFSET = 84
export const HEADER_CHECKSUM_OFFSET = 8188

const CLEAN_FLAG = 1
/** No database counts so far; whoever opens one that says so would go on to numbers that are not exact. */
const COUNTER_END = 2 ** 52

/** Where the meta extent lies. */
export interface MetaExtent {
  readonly page: number
  readonly pages: number
  readonly bytes: number
  readonly checksum: number
}

export interface Header {
  readonly uuid: Uint8Array<ArrayBuffer>
  readonly generation: number
  readonly logPosition: number
  readonly lastSequence: number
  readonly previousChecksum: number
  readonly clean: boolean
  readonly pageCount: number
  readonly meta: MetaExtent
}

export function encodeHeader(header: Header): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(PAGE_BYTES)
  const view = new DataView(bytes.buffer)
  writeMagic(bytes, DATA_MAGIC)
  view.setUint32(HEADER_VERSION_OFFSET, DATA_FORMAT_VERSION, true)
  view.setUint32(HEADER_PAGE_BYTES_OFFSET, PAGE_BYTES, true)
  bytes.set(header.uuid, HEADER_UUID_OFFSET)
  writeU53(view, HEADER_GENERATION_OFFSET, header.generation)
  writeU53(view, HEADER_LOG_POSITION_OFFSET, header.logPosition)
  writeU53(view, HEADER_LAST_SEQUENCE_OFFSET, header.lastSequence)
  view.setUint32(HEADER_PREVIOUS_CHECKSUM_OFFSET, header.previousChecksum, true)
  view.setUint32(HEADER_FLAGS_OFFSET, header.clean ? CLEAN_FLAG : 0, true)
  view.setUint32(HEADER_PAGE_COUNT_OFFSET, header.pageCount, true)
  view.setUint32(HEADER_META_PAGE_OFFSET, header.meta.page, true)
  view.setUint32(HEADER_META_PAGES_OFFSET, header.meta.pages, true)
  view.setUint32(HEADER_META_BYTES_OFFSET, header.meta.bytes, true)
  view.setUint32(HEADER_META_CHECKSUM_OFFSET, header.meta.checksum, true)
  view.setUint32(HEADER_CHECKSUM_OFFSET, checksum(bytes.subarray(0, HEADER_CHECKSUM_OFFSET)), true)
  return bytes
}

/** What a slot turned out to be. */
export type SlotReading =
  | { readonly state: 'valid'; readonly header: Header }
  | { readonly state: 'newer'; readonly version: number }
  /** The checksum or a field is wrong; `magic` says whether it is one of ours at all. */
  | { readonly state: 'damaged'; readonly magic: boolean; readonly expected: string; readonly found: string }

/** Reads a slot of PAGE_BYTES bytes. */
export function decodeHeader(bytes: Uint8Array<ArrayBuffer>): SlotReading {
  const view = new DataView(bytes.buffer, bytes.byteOffset, PAGE_BYTES)
  const magic = hasMagic(bytes, DATA_MAGIC)
  const damaged = (expected: string, found: string): SlotReading => ({ state: 'damaged', magic, expected, found })
  if (!magic) return damaged(DATA_MAGIC, 'other bytes')
  const expected = checksum(bytes.subarray(0, HEADER_CHECKSUM_OFFSET))
  const found = view.getUint32(HEADER_CHECKSUM_OFFSET, true)
  if (expected !== found) return damaged(`checksum ${expected.toString(16)}`, found.toString(16))
  const version = view.getUint32(HEADER_VERSION_OFFSET, true)
  if (version > DATA_FORMAT_VERSION) return { state: 'newer', version }
  const header = readFields(bytes, view)
  const fault = version === DATA_FORMAT_VERSION ? headerFault(header, view) : `version ${DATA_FORMAT_VERSION}`
  return fault === undefined ? { state: 'valid', header } : damaged(fault, 'another value')
}

/** What stands in the fields of a slot whose checksum is wrong: undefined where no writer would have written it. */
export function readDamagedHeader(bytes: Uint8Array<ArrayBuffer>): Header | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, PAGE_BYTES)
  const header = readFields(bytes, view)
  return headerFault(header, view) === undefined ? header : undefined
}

function readFields(bytes: Uint8Array<ArrayBuffer>, view: DataView): Header {
  return {
    uuid: bytes.slice(HEADER_UUID_OFFSET, HEADER_UUID_OFFSET + UUID_BYTES),
    generation: readU53(view, HEADER_GENERATION_OFFSET),
    logPosition: readU53(view, HEADER_LOG_POSITION_OFFSET),
    lastSequence: readU53(view, HEADER_LAST_SEQUENCE_OFFSET),
    previousChecksum: view.getUint32(HEADER_PREVIOUS_CHECKSUM_OFFSET, true),
    clean: (view.getUint32(HEADER_FLAGS_OFFSET, true) & CLEAN_FLAG) !== 0,
    pageCount: view.getUint32(HEADER_PAGE_COUNT_OFFSET, true),
    meta: {
      page: view.getUint32(HEADER_META_PAGE_OFFSET, true),
      pages: view.getUint32(HEADER_META_PAGES_OFFSET, true),
      bytes: view.getUint32(HEADER_META_BYTES_OFFSET, true),
      checksum: view.getUint32(HEADER_META_CHECKSUM_OFFSET, true),
    },
  }
}

/** The field that no writer would have written so, although the checksum is right. */
function headerFault(header: Header, view: DataView): string | undefined {
  const { meta, pageCount } = header
  if (view.getUint32(HEADER_PAGE_BYTES_OFFSET, true) !== PAGE_BYTES) return `page bytes ${PAGE_BYTES}`
  if (view.getUint32(HEADER_FLAGS_OFFSET, true) > CLEAN_FLAG) return 'no unknown flags'
  const { generation, logPosition, lastSequence } = header
  if (generation < 0 || logPosition < 0 || lastSequence < 0) return 'numbers below 2^53'
  if (!(generation < COUNTER_END && logPosition < COUNTER_END && lastSequence < COUNTER_END))
    return 'numbers below 2^52'
  if (logPosition % 4 !== 0) return 'a log position that is a multiple of 4'
  if (pageCount > PAGE_COUNT_MAX) return `page count up to ${PAGE_COUNT_MAX}`
  if (meta.page < HEADER_SLOTS || meta.pages === 0 || meta.page + meta.pages > pageCount)
    return 'a meta extent in the file'
  return meta.bytes > meta.pages * PAGE_BYTES ? 'a meta extent that holds its bytes' : undefined
}

/** Which slot counts, and what is known of the other. */
export interface SlotChoice {
  readonly slot: number
  readonly header: Header
  /** The other slot's header, undefined where it is damaged. */
  readonly other: Header | undefined
}

/** Chooses between the two slots of `file`, or throws what is wrong with it. */
export function chooseSlot(file: string, readings: readonly [SlotReading, SlotReading]): SlotChoice {
  const [a, b] = readings
  const newer = readings.find(reading => reading.state === 'newer')
  if (newer !== undefined) {
    throw new DatabaseError(
      'MANIFOLD_VERSION',
      `${file} has format version ${newer.version}, this Manifold reads up to ${DATA_FORMAT_VERSION}. Open it with a newer Manifold.`,
      { file, expected: `at most ${DATA_FORMAT_VERSION}`, found: `${newer.version}` },
    )
  }
  if (a.state === 'valid' && b.state === 'valid') {
    const slot = a.header.generation >= b.header.generation ? 0 : 1
    return slot === 0 ? { slot, header: a.header, other: b.header } : { slot, header: b.header, other: a.header }
  }
  if (a.state === 'valid') return { slot: 0, header: a.header, other: undefined }
  if (b.state === 'valid') return { slot: 1, header: b.header, other: undefined }
  throw neitherValid(file, readings)
}

function neitherValid(file: string, readings: readonly SlotReading[]): DatabaseError {
  for (const reading of readings) {
    if (reading.state === 'damaged' && reading.magic) {
      return corruption(file, 0, 'both header slots', reading.expected, reading.found)
    }
  }
  return notADatabase(file)
}

export function notADatabase(file: string): DatabaseError {
  return new DatabaseError(
    'MANIFOLD_NOT_A_DATABASE',
    `${file} is not a Manifold database. Check the path; the file has been left as it was.`,
    {
      file,
      expected: DATA_MAGIC,
      found: 'other bytes',
    },
  )
}

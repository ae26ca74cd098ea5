import { assert } from '../base/assert.ts'
import { checksum } from '../base/checksum.ts'
import { DatabaseError, corruption } from '../base/errors.ts'
import { PAGE_BYTES } from '../base/limits.ts'
import { hasMagic } from '../base/magic.ts'
import type { File, FileSystem } from '../platform/file-system.ts'
import { ioError } from '../platform/io-error.ts'
import { writeFully, writeFullySync } from '../platform/write-fully.ts'
import { ExtentList, sortedExtents } from './extent-list.ts'
import { boundOverflow, hex, readExactly, readOverflow, readUpTo } from './file-read.ts'
import { FIRST_PAGE, FreeSpace } from './free-space.ts'
import { DATA_MAGIC, HEADER_SLOTS, chooseSlot, decodeHeader, encodeHeader, notADatabase } from './header-format.ts'
import type { Header, MetaExtent, SlotChoice } from './header-format.ts'
import { EMPTY_CATALOG, readMeta, writeCatalog, writeFreeMap } from './meta-format.ts'
import type { Catalog, Meta } from './meta-format.ts'
import { ByteWriter } from './number-coding.ts'
import { PendingFree } from './pending-free.ts'

/** What a checkpoint's header says of the log. */
export interface LogMark {
  readonly logPosition: number
  readonly lastSequence: number
  readonly previousChecksum: number
  /** Closed cleanly: the log is not needed. */
  readonly clean: boolean
}

/** A state that has been laid out for the file and not yet been written. */
export interface PreparedState {
  readonly header: Header
  readonly metaBytes: Uint8Array<ArrayBuffer> | undefined
  readonly replaced: ExtentList
}

/** Bytes by which a free map can grow when the meta extent itself is taken from it. */
const MAP_SLACK_BYTES = 32

/**
 * The data file: its header slots, its meta extent and its free pages. A checkpoint goes through these steps, and each
 * has a form that blocks and one that does not:
 *
 *   merges write pages ─▶ prepare ─▶ writeMeta ─▶ sync ─▶ writeHeaderSlot(older) ─▶ publish
 *   ─▶ writeHeaderSlot(the other) ─▶ release, shrink
 *
 * Between the two header writes the slots name different states, and pages of both are kept (`PendingFree`). A failure
 * before the first header write goes to `abandon` and leaves everything as it was; so does one in it, except that the
 * pages written then wait until a later checkpoint has rewritten both slots, since the slot may name them.
 */
export class Pager {
  readonly file: File
  readonly catalog: Catalog
  freeSpace: FreeSpace
  readonly pending: PendingFree = new PendingFree()
  #header: Header
  /** The generation in each slot; 0: damaged or in the middle of being written. */
  readonly #slots: number[]
  /** The last generation that was given to a prepared state. */
  #lastGeneration: number
  /** The generation of a state that some slot may name although its checkpoint has failed. */
  #touched = 0
  /** The slot of the header write that has begun and not succeeded; -1: none. */
  #writing = -1
  /** A state has been laid out and neither been published nor given up. */
  #isPreparing = false

  private constructor(file: File, choice: SlotChoice, meta: Meta) {
    const { header, other, slot } = choice
    this.file = file
    this.#header = header
    this.catalog = meta.catalog
    this.#slots = [0, 0]
    this.#slots[slot] = header.generation
    this.#slots[1 - slot] = other?.generation ?? 0
    this.#lastGeneration = header.generation
    if (other === undefined || other.generation === header.generation) {
      this.freeSpace = new FreeSpace(header.pageCount, meta.free)
      return
    }
    // The other slot still reaches pages that this one counts as free, perhaps beyond this one's end.
    const pageCount = Math.max(header.pageCount, other.pageCount)
    if (pageCount > header.pageCount) meta.free.push(header.pageCount, pageCount - header.pageCount)
    this.freeSpace = new FreeSpace(pageCount)
    this.pending.add(header.generation, meta.free)
  }

  /** Makes an empty database of three pages. A cut at any moment leaves none, or the whole of it. */
  static createSync(fileSystem: FileSystem, path: string, uuid: Uint8Array<ArrayBuffer>): Pager {
    const temporary = `${path}-new`
    if (fileSystem.existsSync(path)) {
      throw new DatabaseError('MANIFOLD_EXISTS', `${path} exists already. Choose another path or remove the file.`, {
        file: path,
      })
    }
    try {
      if (fileSystem.existsSync(temporary)) fileSystem.removeSync(temporary)
      const file = fileSystem.openSync(temporary, { write: true, create: true, exclusive: true, dataSync: false })
      try {
        writeFullySync(file, emptyDatabase(uuid), 0)
        file.syncSync()
      } finally {
        file.closeSync()
      }
      fileSystem.renameSync(temporary, path)
      fileSystem.syncDirectorySync(fileSystem.dirname(path))
    } catch (error) {
      removeQuietly(fileSystem, temporary)
      throw ioError(error, `create ${path}`, path)
    }
    return Pager.openSync(fileSystem, path, true)
  }

  /** Opens the file and reads header and catalog. Writes nothing. */
  static openSync(fileSystem: FileSystem, path: string, write: boolean): Pager {
    let file: File
    try {
      file = fileSystem.openSync(path, { write, create: false, exclusive: false, dataSync: false })
    } catch (error) {
      throw ioError(error, `open ${path}`, path)
    }
    try {
      const choice = readHeader(file)
      return new Pager(file, choice, readMetaExtent(file, choice.header))
    } catch (error) {
      file.closeSync()
      throw ioError(error, `open ${path}`, path)
    }
  }

  /** The state that readers see and the file holds. */
  get header(): Header {
    return this.#header
  }

  /** Readers pin this number; what a later checkpoint replaces is kept for them. */
  get generation(): number {
    return this.#header.generation
  }

  /** The slot to be written first. */
  get olderSlot(): number {
    return this.#slots[0]! <= this.#slots[1]! ? 0 : 1
  }

  /** The slot is being written, or the attempt has failed: it may hold anything. */
  isWriting(slot: number): boolean {
    return this.#writing === slot
  }

  /** `freeSpace` is already that of a state which `header` does not name yet. */
  get isPreparing(): boolean {
    return this.#isPreparing
  }

  /** Lays out the next state: `freed` are the pages that the current state reaches and the next does not. */
  prepare(catalog: Catalog, freed: ExtentList, mark: LogMark): PreparedState {
    const old = this.#header.meta
    const replaced = new ExtentList()
    replaced.pushAll(freed)
    replaced.push(old.page, old.pages)
    const draft = new ByteWriter()
    writeCatalog(draft, catalog)
    const catalogBytes = draft.toBytes()
    writeFreeMap(draft, this.#freeMap(replaced).extents)
    const pages = Math.ceil((draft.length + MAP_SLACK_BYTES) / PAGE_BYTES)
    const page = this.freeSpace.allocate(pages)
    const { extents, pageCount } = this.#freeMap(replaced)
    const writer = new ByteWriter()
    writer.bytes(catalogBytes)
    writeFreeMap(writer, extents)
    const bytes = writer.length
    const metaBytes = writer.toBytes(pages * PAGE_BYTES)
    const meta: MetaExtent = { page, pages, bytes, checksum: checksum(metaBytes.subarray(0, bytes)) }
    assert(bytes <= metaBytes.length, 'the free map has outgrown its extent')
    this.#isPreparing = true
    return { header: this.#nextHeader(mark, pageCount, meta), metaBytes, replaced }
  }

  /** The current trees under another log mark: for `clean` to be cleared before the log is written to. */
  prepareMark(mark: LogMark): PreparedState {
    const { pageCount, meta } = this.#header
    return { header: this.#nextHeader(mark, pageCount, meta), metaBytes: undefined, replaced: new ExtentList() }
  }

  writeMetaSync(state: PreparedState): void {
    if (state.metaBytes !== undefined) this.#writeSync(state.metaBytes, state.header.meta.page)
  }

  async writeMeta(state: PreparedState): Promise<void> {
    if (state.metaBytes !== undefined) await this.#write(state.metaBytes, state.header.meta.page)
  }

  syncSync(): void {
    try {
      this.file.syncSync()
    } catch (error) {
      throw this.#failed('sync', error)
    }
  }

  async sync(): Promise<void> {
    try {
      await this.file.sync()
    } catch (error) {
      throw this.#failed('sync', error)
    }
  }

  /** Writes and syncs one slot. Everything that the state reaches has been synced before. */
  writeHeaderSlotSync(state: PreparedState, slot: number): void {
    this.#beginSlot(state, slot)
    this.#writeSync(encodeHeader(state.header), slot)
    this.syncSync()
    this.#slotWritten(state, slot)
  }

  async writeHeaderSlot(state: PreparedState, slot: number): Promise<void> {
    this.#beginSlot(state, slot)
    await this.#write(encodeHeader(state.header), slot)
    await this.sync()
    this.#slotWritten(state, slot)
  }

  /**
   * Has both slots name the current state, where a cut came between the two or tore one of them: whoever goes on from here
   * removes what only the other slot needs, and what it would say is no longer true. The slot that counts is written first,
   * since after the end of a process it may be in the cache only, and a failed sync may have left it there for good.
   */
  async seal(): Promise<void> {
    const [a, b] = this.#slots
    if (a === b) return
    const state: PreparedState = { header: this.#header, metaBytes: undefined, replaced: new ExtentList() }
    if (a !== 0 && b !== 0) await this.writeHeaderSlot(state, 1 - this.olderSlot)
    else await this.sync()
    await this.writeHeaderSlot(state, this.olderSlot)
    this.release(Infinity)
  }

  /** Makes the state the current one: readers that come from now on pin its generation. One slot names it. */
  publish(state: PreparedState): void {
    assert(this.#slots.includes(state.header.generation), 'a state is published before a header names it')
    this.pending.add(state.header.generation, state.replaced)
    this.#header = state.header
    this.#touched = 0
    this.#isPreparing = false
  }

  /** Gives up a checkpoint that was not published: `allocated` is what its merges allocated. */
  abandon(state: PreparedState | undefined, allocated: ExtentList): void {
    const pages = new ExtentList()
    pages.pushAll(allocated)
    if (state?.metaBytes !== undefined) pages.push(state.header.meta.page, state.header.meta.pages)
    const named = state !== undefined && this.#touched === state.header.generation
    if (named) this.pending.add(this.#lastGeneration + 1, pages)
    else this.freeSpace.freeAll([pages])
    this.#isPreparing = false
  }

  /**
   * Makes available what neither slot nor a reader reaches any more; `oldestPinned` is Infinity where there is no
   * reader.
   */
  release(oldestPinned: number): void {
    this.freeSpace.freeAll(this.pending.release(Math.min(oldestPinned, ...this.#slots)))
  }

  /** Cuts free pages off the end of the file. Nothing may be allocated and unpublished, nor be allocated until it is done. */
  async shrink(): Promise<void> {
    const bytes = this.freeSpace.trimTail() * PAGE_BYTES
    try {
      if (this.file.size() > bytes) await this.file.truncate(bytes)
    } catch (error) {
      throw this.#failed('shrink', error)
    }
  }

  /** The same at once. */
  shrinkSync(): void {
    const bytes = this.freeSpace.trimTail() * PAGE_BYTES
    try {
      if (this.file.size() > bytes) this.file.truncateSync(bytes)
    } catch (error) {
      throw this.#failed('shrink', error)
    }
  }

  /** A long value. */
  readOverflow(page: number, length: number, expected: number): Uint8Array<ArrayBuffer> {
    boundOverflow(this.file, page, length)
    const value = new Uint8Array(length)
    readOverflow(this.file, page, expected, value)
    return value
  }

  closeSync(): void {
    this.file.closeSync()
  }

  #nextHeader(mark: LogMark, pageCount: number, meta: MetaExtent): Header {
    const { logPosition, lastSequence, previousChecksum, clean } = mark
    const generation = ++this.#lastGeneration
    return { uuid: this.#header.uuid, generation, logPosition, lastSequence, previousChecksum, clean, pageCount, meta }
  }

  /** What is free once nothing reaches older states: a restart pins nothing. The file is as long as the rest needs. */
  #freeMap(replaced: ExtentList): { extents: ExtentList; pageCount: number } {
    const { extents, doubled } = sortedExtents([this.freeSpace.extents(), ...this.pending.lists, replaced])
    if (doubled !== undefined) throw this.#wrongAccount(doubled, 'used once or free', 'both, or used twice')
    const beyond = extents.length === 0 ? 0 : extents.first(extents.length - 1) + extents.count(extents.length - 1)
    const { pageCount } = this.freeSpace
    if (beyond > pageCount) throw this.#wrongAccount(beyond - 1, `a page below ${pageCount}`, `page ${beyond - 1}`)
    if (extents.length > 0 && extents.first(0) < FIRST_PAGE)
      throw this.#wrongAccount(0, 'a header slot', 'used by a tree')
    return { extents, pageCount: extents.popTail(pageCount) }
  }

  /**
   * What trees and free map say of the pages cannot all be true: found where pages are about to be freed, since nothing
   * but a check of the whole file would find it before.
   */
  #wrongAccount(page: number, expected: string, found: string): DatabaseError {
    return corruption(
      this.file.path,
      page * PAGE_BYTES,
      'the account of a page that a tree has given up',
      expected,
      found,
    )
  }

  #beginSlot(state: PreparedState, slot: number): void {
    assert(
      this.#slots[1 - slot] !== 0 || this.#slots[slot] === 0,
      'the only whole header slot is about to be overwritten',
    )
    this.#slots[slot] = 0
    this.#writing = slot
    if (state.header.generation !== this.#header.generation) this.#touched = state.header.generation
  }

  #slotWritten(state: PreparedState, slot: number): void {
    this.#slots[slot] = state.header.generation
    this.#writing = -1
  }

  #writeSync(bytes: Uint8Array, page: number): void {
    try {
      writeFullySync(this.file, [bytes], page * PAGE_BYTES)
    } catch (error) {
      throw this.#failed('write', error)
    }
  }

  async #write(bytes: Uint8Array, page: number): Promise<void> {
    try {
      await writeFully(this.file, [bytes], page * PAGE_BYTES)
    } catch (error) {
      throw this.#failed('write', error)
    }
  }

  #failed(what: string, error: unknown): Error {
    return ioError(error, `${what} ${this.file.path}`, this.file.path)
  }
}

function emptyDatabase(uuid: Uint8Array<ArrayBuffer>): Uint8Array[] {
  const writer = new ByteWriter()
  writeCatalog(writer, EMPTY_CATALOG)
  writeFreeMap(writer, new ExtentList())
  const metaBytes = writer.toBytes(PAGE_BYTES)
  const meta: MetaExtent = { page: 2, pages: 1, bytes: writer.length, checksum: checksum(writer.toBytes()) }
  const header = encodeHeader({
    uuid,
    generation: 1,
    logPosition: 0,
    lastSequence: 0,
    previousChecksum: 0,
    clean: true,
    pageCount: 3,
    meta,
  })
  return [header, header, metaBytes]
}

function readHeader(file: File): SlotChoice {
  const size = file.size()
  const slots = new Uint8Array(HEADER_SLOTS * PAGE_BYTES)
  const found = readUpTo(file, slots, 0)
  if (found < slots.length) {
    if (!hasMagic(slots, DATA_MAGIC)) throw notADatabase(file.path)
    throw corruption(file.path, found, 'the file is truncated', `${slots.length} bytes of header`, `${found} bytes`)
  }
  const choice = chooseSlot(file.path, [
    decodeHeader(slots.subarray(0, PAGE_BYTES)),
    decodeHeader(slots.subarray(PAGE_BYTES)),
  ])
  const needed = choice.header.pageCount * PAGE_BYTES
  if (size < needed) throw corruption(file.path, size, 'the file is truncated', `${needed} bytes`, `${size} bytes`)
  // The file is cut only once both slots allow it, so an other state that reaches beyond its end is not whole.
  const isOtherWhole = choice.other !== undefined && choice.other.pageCount * PAGE_BYTES <= size
  return isOtherWhole ? choice : { ...choice, other: undefined }
}

/** Reads catalog and free map of the state that a header names, and verifies them. */
export function readMetaExtent(file: File, header: Header): Meta {
  const { meta, pageCount } = header
  const position = meta.page * PAGE_BYTES
  const bytes = new Uint8Array(meta.bytes)
  readExactly(file, bytes, position, 'the catalog')
  const found = checksum(bytes)
  if (found !== meta.checksum)
    throw corruption(file.path, position, 'checksum of the catalog', hex(meta.checksum), hex(found))
  return readMeta(bytes, pageCount, (offset, expected, value) => {
    throw corruption(file.path, position + offset, 'the catalog', expected, value)
  })
}

/** The error that is on its way matters more than a temporary file. */
function removeQuietly(fileSystem: FileSystem, path: string): void {
  try {
    if (fileSystem.existsSync(path)) fileSystem.removeSync(path)
  } catch {
    return
  }
}

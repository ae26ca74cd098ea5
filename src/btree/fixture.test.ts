import assert from 'node:assert/strict'
import { compareBytes } from '../base/bytes.ts'
import type { File } from '../platform/file-system.ts'
import { SimulatedDisk } from '../platform/simulated/disk.ts'
import { ExtentList } from '../pager/extent-list.ts'
import { FIRST_PAGE, FreeSpace } from '../pager/free-space.ts'
import { EMPTY_ROOT } from '../pager/meta-format.ts'
import type { TreeRoot } from '../pager/meta-format.ts'
import { Slab } from '../pager/slab.ts'
import { checkTree } from './check.ts'
import type { TreeCheck } from './check.ts'
import { mergeTree } from './merge.ts'
import type { ChangeSource, KeyRange } from './merge.ts'
import { MergeWorkspace } from './merge-workspace.ts'
import { READER_BYTES, TreeReader } from './tree-reader.ts'

/** How much longer than by default the models run. */
export const RUNS_FACTOR: number = Number(process.env['MANIFOLD_TEST_RUNS'] ?? 1)

export interface Change {
  readonly key: Uint8Array
  /** Undefined deletes. */
  readonly value: Uint8Array | undefined
}

/** Keys as hexadecimal strings, which sort as their bytes do, and values. */
export type Model = Map<string, Uint8Array>

export function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

export function bytesOf(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, 'hex'))
}

export function entriesOf(model: Model): [string, Uint8Array][] {
  return [...model].sort(([a], [b]) => (a < b ? -1 : 1))
}

/** Changes in an array, the newest of each key, in order. */
export function sourceOf(changes: readonly Change[]): ChangeSource {
  const newest = new Map(changes.map(change => [hexOf(change.key), change]))
  const sorted = [...newest.values()].sort((a, b) => compareBytes(a.key, b.key))
  let index = -1
  const source = {
    deleted: false,
    keyBytes: new Uint8Array(0),
    keyOffset: 0,
    keyLength: 0,
    valueBytes: new Uint8Array(0),
    valueWords: new Int32Array(0),
    valueOffset: 0,
    valueLength: 0,
    advance(): boolean {
      const change = sorted[++index]
      if (change === undefined) return false
      const value = change.value ?? new Uint8Array(0)
      // Key and value stand within more bytes, as they do in an arena.
      const valueOffset = (5 + change.key.length + 3) & ~3
      const bytes = new Uint8Array((valueOffset + value.length + 7) & ~3).fill(0xa5)
      bytes.set(change.key, 5)
      bytes.set(value, valueOffset)
      source.deleted = change.value === undefined
      source.keyBytes = bytes
      source.keyOffset = 5
      source.keyLength = change.key.length
      source.valueBytes = bytes
      source.valueWords = new Int32Array(bytes.buffer)
      source.valueOffset = valueOffset
      source.valueLength = value.length
      return true
    },
  }
  return source
}

/** Ranges in order and disjoint. */
export function disjoint(ranges: readonly KeyRange[]): KeyRange[] {
  const result: KeyRange[] = []
  for (const range of [...ranges].sort((a, b) => compareBytes(a.start, b.start))) {
    if (range.end !== undefined && compareBytes(range.start, range.end) >= 0) continue
    const last = result.at(-1)
    if (last !== undefined && (last.end === undefined || compareBytes(last.end, range.start) > 0)) continue
    result.push(range)
  }
  return result
}

/** A tree in a file of its own, beside a model of it. */
export class TestTree {
  readonly disk: SimulatedDisk = new SimulatedDisk()
  readonly file: File
  readonly space: FreeSpace = new FreeSpace(FIRST_PAGE)
  readonly model: Model = new Map()
  root: TreeRoot = EMPTY_ROOT

  constructor() {
    this.file = this.disk.openSync('tree', { write: true, create: true, exclusive: true, dataSync: false })
  }

  get reader(): TreeReader {
    return new TreeReader(this.file, new Slab(READER_BYTES), 0)
  }

  merge(changes: readonly Change[], ranges: readonly KeyRange[] = []): MergeWorkspace {
    const workspace = new MergeWorkspace(this.file, this.space)
    const old = this.root
    const steps = mergeTree(workspace, old, sourceOf(changes), ranges)
    let step = steps.next()
    while (step.done !== true) step = steps.next()
    this.root = step.value
    workspace.flush()
    this.space.freeAll([workspace.freed])
    applyTo(this.model, changes, ranges)
    return workspace
  }

  check(): TreeCheck {
    return check(this.reader, this.root)
  }

  /** Checks the tree, its content against the model, and that every page is reachable or free and never both. */
  verify(): void {
    const result = this.check()
    assert.equal(result.entries, this.model.size)
    assert.equal(this.root.entries, this.model.size)
    const all = new ExtentList()
    all.pushAll(result.pages)
    all.pushAll(this.space.extents())
    const owned = new Set<number>()
    for (let i = 0; i < all.length; i++) {
      for (let page = all.first(i); page < all.first(i) + all.count(i); page++) {
        assert.ok(!owned.has(page), `page ${page} is owned twice`)
        owned.add(page)
      }
    }
    assert.equal(owned.size, this.space.pageCount - FIRST_PAGE, 'a page has been lost')
  }
}

export function check(reader: TreeReader, root: TreeRoot): TreeCheck {
  const steps = checkTree(reader, root)
  let step = steps.next()
  while (step.done !== true) step = steps.next()
  return step.value
}

function applyTo(model: Model, changes: readonly Change[], ranges: readonly KeyRange[]): void {
  for (const { start, end } of ranges) {
    const [from, to] = [hexOf(start), end === undefined ? undefined : hexOf(end)]
    for (const key of model.keys()) if (key >= from && (to === undefined || key < to)) model.delete(key)
  }
  for (const { key, value } of changes) {
    if (value === undefined) model.delete(hexOf(key))
    else model.set(hexOf(key), value)
  }
}

/** A value whose bytes say which one it is. */
export function valueOf(seed: number, length: number): Uint8Array {
  const value = new Uint8Array(length)
  for (let i = 0; i < length; i++) value[i] = seed + i * 7 + (i >> 8)
  return value
}

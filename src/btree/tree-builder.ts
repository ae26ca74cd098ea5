import { PAGE_BYTES } from '../base/limits.ts'
import { EMPTY_ROOT } from '../pager/meta-format.ts'
import type { TreeRoot } from '../pager/meta-format.ts'
import { HEIGHT_MAX } from '../pager/page-format.ts'
import { KeyBuffer } from './key-buffer.ts'
import type { PageStage } from './page-stage.ts'
import { commonLength } from './page-view.ts'
import type { PageView } from './page-view.ts'
import type { MergeWorkspace } from './merge-workspace.ts'

/** A page below this is not closed while something can be added to it. */
const UNDERFULL_BYTES: number = PAGE_BYTES / 4
/** A page below this shares the entries of the one before it. */
const HALF_BYTES: number = PAGE_BYTES / 2

/** One level of the tree under construction. */
interface Level {
  /** Where entries are appended. */
  current: PageStage
  /** The full page before it, held back so that a short last page can share its entries; or without meaning. */
  previous: PageStage
  hasPrevious: boolean
  /** Pages of this level that have been written. */
  emitted: number
  /** The separator of the page that is being written; writing it can mean writing one of each level above. */
  readonly separator: KeyBuffer
}

/**
 * Builds a tree from the left, one page per level at a time. Entries go to the leaves; whole subtrees can be passed to
 * any level. A full page is written when the next one is full too; before a subtree is passed, the levels below it are
 * closed, so that keys stay in order.
 *
 * Fill: a run of leaves comes out full, its last two pages even. Only a page at the right end of the tree may stay
 * short, so that appended keys fill pages to the end.
 */
export class TreeBuilder {
  readonly #workspace: MergeWorkspace
  readonly #levels: readonly Level[]
  /** Levels from here on have never been used. */
  #height = 0
  /**
   * The key from which on the next leaf's keys are, where the leaf before it was passed by: known from its old parent.
   */
  readonly #bound = new KeyBuffer()
  /** The last key of the leaf that was written last, unless `#atBound`. */
  readonly #last = new KeyBuffer()
  #atBound = true

  constructor(workspace: MergeWorkspace) {
    this.#workspace = workspace
    this.#levels = Array.from({ length: HEIGHT_MAX + 1 }, (_, level) => ({
      current: workspace.stages[2 * level]!,
      previous: workspace.stages[2 * level + 1]!,
      hasPrevious: false,
      emitted: 0,
      separator: new KeyBuffer(),
    }))
    for (const [level, { current }] of this.#levels.entries()) current.clear(level)
  }

  /** Says that the next leaf's keys are not below `key`. Counts only where no leaf is under construction. */
  startAt(key: KeyBuffer): void {
    const { current, hasPrevious } = this.#levels[0]!
    if (current.count > 0 || hasPrevious) return
    this.#bound.assign(key.bytes, 0, key.length)
    this.#atBound = true
  }

  /** Appends an entry to the leaves; the caller writes its `payload` bytes where the return value says, at once. */
  appendEntry(key: Uint8Array, at: number, length: number, payload: number, overflow: boolean): number {
    this.#use(0)
    const place = this.#levels[0]!.current.append(key, at, length, payload, overflow)
    if (place >= 0) return place
    this.#roll(0)
    return this.#levels[0]!.current.append(key, at, length, payload, overflow)
  }

  /**
   * Appends the entries `from` to `to` of a page: of a leaf to the leaves, of a branch to the branches of its level.
   */
  appendRun(source: PageView, from: number, to: number): void {
    const { level } = source
    this.#use(level)
    for (;;) {
      from += this.#levels[level]!.current.appendRun(source, from, to)
      if (from === to) return
      this.#roll(level)
    }
  }

  /** Appends one child to the branches of `level`. */
  appendChild(level: number, key: KeyBuffer, page: number, checksum: number, entries: number, overflow: boolean): void {
    this.#use(level)
    const { bytes, length } = key
    if (this.#levels[level]!.current.appendChild(bytes, length, page, checksum, entries, overflow)) return
    this.#roll(level)
    this.#levels[level]!.current.appendChild(bytes, length, page, checksum, entries, overflow)
  }

  /**
   * Closes the levels below `level`, so that a subtree can be passed to it. False if one of them holds too little for a
   * page: then the next subtree should be taken apart, to fill it.
   */
  closeBelow(level: number): boolean {
    for (let below = 0; below < level; below++) {
      const { current, hasPrevious } = this.#levels[below]!
      if (!hasPrevious && current.count > 0 && current.size < UNDERFULL_BYTES) return false
      this.#close(below, false)
    }
    return true
  }

  /** Ends the tree and returns its root. `passed` is true if the root was passed by rather than built. */
  finish(): { root: TreeRoot; passed: boolean } {
    for (let level = 0; level < this.#height; level++) {
      const { current, hasPrevious, emitted } = this.#levels[level]!
      const alone = level + 1 >= this.#height && !hasPrevious && emitted === 0
      if (alone && current.count === 0) break
      if (alone && level > 0 && current.count === 1) {
        return { root: this.#rootAt(current), passed: this.#levels[level - 1]!.emitted === 0 }
      }
      this.#close(level, true)
    }
    return { root: EMPTY_ROOT, passed: false }
  }

  #rootAt(branch: PageStage): TreeRoot {
    const [page, checksum] = [branch.page(0), branch.checksum(0)]
    return { page, checksum, height: branch.level, entries: branch.entries(0), overflow: branch.overflow(0) }
  }

  #use(level: number): void {
    if (level >= this.#height) this.#height = level + 1
  }

  /** Begins a new page. The full one is held back, the one held back before is written. */
  #roll(level: number): void {
    const state = this.#levels[level]!
    const { current, previous } = state
    if (state.hasPrevious) this.#emit(level, previous)
    state.hasPrevious = true
    state.previous = current
    state.current = previous
    previous.clear(level)
  }

  #close(level: number, atEnd: boolean): void {
    const state = this.#levels[level]!
    const { current, previous } = state
    if (state.hasPrevious) {
      state.hasPrevious = false
      const [a, b] = this.#workspace.spares
      if (!atEnd && current.size < HALF_BYTES && divide(level, previous, current, a, b)) {
        this.#emit(level, a)
        this.#emit(level, b)
      } else {
        this.#emit(level, previous)
        this.#emit(level, current)
      }
    } else if (current.count > 0) this.#emit(level, current)
    current.clear(level)
  }

  /** Writes a page and passes it to the level above. */
  #emit(level: number, stage: PageStage): void {
    const { writer } = this.#workspace
    stage.tighten()
    const { separator } = this.#levels[level]!
    if (level === 0) this.#separateLeaf(stage, separator)
    else separator.length = stage.key(0, separator.bytes)
    let entries = level === 0 ? stage.count : 0
    let overflow = false
    for (let i = 0; i < stage.count; i++) {
      if (stage.overflow(i)) overflow = true
      if (level > 0) entries += stage.entries(i)
    }
    const base = writer.place()
    stage.build(base)
    this.#levels[level]!.emitted++
    this.appendChild(level + 1, separator, writer.lastPage, writer.checksum(base), entries, overflow)
  }

  /**
   * The separator of a leaf: its lower bound if that is all that is known, else the shortest key between it and the
   * leaf before.
   */
  #separateLeaf(leaf: PageStage, separator: KeyBuffer): void {
    if (this.#atBound) separator.assign(this.#bound.bytes, 0, this.#bound.length)
    else {
      const last = this.#last
      separator.length = leaf.key(0, separator.bytes)
      separator.length = 1 + commonLength(last.bytes, 0, last.length, separator.bytes, 0, separator.length)
    }
    this.#last.length = leaf.key(leaf.count - 1, this.#last.bytes)
    this.#atBound = false
  }
}

/** Divides the entries of two pages evenly between two others; false if they do not fit so. */
function divide(level: number, full: PageStage, short: PageStage, a: PageStage, b: PageStage): boolean {
  if (full.count < 2) return false
  const { halves } = full.slab
  const columns = (full.size - halves[full.offsets + full.count]!) / full.count
  let keep = full.count - 1
  const half = (full.size + short.size) / 2
  while (keep > 1 && halves[full.offsets + keep]! + keep * columns > half) keep--
  a.clear(level)
  b.clear(level)
  return (
    a.appendRun(full, 0, keep) === keep &&
    b.appendRun(full, keep, full.count) === full.count - keep &&
    b.appendRun(short, 0, short.count) === short.count
  )
}

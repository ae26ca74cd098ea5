import type { Bytes } from './value-codec.ts'

/**
 * Byte arrays for callers: copies of what lies in the engine's memory, never views of it. A caller can write into what a
 * read returned, keep it, or send it to another thread, and the database does not change.
 *
 * Short copies share slabs, because the dearest part of a read is a buffer of its own: 150 bytes cost some 90 ns from a
 * slab and 700 ns without. As with Node's `Buffer`, `array.buffer` is therefore larger than the array, and a caller who
 * wants the buffer alone takes `array.slice().buffer`.
 */
const SLAB_BYTES = 64 * 1024
/** Longer copies get their own buffer: at an eighth of a slab, little of it is lost at the end. */
const POOLED_BYTES_MAX = SLAB_BYTES / 8
/** Below this a loop beats `set`, which needs a view of the source. */
const LOOP_BYTES_MAX = 24

/** Up to here a loop over words beats `set`, where source and target are aligned: 68 ns against 91 for 150 bytes. */
const WORD_LOOP_BYTES_MAX = 256

let slab: Bytes = new Uint8Array(0)
let slabWords: Int32Array = new Int32Array(slab.buffer)
let used = 0
let guard: (buffer: ArrayBuffer) => void = () => {}

/**
 * Sets what is called with each new slab. An entry point gives here what marks a buffer as untransferable, where the
 * platform has that: a transfer of one array's buffer would empty all others in it.
 */
export function setSlabGuard(mark: (buffer: ArrayBuffer) => void): void {
  guard = mark
  slab = new Uint8Array(0)
}

/** Requires: `length` is not above POOLED_BYTES_MAX. */
function newSlab(): void {
  slab = new Uint8Array(SLAB_BYTES)
  slabWords = new Int32Array(slab.buffer)
  guard(slab.buffer)
  used = 0
}

/** A copy of `length` bytes of `source` that belongs to the caller. */
export function copyOut(source: Uint8Array, offset: number, length: number): Bytes {
  if (length > POOLED_BYTES_MAX) {
    const alone = new Uint8Array(length)
    alone.set(source.subarray(offset, offset + length))
    return alone
  }
  // A slab that somebody detached has length 0 and so has no room either.
  if (used + length > slab.length) newSlab()
  const start = used
  // Arrays start at multiples of 8, so that a caller can lay other typed arrays over them.
  used = (start + length + 7) & ~7
  if (length <= LOOP_BYTES_MAX) {
    for (let i = 0; i < length; i++) slab[start + i] = source[offset + i]!
    return new Uint8Array(slab.buffer, start, length)
  }
  const copy = new Uint8Array(slab.buffer, start, length)
  copy.set(source.subarray(offset, offset + length))
  return copy
}

/**
 * The same where `words` are the words of `source` and `offset` is a multiple of 4. Requires: the bytes behind the value up
 * to the next multiple of 4 belong to `source` too.
 */
export function copyOutAligned(words: Int32Array, source: Uint8Array, offset: number, length: number): Bytes {
  if (length > WORD_LOOP_BYTES_MAX) return copyOut(source, offset, length)
  if (used + length > slab.length) newSlab()
  const start = used
  used = (start + length + 7) & ~7
  const target = slabWords
  let to = start >>> 2
  let from = offset >>> 2
  const end = (offset + length + 3) >>> 2
  for (; from + 4 <= end; from += 4, to += 4) {
    target[to] = words[from]!
    target[to + 1] = words[from + 1]!
    target[to + 2] = words[from + 2]!
    target[to + 3] = words[from + 3]!
  }
  while (from < end) target[to++] = words[from++]!
  return new Uint8Array(slab.buffer, start, length)
}

const LENT_BYTES_MAX = 4096

/**
 * Lends one byte array at a time, for calls that get it and may not keep it: a copy in a buffer that is used again, so
 * that nothing is allocated. One lender serves one such call after the other; a nested scan needs its own.
 *
 * A view of the engine's memory would be little faster (31 against 47 ns for 150 bytes) and would let a caller's stray
 * write damage the database.
 */
export class Lender {
  /** The lent arrays by length; all lie over the same buffer. */
  readonly #arrays: (Bytes | undefined)[] = []
  #buffer: ArrayBuffer = new ArrayBuffer(LENT_BYTES_MAX)

  lend(source: Uint8Array, offset: number, length: number): Bytes {
    if (length > LENT_BYTES_MAX) return copyOut(source, offset, length)
    const array = this.#array(length)
    if (length <= LOOP_BYTES_MAX) for (let i = 0; i < length; i++) array[i] = source[offset + i]!
    else array.set(source.subarray(offset, offset + length))
    return array
  }

  #array(length: number): Bytes {
    const present = this.#arrays[length]
    if (present !== undefined && present.length === length) return present
    if (this.#buffer.byteLength === 0) this.#buffer = new ArrayBuffer(LENT_BYTES_MAX)
    const array = new Uint8Array(this.#buffer, 0, length)
    this.#arrays[length] = array
    return array
  }
}

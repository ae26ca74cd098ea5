import { assert } from '../base/assert.ts'
import { PAGE_BYTES } from '../base/limits.ts'

/**
 * Memory that holds pages, seen as bytes, as 16-bit and as 32-bit numbers. Words are signed: V8 keeps every signed
 * 32-bit number unboxed, but not every unsigned one. Hence checksums and key heads are signed wherever they are held in
 * memory.
 */
export class Slab {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly halves: Uint16Array<ArrayBuffer>
  readonly words: Int32Array<ArrayBuffer>

  /** `byteLength` is a multiple of 4. */
  constructor(byteLength: number) {
    const buffer = new ArrayBuffer(byteLength)
    this.bytes = new Uint8Array(buffer)
    this.halves = new Uint16Array(buffer)
    this.words = new Int32Array(buffer)
  }

  /** The page that starts at byte `base`. */
  page(base: number): Uint8Array<ArrayBuffer> {
    return this.bytes.subarray(base, base + PAGE_BYTES)
  }
}

/** Files are little-endian, and pages are read through typed arrays, which are as the machine is. */
assert(
  new Uint8Array(new Uint16Array([1]).buffer)[0] === 1,
  'this machine is big-endian, which Manifold does not support',
)

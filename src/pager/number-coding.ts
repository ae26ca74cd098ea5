import { POSITION_MAX } from '../base/limits.ts'

/** Bytes that grow as numbers and strings are written to them. Numbers take 7 bits a byte, the lowest first. */
export class ByteWriter {
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(1024)
  #length = 0

  get length(): number {
    return this.#length
  }

  number(value: number): void {
    this.#room(8)
    while (value >= 0x80) {
      this.#bytes[this.#length++] = (value % 0x80) | 0x80
      value = Math.floor(value / 0x80)
    }
    this.#bytes[this.#length++] = value
  }

  /** 32 bits, signed or not, as 4 bytes. */
  word(value: number): void {
    this.#room(4)
    for (let shift = 0; shift < 32; shift += 8) this.#bytes[this.#length++] = value >>> shift
  }

  string(value: string): void {
    const bytes = encoder.encode(value)
    this.number(bytes.length)
    this.bytes(bytes)
  }

  bytes(value: Uint8Array): void {
    this.#room(value.length)
    this.#bytes.set(value, this.#length)
    this.#length += value.length
  }

  /** What has been written, with zeros behind it up to `length` bytes. */
  toBytes(length: number = this.#length): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(length)
    bytes.set(this.#bytes.subarray(0, this.#length))
    return bytes
  }

  #room(count: number): void {
    if (this.#length + count <= this.#bytes.length) return
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + count))
    grown.set(this.#bytes)
    this.#bytes = grown
  }
}

/**
 * Reads what a `ByteWriter` wrote. Every method calls `fail`, which throws, rather than read beyond the end or return
 * what cannot be.
 */
export class ByteReader {
  readonly #bytes: Uint8Array
  readonly #fail: (offset: number, expected: string, found: string) => never
  #at = 0

  constructor(bytes: Uint8Array, fail: (offset: number, expected: string, found: string) => never) {
    this.#bytes = bytes
    this.#fail = fail
  }

  get offset(): number {
    return this.#at
  }

  get left(): number {
    return this.#bytes.length - this.#at
  }

  /** A number up to and including `max`. */
  number(max: number = POSITION_MAX): number {
    const start = this.#at
    let value = 0
    for (let scale = 1; ; scale *= 0x80) {
      const byte = this.#bytes[this.#at++]
      if (byte === undefined || scale > POSITION_MAX) return this.#fail(start, 'a number', 'none')
      value += (byte & 0x7f) * scale
      if (byte < 0x80) break
    }
    return value <= max ? value : this.#fail(start, `at most ${max}`, `${value}`)
  }

  word(): number {
    if (this.left < 4) return this.#fail(this.#at, '4 bytes', `${this.left}`)
    let value = 0
    for (let shift = 0; shift < 32; shift += 8) value |= this.#bytes[this.#at++]! << shift
    return value
  }

  /** A string of up to `max` bytes. */
  string(max: number): string {
    const length = this.number(Math.min(max, this.left))
    if (length > this.left) return this.#fail(this.#at, `${length} bytes`, `${this.left}`)
    const start = this.#at
    this.#at += length
    try {
      return decoder.decode(this.#bytes.subarray(start, this.#at))
    } catch {
      return this.#fail(start, 'UTF-8', 'other bytes')
    }
  }
}

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

import { DirectKeyCodec, NO_ROOM } from './direct-codec.ts'
import type { KeyCodec } from './key-codec.ts'
import type { Role } from './refusal.ts'
import { refuse } from './refusal.ts'

/**
 * Numbers, dates and booleans as big-endian bytes whose unsigned order is that of the values:
 *
 *   uint u64            8 bytes, the number itself
 *   int i64 timestamp   8 bytes, two's complement with the sign bit flipped
 *   f64                 8 bytes, IEEE 754 with the sign bit flipped, or with all bits flipped where it was set
 *   boolean             1 byte, 0 or 1
 *
 * The numbers pass through two 32-bit words; only u64 and i64 touch a BigInt, since that is what they take and return.
 */
const WORD = 0x1_0000_0000
const SIGN = 0x8000_0000
const NUMBER_BYTES = 8

// One scratch number, seen as a double, as BigInts and as two words, which lie in the order of the machine.
const double = new Float64Array(1)
const unsigned = new BigUint64Array(double.buffer)
const signed = new BigInt64Array(double.buffer)
const words = new Uint32Array(double.buffer)
unsigned[0] = 1n
const LOW: number = words[0] === 1 ? 0 : 1
const HIGH: number = 1 - LOW

function writeWords(target: Uint8Array, offset: number, high: number, low: number): void {
  target[offset] = high >>> 24
  target[offset + 1] = high >>> 16
  target[offset + 2] = high >>> 8
  target[offset + 3] = high
  target[offset + 4] = low >>> 24
  target[offset + 5] = low >>> 16
  target[offset + 6] = low >>> 8
  target[offset + 7] = low
}

function readWord(source: Uint8Array, offset: number): number {
  return (source[offset]! << 24) | (source[offset + 1]! << 16) | (source[offset + 2]! << 8) | source[offset + 3]!
}

/** Requires: a safe integer. Conversion to 32 bits is modulo 2^32, for negative numbers too. */
function writeInteger(value: number, target: Uint8Array, offset: number): void {
  writeWords(target, offset, Math.floor(value / WORD) ^ SIGN, value >>> 0)
}

function readInteger(source: Uint8Array, offset: number): number {
  return (readWord(source, offset) ^ SIGN) * WORD + (readWord(source, offset + 4) >>> 0)
}

/** What the scalars share: a fixed length. */
abstract class ScalarCodec<T> extends DirectKeyCodec<T> {
  override readonly fixedBytes: number = NUMBER_BYTES

  /** Requires: room for `fixedBytes`. */
  protected abstract write(value: unknown, target: Uint8Array, offset: number, role: Role): void

  encodeInto(value: unknown, target: Uint8Array, offset: number, role: Role): number {
    if (target.length - offset < this.fixedBytes) return NO_ROOM
    this.write(value, target, offset, role)
    return this.fixedBytes
  }

  decode(bytes: Uint8Array): T {
    const { fixedBytes } = this
    if (bytes.length === fixedBytes) return this.decodeFrom(bytes, 0, fixedBytes)
    return refuse(this.role, this.id, `${fixedBytes} bytes`, bytes, 'Decode only what this codec has encoded.')
  }
}

class UintCodec extends ScalarCodec<number> {
  readonly id = 'uint'

  protected write(value: unknown, target: Uint8Array, offset: number, role: Role): void {
    if (!Number.isSafeInteger(value) || (value as number) < 0) {
      const advice = 'Use the codec int for negative numbers, u64 for bigints and f64 for fractions.'
      refuse(role, this.id, `an integer from 0 to ${Number.MAX_SAFE_INTEGER}`, value, advice)
    }
    writeWords(target, offset, Math.floor((value as number) / WORD), (value as number) >>> 0)
  }

  decodeFrom(source: Uint8Array, offset: number, _length: number): number {
    return (readWord(source, offset) >>> 0) * WORD + (readWord(source, offset + 4) >>> 0)
  }
}

class IntCodec extends ScalarCodec<number> {
  readonly id = 'int'

  protected write(value: unknown, target: Uint8Array, offset: number, role: Role): void {
    if (!Number.isSafeInteger(value)) {
      const expected = `an integer from ${Number.MIN_SAFE_INTEGER} to ${Number.MAX_SAFE_INTEGER}`
      refuse(role, this.id, expected, value, 'Use the codec i64 for bigints and f64 for fractions.')
    }
    writeInteger(value as number, target, offset)
  }

  decodeFrom(source: Uint8Array, offset: number, _length: number): number {
    return readInteger(source, offset)
  }
}

class U64Codec extends ScalarCodec<bigint> {
  readonly id = 'u64'

  protected write(value: unknown, target: Uint8Array, offset: number, role: Role): void {
    if (typeof value !== 'bigint' || BigInt.asUintN(64, value) !== value) {
      refuse(
        role,
        this.id,
        'a bigint from 0n to 2n ** 64n - 1n',
        value,
        'Use BigInt(number), or the codec uint for numbers.',
      )
    }
    unsigned[0] = value
    writeWords(target, offset, words[HIGH]!, words[LOW]!)
  }

  decodeFrom(source: Uint8Array, offset: number, _length: number): bigint {
    words[HIGH] = readWord(source, offset)
    words[LOW] = readWord(source, offset + 4)
    return unsigned[0]!
  }
}

class I64Codec extends ScalarCodec<bigint> {
  readonly id = 'i64'

  protected write(value: unknown, target: Uint8Array, offset: number, role: Role): void {
    if (typeof value !== 'bigint' || BigInt.asIntN(64, value) !== value) {
      const expected = 'a bigint from -(2n ** 63n) to 2n ** 63n - 1n'
      refuse(role, this.id, expected, value, 'Use BigInt(number), or the codec int for numbers.')
    }
    signed[0] = value
    writeWords(target, offset, words[HIGH]! ^ SIGN, words[LOW]!)
  }

  decodeFrom(source: Uint8Array, offset: number, _length: number): bigint {
    words[HIGH] = readWord(source, offset) ^ SIGN
    words[LOW] = readWord(source, offset + 4)
    return signed[0]!
  }
}

class F64Codec extends ScalarCodec<number> {
  readonly id = 'f64'

  protected write(value: unknown, target: Uint8Array, offset: number, role: Role): void {
    if (typeof value !== 'number' || Number.isNaN(value)) {
      refuse(
        role,
        this.id,
        'a number other than NaN',
        value,
        'NaN has no place in the order; leave the entry out, or store a marker.',
      )
    }
    // Adding 0 turns -0 into 0, which compares as equal and must be the same key.
    double[0] = value + 0
    const high = words[HIGH]!
    if (high >= SIGN) writeWords(target, offset, ~high, ~words[LOW]!)
    else writeWords(target, offset, high ^ SIGN, words[LOW]!)
  }

  decodeFrom(source: Uint8Array, offset: number, _length: number): number {
    const high = readWord(source, offset)
    const low = readWord(source, offset + 4)
    // The sign bit is set, and the word negative, where the number is not.
    words[HIGH] = high < 0 ? high ^ SIGN : ~high
    words[LOW] = high < 0 ? low : ~low
    return double[0]!
  }
}

class TimestampCodec extends ScalarCodec<Date> {
  readonly id = 'timestamp'

  protected write(value: unknown, target: Uint8Array, offset: number, role: Role): void {
    const millis =
      value instanceof Date || Object.prototype.toString.call(value) === '[object Date]' ? Number(value) : Number.NaN
    if (Number.isNaN(millis)) {
      refuse(
        role,
        this.id,
        'a valid Date',
        value,
        'Make one with new Date(milliseconds) or new Date(text), and check it for validity.',
      )
    }
    writeInteger(millis, target, offset)
  }

  decodeFrom(source: Uint8Array, offset: number, _length: number): Date {
    return new Date(readInteger(source, offset))
  }
}

class BooleanCodec extends ScalarCodec<boolean> {
  readonly id = 'boolean'
  override readonly fixedBytes = 1

  protected write(value: unknown, target: Uint8Array, offset: number, role: Role): void {
    if (typeof value !== 'boolean') refuse(role, this.id, 'true or false', value, 'Convert it with Boolean().')
    target[offset] = value ? 1 : 0
  }

  decodeFrom(source: Uint8Array, offset: number, _length: number): boolean {
    return source[offset] === 1
  }
}

/** Integers from 0 to 2^53 - 1. */
export const uint: KeyCodec<number> = new UintCodec()
/** Safe integers: from -(2^53 - 1) to 2^53 - 1. */
export const int: KeyCodec<number> = new IntCodec()
/** Bigints from 0 to 2^64 - 1. */
export const u64: KeyCodec<bigint> = new U64Codec()
/** Bigints from -2^63 to 2^63 - 1. */
export const i64: KeyCodec<bigint> = new I64Codec()
/** All numbers but NaN; -0 is stored as 0. */
export const f64: KeyCodec<number> = new F64Codec()
/** Dates, to the millisecond. Invalid ones are refused. */
export const timestamp: KeyCodec<Date> = new TimestampCodec()
/** `false` before `true`. */
export const boolean: KeyCodec<boolean> = new BooleanCodec()

import type { ByteBounds } from './direct-codec.ts'
import { DirectKeyCodec, NO_ROOM, successor } from './direct-codec.ts'
import type { KeyCodec } from './key-codec.ts'
import type { Role } from './refusal.ts'
import { KEY, refuse } from './refusal.ts'

const UUID_BYTES = 16
const UUID_LENGTH = 36
const HYPHEN = 0x2d
const ADVICE = 'Write it in its canonical form, such as 123e4567-e89b-12d3-a456-426614174000.'

const HEX: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

/** The value of a hexadecimal digit's character code, or -1. */
function digit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30
  const lower = code | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1
}

function isHyphenAt(index: number): boolean {
  return index === 8 || index === 13 || index === 18 || index === 23
}

/** Writes the digits of a uuid or of its beginning, the last byte padded with a zero, and returns how many there were, or -1. */
function writeDigits(text: string, target: Uint8Array, offset: number): number {
  let count = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (isHyphenAt(i)) {
      if (code !== HYPHEN) return -1
      continue
    }
    const value = digit(code)
    if (value < 0) return -1
    const at = offset + (count >>> 1)
    if ((count & 1) === 0) target[at] = value << 4
    else target[at] = target[at]! | value
    count++
  }
  return count
}

class UuidCodec extends DirectKeyCodec<string> {
  readonly id = 'uuid'
  override readonly fixedBytes = UUID_BYTES

  encodeInto(value: unknown, target: Uint8Array, offset: number, role: Role): number {
    if (target.length - offset < UUID_BYTES) return NO_ROOM
    if (typeof value !== 'string' || value.length !== UUID_LENGTH || writeDigits(value, target, offset) < 0) {
      return refuse(role, this.id, 'a uuid', value, ADVICE)
    }
    return UUID_BYTES
  }

  decodeFrom(source: Uint8Array, offset: number, _length: number): string {
    let text = ''
    for (let i = 0; i < UUID_BYTES; i++) {
      if (i === 4 || i === 6 || i === 8 || i === 10) text += '-'
      text += HEX[source[offset + i]!]!
    }
    return text
  }

  override isPart(bound: unknown): boolean {
    return typeof bound === 'string' && bound.length < UUID_LENGTH
  }

  /** A prefix may end in the middle of a byte. */
  override prefixBounds(prefix: unknown): ByteBounds {
    const digits = new Uint8Array(UUID_BYTES)
    const fits = typeof prefix === 'string' && prefix.length <= UUID_LENGTH
    const count = fits ? writeDigits(prefix, digits, 0) : -1
    if (count < 0) return refuse(KEY, this.id, 'the beginning of a uuid', prefix, ADVICE)
    const start = digits.slice(0, (count + 1) >>> 1)
    if ((count & 1) === 0) return { start, end: successor(start) }
    const last = start.slice()
    last[last.length - 1]! |= 0x0f
    return { start, end: successor(last) }
  }

  decode(bytes: Uint8Array): string {
    if (bytes.length === UUID_BYTES) return this.decodeFrom(bytes, 0, UUID_BYTES)
    return refuse(this.role, this.id, `${UUID_BYTES} bytes`, bytes, 'Decode only what this codec has encoded.')
  }
}

/** Uuids in their canonical form, of any case when written and in lower case when read, as 16 bytes. */
export const uuid: KeyCodec<string> = new UuidCodec()

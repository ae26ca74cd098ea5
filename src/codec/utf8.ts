import { VALUE_BYTES_MAX } from '../base/limits.ts'
import type { ByteBounds, EncodedValue } from './direct-codec.ts'
import { DirectKeyCodec, NO_ROOM, encodedKey, successor } from './direct-codec.ts'
import type { KeyCodec } from './key-codec.ts'
import type { Role } from './refusal.ts'
import { refuse, valueTooLarge } from './refusal.ts'

/** Strings up to here go character by character while they are ASCII: the calls to the encoder and decoder cost 50 and 130 ns. */
const ENCODE_LOOP_LENGTH_MAX = 20
const DECODE_LOOP_BYTES_MAX = 24

const encoder = new TextEncoder()
// ignoreBOM keeps a leading U+FEFF, which would otherwise be lost from the key or value.
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Writes `text`, which must be well-formed, and returns its length in bytes, or NO_ROOM. */
export function writeText(text: string, target: Uint8Array, offset: number): number {
  const { length } = text
  if (length > target.length - offset) return NO_ROOM
  if (length <= ENCODE_LOOP_LENGTH_MAX) {
    let i = 0
    for (; i < length; i++) {
      const code = text.charCodeAt(i)
      if (code > 0x7f) break
      target[offset + i] = code
    }
    if (i === length) return length
  }
  const { read, written } = encoder.encodeInto(text, offset === 0 ? target : target.subarray(offset))
  return read === length ? written : NO_ROOM
}

/** Points `into` at the encoding of `text`, which must be well-formed. */
export function writeTextValue(text: string, into: EncodedValue, id: string): void {
  let target = into.scratch
  let written = writeText(text, target, 0)
  if (written === NO_ROOM) {
    if (text.length > VALUE_BYTES_MAX) throw valueTooLarge(id)
    // A UTF-16 code unit becomes three bytes at most. The array is not kept beyond this value.
    target = new Uint8Array(Math.min(text.length * 3, VALUE_BYTES_MAX))
    written = writeText(text, target, 0)
    if (written === NO_ROOM) throw valueTooLarge(id)
  }
  into.bytes = target
  into.length = written
}

/** Reads text that `writeText` has written. */
export function readText(source: Uint8Array, offset: number, length: number): string {
  if (length > DECODE_LOOP_BYTES_MAX) return decoder.decode(source.subarray(offset, offset + length))
  const end = offset + length
  let text = ''
  let i = offset
  // Eight at a time: each addition to a string costs as much as the eight characters.
  for (; i + 8 <= end; i += 8) {
    const a = source[i]!
    const b = source[i + 1]!
    const c = source[i + 2]!
    const d = source[i + 3]!
    const e = source[i + 4]!
    const f = source[i + 5]!
    const g = source[i + 6]!
    const h = source[i + 7]!
    if ((a | b | c | d | e | f | g | h) > 0x7f) return decoder.decode(source.subarray(offset, end))
    text += String.fromCharCode(a, b, c, d, e, f, g, h)
  }
  for (; i < end; i++) {
    const code = source[i]!
    if (code > 0x7f) return decoder.decode(source.subarray(offset, end))
    text += String.fromCharCode(code)
  }
  return text
}

class Utf8Codec extends DirectKeyCodec<string> {
  readonly id = 'utf8'

  encodeInto(value: unknown, target: Uint8Array, offset: number, role: Role): number {
    return writeText(this.#checked(value, role), target, offset)
  }

  override encodeValue(value: unknown, into: EncodedValue, role: Role): void {
    writeTextValue(this.#checked(value, role), into, this.id)
  }

  decodeFrom(source: Uint8Array, offset: number, length: number): string {
    return readText(source, offset, length)
  }

  override prefixBounds(prefix: unknown): ByteBounds {
    const start = encodedKey(this, prefix, 0)
    return { start, end: successor(start) }
  }

  decode(bytes: Uint8Array): string {
    try {
      return readText(bytes, 0, bytes.length)
    } catch {
      return refuse(this.role, this.id, 'bytes that are UTF-8', bytes, 'Use the codec bytes for other data.')
    }
  }

  #checked(value: unknown, role: Role): string {
    if (typeof value !== 'string') {
      return refuse(
        role,
        this.id,
        'a string',
        value,
        'Convert it with String(), or declare the table with another codec.',
      )
    }
    if (value.isWellFormed()) return value
    return refuse(
      role,
      this.id,
      'a string without lone surrogates',
      value,
      'Call toWellFormed() on it, or use the codec bytes.',
    )
  }
}

/** Strings as UTF-8, in the order of their code points. */
export const utf8: KeyCodec<string> = new Utf8Codec()

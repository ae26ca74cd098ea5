import { DatabaseError } from '../base/errors.ts'
import { CODEC_ID_BYTES_MAX } from '../base/limits.ts'
import { NO_ROOM } from './direct-codec.ts'
import { describe } from './refusal.ts'
import { writeText } from './utf8.ts'

const scratch = new Uint8Array(CODEC_ID_BYTES_MAX)

/** Ids are stored with a zero byte between the key's and the value's, and shown in messages. */
function isId(id: unknown): id is string {
  return (
    typeof id === 'string' &&
    id.length > 0 &&
    id.isWellFormed() &&
    writeText(id, scratch, 0) !== NO_ROOM &&
    !/\p{Cc}/u.test(id)
  )
}

/** Refuses what is not a codec, or not one for keys where such a one is needed. `where` names the place for the message. */
export function checkCodec(codec: unknown, where: string, forKey: boolean): void {
  const refused = (expected: string, given: unknown, advice: string): never => {
    throw new DatabaseError(
      'MANIFOLD_INVALID_ARGUMENT',
      `Expected ${expected} as ${where}, but ${describe(given)} was given. ${advice}`,
    )
  }
  if (typeof codec !== 'object' || codec === null) {
    const advice =
      typeof codec === 'function' ? 'Was the call forgotten, as in json()?' : 'Give one such as utf8 or json().'
    return refused('a codec', codec, advice)
  }
  const { id, encode, decode, ordered } = codec as Record<string, unknown>
  if (!isId(id))
    refused(
      `a codec whose id is a string of 1 to ${CODEC_ID_BYTES_MAX} bytes of UTF-8 without control characters`,
      id,
      'Name it.',
    )
  if (typeof encode !== 'function' || typeof decode !== 'function')
    refused('a codec', codec, 'A codec has an id, encode() and decode().')
  if (forKey && ordered !== true) {
    const advice =
      'Use one such as uint, utf8 or tuple(). An own codec that keeps the order says so with ordered: true.'
    refused('a codec for keys', `codec ${String(id)}`, advice)
  }
}

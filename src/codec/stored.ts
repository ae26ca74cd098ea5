import { DatabaseError } from '../base/errors.ts'
import type { Lender } from './copy-out.ts'
import type { DirectValueCodec } from './direct-codec.ts'
import type { Role } from './refusal.ts'
import { KEY, VALUE } from './refusal.ts'
import type { Bytes } from './value-codec.ts'

/**
 * Decoding of what a file holds. Checksums keep out damage, not a file that something else has written: where the bytes
 * are not what the codec writes, that is refused with the role's code, whatever decoding them throws.
 */
export function decodeStored<V>(
  codec: DirectValueCodec<V>,
  role: Role,
  source: Uint8Array,
  offset: number,
  length: number,
): V {
  if (length < codec.fixedBytes) throw misfit(codec.id, role, `${length} bytes`)
  try {
    return codec.decodeFrom(source, offset, length)
  } catch (error) {
    throw misfit(codec.id, role, error)
  }
}

/** The same, for a value that begins at a multiple of eight bytes of shared memory, of which `words` is a view. */
export function decodeAlignedValue<V>(
  codec: DirectValueCodec<V>,
  words: Int32Array,
  source: Uint8Array,
  offset: number,
  length: number,
): V {
  if (length < codec.fixedBytes) throw misfit(codec.id, VALUE, `${length} bytes`)
  try {
    return codec.decodeAligned(words, source, offset, length)
  } catch (error) {
    throw misfit(codec.id, VALUE, error)
  }
}

/** The same, for a value in an array of its own, which the result may be. */
export function decodeOwnedValue<V>(codec: DirectValueCodec<V>, bytes: Bytes): V {
  if (bytes.length < codec.fixedBytes) throw misfit(codec.id, VALUE, `${bytes.length} bytes`)
  try {
    return codec.decodeOwned(bytes)
  } catch (error) {
    throw misfit(codec.id, VALUE, error)
  }
}

/** The same, but byte arrays in the result are valid only until the lender is used again. */
export function lendStored<V>(
  codec: DirectValueCodec<V>,
  role: Role,
  source: Uint8Array,
  offset: number,
  length: number,
  lender: Lender,
): V {
  if (length < codec.fixedBytes) throw misfit(codec.id, role, `${length} bytes`)
  try {
    return codec.lendFrom(source, offset, length, lender)
  } catch (error) {
    throw misfit(codec.id, role, error)
  }
}

function misfit(id: string, role: Role, cause: unknown): DatabaseError {
  // A codec of the caller's own has told already what is wrong.
  if (cause instanceof DatabaseError) return cause
  const reason = cause instanceof Error ? cause.message : String(cause)
  const what = role === KEY ? 'key' : 'value'
  return new DatabaseError(
    role,
    `A stored ${what} is not what the codec '${id}' writes: ${reason}. Something else has written the file; restore it from a backup.`,
    { cause },
  )
}

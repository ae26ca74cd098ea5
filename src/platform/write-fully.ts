import type { File } from './file-system.ts'

/** What can be written to off the caller's thread. */
type Writable = Pick<File, 'path' | 'write'>

/** The parts of `parts` that are left after `written` bytes. */
function remaining(parts: readonly Uint8Array[], written: number): Uint8Array[] {
  const rest: Uint8Array[] = []
  for (const part of parts) {
    if (written >= part.length) written -= part.length
    else {
      rest.push(written === 0 ? part : part.subarray(written))
      written = 0
    }
  }
  return rest
}

/** A write that makes no progress and reports no error would loop for ever. */
function noProgress(file: Pick<File, 'path'>): Error {
  return Object.assign(new Error(`EIO: ${file.path} accepted none of the bytes written to it`), { code: 'EIO' })
}

/** Writes all of `parts`. A short write (a full disk, a signal, a file size limit) is continued; its continuation then reports the error, if there is one. */
export function writeFullySync(file: File, parts: readonly Uint8Array[], position: number): void {
  let left = parts
  for (;;) {
    const written = file.writeSync(left, position)
    left = remaining(left, written)
    if (left.length === 0) return
    if (written === 0) throw noProgress(file)
    position += written
  }
}

/** The same, off the caller's thread. */
export async function writeFully(file: Writable, parts: readonly Uint8Array[], position: number): Promise<void> {
  let left = parts
  for (;;) {
    const written = await file.write(left, position)
    left = remaining(left, written)
    if (left.length === 0) return
    if (written === 0) throw noProgress(file)
    position += written
  }
}

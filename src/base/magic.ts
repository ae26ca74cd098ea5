/** The characters that a file of a format begins with, one byte each. */
export function writeMagic(bytes: Uint8Array, magic: string): void {
  for (let i = 0; i < magic.length; i++) bytes[i] = magic.charCodeAt(i)
}

/** True if the bytes begin so. */
export function hasMagic(bytes: Uint8Array, magic: string): boolean {
  for (let i = 0; i < magic.length; i++) if (bytes[i] !== magic.charCodeAt(i)) return false
  return true
}

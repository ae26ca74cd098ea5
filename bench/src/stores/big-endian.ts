/** 8 bytes whose order is the order of the numbers, as the native rivals write them. */
export function bigEndian(key: number): Buffer {
  const buffer = Buffer.allocUnsafe(8)
  buffer.writeUInt32BE(Math.floor(key / 0x1_0000_0000), 0)
  buffer.writeUInt32BE(key >>> 0, 4)
  return buffer
}

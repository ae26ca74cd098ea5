import { KEY_BYTES_MAX } from '../base/limits.ts'
import { copyIn } from './page-stage.ts'

/** A key in a buffer of its own. */
export class KeyBuffer {
  readonly bytes: Uint8Array<ArrayBuffer> = new Uint8Array(KEY_BYTES_MAX)
  length = 0

  assign(source: Uint8Array, at: number, length: number): void {
    copyIn(this.bytes, 0, source, at, length)
    this.length = length
  }
}

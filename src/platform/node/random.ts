import { randomFillSync } from 'node:crypto'
import type { Random } from '../random.ts'

export const nodeRandom: Random = {
  fill(target: Uint8Array): void {
    randomFillSync(target)
  },
}

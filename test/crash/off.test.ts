import { cutEverywhere } from './scripts.ts'

cutEverywhere('off', ['checkpoints', 'long values', 'close and open', 'deletions and range deletions'])

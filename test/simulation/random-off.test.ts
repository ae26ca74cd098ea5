import { exploring } from './random.ts'

exploring('off', { none: 18_000, failures: 12_000, damage: 4_000 })

import { exploring } from './random.ts'

exploring('async', { none: 26_000, failures: 18_000, damage: 6_000 })

import { exploring } from './random.ts'

exploring('sync', { none: 26_000, failures: 18_000, damage: 6_000 })

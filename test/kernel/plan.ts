import type { Durability } from '../../src/index.ts'
import { bytes, table, uint, utf8 } from '../../src/index.ts'
import { SeededRandom } from '../../src/platform/simulated/random.ts'

/**
 * What is written, as a function of a seed: step `n` of a lane is one commit, and always the same. Whoever knows the seed
 * and how far each lane has come therefore knows the whole database, and a child that has been killed need not be asked.
 *
 * Lanes write at the same time. A lane's steps all touch its own first family, whose lock puts them in order; some go on to
 * its second family, and some to a family that all lanes share.
 */
export const LANES: readonly number[] = [0, 1, 2]
export const SHARED_FAMILY = 'shared'
/** In every family that a step touches: the lane, and the number of the step. */
export const PROGRESS = table('progress', { key: uint, value: uint })
export const TABLES = [table('t', { key: utf8, value: bytes }), table('u', { key: utf8, value: bytes })] as const

export type Change =
  | {
      readonly kind: 'put'
      readonly table: number
      readonly key: string
      readonly length: number
      readonly fill: number
    }
  | { readonly kind: 'delete'; readonly table: number; readonly key: string }
  | { readonly kind: 'deleteRange'; readonly table: number; readonly gte: string; readonly lt: string }
  | { readonly kind: 'clear'; readonly table: number }

export interface Step {
  readonly durability: Durability
  /** Through `writeSync`, where the locks are free. */
  readonly blocking: boolean
  /** Changes by family, in the order in which they are made. The shared family has none but its progress. */
  readonly families: ReadonlyMap<string, readonly Change[]>
}

const KEYS = 40
const DURABILITIES: readonly Durability[] = ['immediate', 'immediate', 'eventual', 'none']

export function firstFamily(lane: number): string {
  return `first${lane}`
}

export function secondFamily(lane: number): string {
  return `second${lane}`
}

function someKey(random: SeededRandom): string {
  return `k${String(random.below(KEYS)).padStart(2, '0')}`
}

function someChange(random: SeededRandom): Change {
  const target = random.below(TABLES.length)
  const kind = random.below(50)
  if (kind === 0) return { kind: 'clear', table: target }
  const key = someKey(random)
  if (kind < 8) return { kind: 'delete', table: target, key }
  if (kind < 10) return { kind: 'deleteRange', table: target, gte: key, lt: someKey(random) }
  const length = random.chance(0.1) ? 8000 + random.below(20_000) : random.below(300)
  return { kind: 'put', table: target, key, length, fill: random.below(1000) }
}

/** Step `number` of the lane, from 1 on. */
export function stepOf(seed: number, lane: number, number: number): Step {
  const random = new SeededRandom(Math.imul(seed, 0x9e3779b1) ^ Math.imul(lane + 1, 0x85ebca6b) ^ number)
  const changes = (): Change[] => Array.from({ length: 1 + random.below(5) }, () => someChange(random))
  const families = new Map([[firstFamily(lane), changes()]])
  if (random.chance(0.3)) families.set(secondFamily(lane), changes())
  if (random.chance(0.2)) families.set(SHARED_FAMILY, [])
  return {
    durability: DURABILITIES[random.below(DURABILITIES.length)]!,
    blocking: random.chance(0.15),
    families,
  }
}

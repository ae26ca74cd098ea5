import type { Engine } from '../engine/engine.ts'
import { refuseOption } from './durability.ts'

/** A column family, as far as a transaction or a snapshot has to know it. */
export interface NamedFamily {
  readonly name: string
}

/** Which database a handle is of: families of two databases may have the same name. */
const owners: WeakMap<object, Engine> = new WeakMap()

/** To be called once for each handle. */
export function ownFamily(family: NamedFamily, engine: Engine): void {
  owners.set(family, engine)
}

/** The name of what was given as a column family. Refuses what is none, and one of another database. */
export function nameOf(family: NamedFamily, engine: Engine): string {
  const given: unknown = family
  const isOwn = typeof given === 'object' && given !== null && owners.get(given) === engine
  return isOwn
    ? family.name
    : refuseOption('family', 'a column family of this database', given, 'Take it from columnFamily().')
}

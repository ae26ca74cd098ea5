import type { History, Transaction } from './history.ts'

export interface SlotVersion {
  readonly slot: number
  readonly version: number
}

/** What a transaction shows to others and has seen of them, once its own writes and rollbacks are taken into account. */
export interface Footprint {
  /** Reads of what others wrote. */
  readonly reads: readonly SlotVersion[]
  /** The last write to each slot that was not taken back. */
  readonly writes: ReadonlyMap<number, number>
  /** All writes that were not taken back, in their order. */
  readonly lasting: readonly SlotVersion[]
  /** A renaming of one family to another. */
  readonly move: { readonly from: number; readonly to: number } | undefined
  /** Reads that did not return what the transaction itself had written, in words. */
  readonly blind: readonly string[]
}

export function footprint(history: History, transaction: Transaction): Footprint {
  const reads: SlotVersion[] = []
  let lasting: SlotVersion[] = []
  let own = new Map<number, number>()
  const savepoints: SlotVersion[][] = []
  const blind: string[] = []
  let move: Footprint['move']
  for (const step of transaction.steps) {
    switch (step.do) {
      case 'read': {
        const expected = own.get(step.slot)
        if (expected === undefined) reads.push(step)
        else if (expected !== step.version)
          blind.push(`${history.slotName(step.slot)} was v${expected} by its own hand, and v${step.version} was read`)
        break
      }
      case 'write':
        own.set(step.slot, step.version)
        lasting.push(step)
        break
      case 'savepoint':
        savepoints.push([...lasting])
        break
      case 'rollback':
        lasting = [...savepoints[step.to]!]
        savepoints.length = step.to + 1
        own = new Map(lasting.map(({ slot, version }) => [slot, version]))
        break
      case 'move':
        move = step
        break
    }
  }
  return { reads, writes: own, lasting, move, blind }
}

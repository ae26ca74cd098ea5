import { footprint } from './footprint.ts'
import type { History } from './history.ts'
import type { Anomaly } from './serializability.ts'
import { checkSerializability } from './serializability.ts'
import { VersionOrder } from './version-order.ts'
import { checkImages, checkVisibility } from './visibility.ts'

/** Everything that is wrong with a history; empty where an order of all transactions explains it. */
export function check(history: History): Anomaly[] {
  const footprints = history.transactions.map(transaction => footprint(history, transaction))
  const order = new VersionOrder(history, footprints)
  return [
    ...checkVisibility(history, footprints, order),
    ...checkSerializability(history, footprints, order),
    ...checkImages(history, order),
  ]
}

import { DependencyGraph } from './dependency-graph.ts'
import type { Edge } from './dependency-graph.ts'
import type { Footprint } from './footprint.ts'
import type { History, Transaction } from './history.ts'
import type { Place, VersionOrder } from './version-order.ts'

/** Something that must not be, in words. */
export interface Anomaly {
  readonly kind: string
  readonly text: string
}

/**
 * Looks for an order of all transactions, one after the other, in which each reads what it has read, and in which one that
 * had ended before another began comes before it (strict serialisability). There is one unless the dependencies between
 * them make a cycle, and each cycle is told as what it is.
 */
export function checkSerializability(
  history: History,
  footprints: readonly Footprint[],
  order: VersionOrder,
): Anomaly[] {
  const graph = new DependencyGraph(history.transactions.length)
  for (let slot = 0; slot < order.slotCount; slot++) {
    for (const { writer, next } of order.places(slot))
      if (writer !== undefined && next !== undefined) graph.add(writer.id, next.id, 'ww', slot)
  }
  for (const transaction of history.transactions) {
    for (const { slot, version } of footprints[transaction.id]!.reads) {
      const place = order.find(slot, version, claimOf(transaction))
      if (place !== undefined) addRead(graph, transaction, slot, place)
    }
  }
  addTime(graph, history)
  return graph.cycles().map(cycle => explain(history, contract(cycle, history.transactions.length)))
}

/** The sequence of the last commit that a transaction should see. */
export function claimOf({ kind, cut, sequence }: Transaction): number | undefined {
  if (kind === 'read') return cut
  return sequence === undefined ? undefined : sequence - 1
}

function addRead(graph: DependencyGraph, reader: Transaction, slot: number, { writer, next }: Place): void {
  if (writer !== undefined) graph.add(writer.id, reader.id, 'wr', slot)
  if (next !== undefined) graph.add(reader.id, next.id, 'rw', slot)
}

/**
 * Real time, with an edge or two for each transaction: moments make a chain, in which what has ended leads into the next
 * moment, and each moment leads to what begins after it.
 */
function addTime(graph: DependencyGraph, history: History): void {
  const events: { readonly time: number; readonly node: number; readonly begins: boolean }[] = []
  for (const { id, begun, ended } of history.transactions) {
    events.push({ time: begun, node: id, begins: true })
    if (ended !== Infinity) events.push({ time: ended, node: id, begins: false })
  }
  events.sort((a, b) => a.time - b.time)
  let moment: number | undefined
  let endedSince: number[] = []
  for (const { node, begins } of events) {
    if (!begins) {
      endedSince.push(node)
      continue
    }
    if (endedSince.length > 0) {
      const next = graph.newNode()
      for (const ended of endedSince) graph.add(ended, next, 'rt')
      if (moment !== undefined) graph.add(moment, next, 'rt')
      moment = next
      endedSince = []
    }
    if (moment !== undefined) graph.add(moment, node, 'rt')
  }
}

/** The cycle without its moments. It begins with a transaction, since moments alone lead forward only. */
function contract(cycle: readonly Edge[], transactions: number): Edge[] {
  const start = cycle.findIndex(({ from }) => from < transactions)
  const turned = [...cycle.slice(start), ...cycle.slice(0, start)]
  const edges: Edge[] = []
  let pending: Edge | undefined
  for (const edge of turned) {
    const whole: Edge = pending === undefined ? edge : { ...pending, to: edge.to }
    if (edge.to < transactions) {
      edges.push(whole)
      pending = undefined
    } else pending = whole
  }
  return edges
}

function explain(history: History, cycle: readonly Edge[]): Anomaly {
  const kind = kindOf(cycle)
  const lines = cycle.map(edge => `  ${sentence(history, edge)}`)
  const members = [...new Set(cycle.map(({ from }) => from))].map(id => `  ${describe(history.transactions[id]!)}`)
  return {
    kind,
    text: [`${kind}: no order fits these ${members.length} transactions`, ...members, 'because', ...lines].join('\n'),
  }
}

export function describe({ id, what, begun, ended, sequence, cut, outcome }: Transaction): string {
  const place = sequence === undefined ? (cut === undefined ? '' : `, cut ${cut}`) : `, sequence ${sequence}`
  return `T${id} (${what}, ${outcome}, from ${begun} to ${ended}${place})`
}

function sentence(history: History, { from, to, dependency, slot }: Edge): string {
  const [a, b, what] = [`T${from}`, `T${to}`, slot < 0 ? '' : history.slotName(slot)]
  switch (dependency) {
    case 'ww':
      return `${a} -ww-> ${b}: ${b} replaced what ${a} wrote to ${what}`
    case 'wr':
      return `${a} -wr-> ${b}: ${b} read what ${a} wrote to ${what}`
    case 'rw':
      return `${a} -rw-> ${b}: ${b} replaced what ${a} read in ${what}`
    case 'rt':
      return `${a} -rt-> ${b}: ${a} had ended when ${b} began`
  }
}

/** The name that the literature has for such a cycle. */
function kindOf(cycle: readonly Edge[]): string {
  const count = (wanted: string): number => cycle.filter(({ dependency }) => dependency === wanted).length
  const [ww, wr, rw, rt] = [count('ww'), count('wr'), count('rw'), count('rt')]
  if (rw === 0) {
    if (rt > 0) return 'commit before its time'
    return wr === 0 ? 'write cycle (G0)' : 'circular information flow (G1c)'
  }
  if (rt > 0) return rw === 1 ? 'stale read' : 'stale reads'
  if (rw > 1) return 'write skew (G2)'
  if (ww > 0 && wr === 0) return 'lost update (G-single)'
  return 'fractured read (G-single)'
}

/**
 * Why one transaction must come before another (Adya):
 *
 *   ww  the second one replaced what the first one wrote
 *   wr  the second one read what the first one wrote
 *   rw  the second one replaced what the first one read
 *   rt  the second one began when the first one had ended
 */
export type Dependency = 'ww' | 'wr' | 'rw' | 'rt'
const DEPENDENCIES: readonly Dependency[] = ['ww', 'wr', 'rw', 'rt']

export interface Edge {
  readonly from: number
  readonly to: number
  readonly dependency: Dependency
  /** The slot that they share; -1 for 'rt'. */
  readonly slot: number
}

/** A directed graph over numbered nodes, and its cycles, in time linear in nodes and edges. */
export class DependencyGraph {
  #nodes: number
  readonly #from: number[] = []
  readonly #to: number[] = []
  readonly #dependencies: number[] = []
  readonly #slots: number[] = []

  constructor(nodes: number) {
    this.#nodes = nodes
  }

  /** A node that stands for a moment. */
  newNode(): number {
    return this.#nodes++
  }

  add(from: number, to: number, dependency: Dependency, slot = -1): void {
    if (from === to) return
    this.#from.push(from)
    this.#to.push(to)
    this.#dependencies.push(DEPENDENCIES.indexOf(dependency))
    this.#slots.push(slot)
  }

  get edges(): number {
    return this.#from.length
  }

  /** One short cycle out of each knot: each set of nodes that can all reach one another. */
  cycles(): Edge[][] {
    const outgoing = new Outgoing(this.#nodes, this.#from)
    const component = components(outgoing, this.#to)
    const sizes = new Map<number, number>()
    for (const each of component) sizes.set(each, (sizes.get(each) ?? 0) + 1)
    const seen = new Set<number>()
    const cycles: Edge[][] = []
    for (let node = 0; node < this.#nodes; node++) {
      const knot = component[node]!
      if (sizes.get(knot) === 1 || seen.has(knot)) continue
      seen.add(knot)
      cycles.push(this.#shortest(component, knot, outgoing))
    }
    return cycles
  }

  /** The shortest cycle through one of the knot's first nodes. */
  #shortest(component: Int32Array, knot: number, outgoing: Outgoing): Edge[] {
    let shortest: Edge[] | undefined
    let tried = 0
    for (let node = 0; node < this.#nodes && tried < STARTS_MAX; node++) {
      if (component[node] !== knot) continue
      tried++
      const cycle = this.#cycleThrough(node, component, outgoing)
      if (shortest === undefined || cycle.length < shortest.length) shortest = cycle
    }
    return shortest!
  }

  /** Breadth first, within the node's knot, so that there is a way back. */
  #cycleThrough(start: number, component: Int32Array, outgoing: Outgoing): Edge[] {
    const reachedBy = new Map<number, number>()
    const queue = [start]
    for (const node of queue) {
      for (const edge of outgoing.of(node)) {
        const to = this.#to[edge]!
        if (component[to] !== component[start] || reachedBy.has(to)) continue
        reachedBy.set(to, edge)
        if (to === start) return this.#wayBack(start, reachedBy)
        queue.push(to)
      }
    }
    throw new Error('every node of a knot lies on a cycle')
  }

  #wayBack(start: number, reachedBy: ReadonlyMap<number, number>): Edge[] {
    const cycle: Edge[] = []
    let node = start
    do {
      const edge = reachedBy.get(node)!
      node = this.#from[edge]!
      const dependency = DEPENDENCIES[this.#dependencies[edge]!]!
      cycle.unshift({ from: node, to: this.#to[edge]!, dependency, slot: this.#slots[edge]! })
    } while (node !== start)
    return cycle
  }
}

/** Nodes of a knot from which a short cycle is looked for. */
const STARTS_MAX = 50

/** The edges that leave each node. */
class Outgoing {
  readonly starts: Int32Array
  readonly edges: Int32Array

  constructor(nodes: number, from: readonly number[]) {
    this.starts = new Int32Array(nodes + 1)
    for (const node of from) this.starts[node + 1]!++
    for (let node = 0; node < nodes; node++) this.starts[node + 1]! += this.starts[node]!
    const next = this.starts.slice()
    this.edges = new Int32Array(from.length)
    for (let edge = 0; edge < from.length; edge++) this.edges[next[from[edge]!]!++] = edge
  }

  of(node: number): Int32Array {
    return this.edges.subarray(this.starts[node], this.starts[node + 1])
  }
}

/** Tarjan's strongly connected components, without recursion: the number of each node's component. */
function components({ starts, edges }: Outgoing, to: readonly number[]): Int32Array {
  const nodes = starts.length - 1
  const component = new Int32Array(nodes).fill(-1)
  const index = new Int32Array(nodes).fill(-1)
  const low = new Int32Array(nodes)
  const next = starts.slice()
  const open: number[] = []
  let indexes = 0
  let count = 0
  for (let root = 0; root < nodes; root++) {
    if (index[root] !== -1) continue
    const path = [root]
    while (path.length > 0) {
      const node = path.at(-1)!
      if (index[node] === -1) {
        index[node] = low[node] = indexes++
        open.push(node)
      }
      if (next[node]! < starts[node + 1]!) {
        const target = to[edges[next[node]!++]!]!
        if (index[target] === -1) path.push(target)
        else if (component[target] === -1) low[node] = Math.min(low[node]!, index[target]!)
        continue
      }
      path.pop()
      const parent = path.at(-1)
      if (parent !== undefined) low[parent] = Math.min(low[parent]!, low[node]!)
      if (low[node] !== index[node]) continue
      for (let member = -1; member !== node;) {
        member = open.pop()!
        component[member] = count
      }
      count++
    }
  }
  return component
}

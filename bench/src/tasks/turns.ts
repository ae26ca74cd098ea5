import { performance } from 'node:perf_hooks'
import type { Figures } from '../processes.ts'
import { Latencies } from './latencies.ts'

export interface TurnsParameters {
  /** How many writers there are at once; each awaits its write before it begins the next. */
  readonly writers: number
  /** Entries in one transaction, which is one turn. */
  readonly batch: number
  /** Not counted: caches, compiler and files are cold. */
  readonly warmMillis: number
  readonly milliseconds: number
  /** Ends the run after so many entries, however long they take, and counts from the first one. */
  readonly entries?: number
}

export type Step = (turn: number, writer: number) => Promise<unknown> | undefined

/** Writers that take one turn after the other; what ends inside the measured time counts. */
export async function inTurns(parameters: TurnsParameters, step: Step): Promise<Figures> {
  const { writers, batch, warmMillis, milliseconds, entries } = parameters
  const latencies = new Latencies()
  const turns = entries === undefined ? Infinity : Math.ceil(entries / batch)
  const begin = performance.now() + (entries === undefined ? warmMillis : 0)
  const end = entries === undefined ? begin + milliseconds : Infinity
  let turn = 0
  let last = begin
  const write = async (writer: number): Promise<void> => {
    let began = performance.now()
    while (began < end && turn < turns) {
      await step(turn++, writer)
      const now = performance.now()
      if (now >= begin) {
        latencies.add(now - began)
        last = now
      }
      began = now
    }
  }
  await Promise.all(Array.from({ length: writers }, (_, writer) => write(writer)))
  const seconds = (last - begin) / 1000
  return { entriesPerSecond: (latencies.count * batch) / seconds, seconds, ...latencies.figures() }
}

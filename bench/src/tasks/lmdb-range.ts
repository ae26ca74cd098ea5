import { join } from 'node:path'
import type { Figures } from '../processes.ts'
import { Values, keysOf } from '../workload.ts'
import { checkSeen, measure, sink } from './measure.ts'

/** The part of the npm package `lmdb` that is used here; the package may be missing. */
interface Lmdb {
  open(options: object): {
    transaction<R>(body: () => R): Promise<R>
    put(key: number | Uint8Array, value: Uint8Array): Promise<boolean>
    getRange(): Iterable<{ readonly key: number | Uint8Array; readonly value: Uint8Array }>
    close(): Promise<void>
  }
}

interface Parameters {
  readonly directory: string
  readonly entries: number
  readonly valueBytes: number
  readonly milliseconds: number
  /** Numbers by lmdb's own order-preserving encoding, or 8 big-endian bytes. */
  readonly keys: 'ordered-binary' | 'binary'
}

function bigEndian(key: number): Buffer {
  const buffer = Buffer.allocUnsafe(8)
  buffer.writeUInt32BE(Math.floor(key / 0x1_0000_0000), 0)
  buffer.writeUInt32BE(key >>> 0, 4)
  return buffer
}

/** The same entries in lmdb, read in order by `getRange`. */
export async function lmdbRange(parameters: Parameters): Promise<Figures> {
  const name = 'lmdb'
  const lmdb = (await import(name)) as Lmdb
  const path = join(parameters.directory, 'bench.lmdb')
  const db = lmdb.open({ path, encoding: 'binary', keyEncoding: parameters.keys, noSync: true })
  const keys = keysOf(0, parameters.entries, 'random')
  const values = new Values(parameters.valueBytes)
  for (let begin = 0; begin < keys.length; begin += 1000) {
    await db.transaction(() => {
      for (let i = begin; i < Math.min(keys.length, begin + 1000); i++) {
        void db.put(parameters.keys === 'binary' ? bigEndian(keys[i]!) : keys[i]!, values.at(0, i))
      }
    })
  }
  const entriesPerSecond = measure(parameters.milliseconds, parameters.entries, () => {
    let seen = 0
    for (const { key, value } of db.getRange()) {
      sink.sum += (typeof key === 'number' ? key : key[7]!) + value.length + value[0]!
      seen++
    }
    checkSeen(seen, parameters.entries, 'lmdb')
  })
  await db.close()
  return { entriesPerSecond }
}

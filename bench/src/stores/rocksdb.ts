import { join } from 'node:path'
import { sink } from '../tasks/measure.ts'
import type { Source } from '../workload.ts'
import { bigEndian } from './big-endian.ts'
import type { Store, StoreOptions } from './store.ts'

type Done = (error?: Error | null) => void

/** The part of the npm package `rocksdb` that is used here; the package may be missing. It knows callbacks only. */
interface RocksModule {
  readonly default: (location: string) => Rocks
}

interface Rocks {
  open(options: object, done: Done): void
  put(key: Buffer, value: Buffer, options: object, done: Done): void
  batch(operations: readonly object[], options: object, done: Done): void
  get(key: Buffer, done: (error: Error | null, value?: Buffer) => void): void
  iterator(options: object): RocksIterator
  compactRange(start: Buffer, end: Buffer, done: Done): void
  close(done: Done): void
}

interface RocksIterator {
  next(done: (error?: Error | null, key?: Buffer, value?: Buffer) => void): void
  end(done: Done): void
}

function promised(call: (done: Done) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    call(error => {
      if (error) reject(error)
      else resolve()
    })
  })
}

/** It takes Buffers; any other array of bytes it would write as text. */
function buffer(value: Uint8Array): Buffer {
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
}

class RocksStore implements Store {
  readonly #db: Rocks
  readonly #options: { readonly sync: boolean }

  constructor(db: Rocks, sync: boolean) {
    this.#db = db
    this.#options = { sync }
  }

  put(key: number, value: Uint8Array): Promise<unknown> {
    return promised(done => this.#db.put(bigEndian(key), buffer(value), this.#options, done))
  }

  batch(source: Source, begin: number, end: number): Promise<unknown> {
    const operations: object[] = []
    for (let i = begin; i < end; i++) {
      operations.push({ type: 'put', key: bigEndian(source.key(i)), value: buffer(source.value(i)) })
    }
    return promised(done => this.#db.batch(operations, this.#options, done))
  }

  get(key: number): Promise<Uint8Array | undefined> {
    return new Promise((resolve, reject) => {
      this.#db.get(bigEndian(key), (error, value) => {
        // It has no code for a missing key, only this message.
        if (error && !error.message.startsWith('NotFound')) reject(error)
        else resolve(value)
      })
    })
  }

  async range(from: number, limit: number): Promise<number> {
    const iterator = this.#db.iterator({ gte: bigEndian(from), limit: limit === Infinity ? -1 : limit })
    const seen = await new Promise<number>((resolve, reject) => {
      let count = 0
      const step = (error?: Error | null, key?: Buffer, value?: Buffer): void => {
        if (error) reject(error)
        else if (key === undefined || value === undefined) resolve(count)
        else {
          sink.sum += key[7]! + value.length + value[0]!
          count++
          iterator.next(step)
        }
      }
      iterator.next(step)
    })
    await promised(done => iterator.end(done))
    return seen
  }

  settle(): Promise<unknown> {
    return promised(done => this.#db.compactRange(Buffer.alloc(8), Buffer.alloc(8, 0xff), done))
  }

  close(): Promise<unknown> {
    return promised(done => this.#db.close(done))
  }
}

const KEEP_LOG_BYTES = 2 ** 30

/** No compressor, as everywhere, and a cache that holds all that is read; otherwise as its authors ship it. */
export async function openRocks({ directory, level, keepLog }: StoreOptions): Promise<Store> {
  const name = 'rocksdb'
  const { default: rocksdb } = (await import(name)) as RocksModule
  const db = rocksdb(join(directory, 'bench.rocksdb'))
  const options = {
    compression: false,
    cacheSize: 256 << 20,
    ...(keepLog === true ? { writeBufferSize: KEEP_LOG_BYTES } : {}),
  }
  await promised(done => db.open(options, done))
  return new RocksStore(db, level === 'synced')
}

import { join } from 'node:path'
import { sink } from '../tasks/measure.ts'
import type { Source } from '../workload.ts'
import { bigEndian } from './big-endian.ts'
import type { Store, StoreOptions } from './store.ts'

/** The part of the npm package `classic-level` that is used here; the package may be missing. */
interface ClassicLevelModule {
  readonly ClassicLevel: new (location: string, options: object) => Level
}

interface Level {
  open(): Promise<void>
  put(key: Uint8Array, value: Uint8Array, options: object): Promise<void>
  batch(operations: readonly object[], options: object): Promise<void>
  getSync(key: Uint8Array): Uint8Array | undefined
  iterator(options: object): LevelIterator
  compactRange(start: Uint8Array, end: Uint8Array): Promise<void>
  close(): Promise<void>
}

interface LevelIterator {
  nextv(size: number): Promise<[Uint8Array, Uint8Array][]>
  close(): Promise<void>
}

const RANGE_STEP = 1000
const LOWEST = new Uint8Array(8)
const HIGHEST = new Uint8Array(8).fill(0xff)

class ClassicLevelStore implements Store {
  readonly #db: Level
  readonly #options: { readonly sync: boolean }

  constructor(db: Level, sync: boolean) {
    this.#db = db
    this.#options = { sync }
  }

  put(key: number, value: Uint8Array): Promise<unknown> {
    return this.#db.put(bigEndian(key), value, this.#options)
  }

  batch(source: Source, begin: number, end: number): Promise<unknown> {
    const operations = []
    for (let i = begin; i < end; i++) {
      operations.push({ type: 'put', key: bigEndian(source.key(i)), value: source.value(i) })
    }
    return this.#db.batch(operations, this.#options)
  }

  get(key: number): Uint8Array | undefined {
    return this.#db.getSync(bigEndian(key))
  }

  async range(from: number, limit: number): Promise<number> {
    const iterator = this.#db.iterator({ gte: bigEndian(from), limit: limit === Infinity ? -1 : limit })
    let seen = 0
    for (;;) {
      const entries = await iterator.nextv(Math.min(limit, RANGE_STEP))
      if (entries.length === 0) break
      for (const [key, value] of entries) sink.sum += key[7]! + value.length + value[0]!
      seen += entries.length
      if (seen >= limit) break
    }
    await iterator.close()
    return seen
  }

  settle(): Promise<unknown> {
    return this.#db.compactRange(LOWEST, HIGHEST)
  }

  close(): Promise<unknown> {
    return this.#db.close()
  }
}

const KEEP_LOG_BYTES = 2 ** 30

/** No compressor, as everywhere, and a cache that holds all that is read; otherwise as its authors ship it. */
export async function openClassicLevel({ directory, level, keepLog }: StoreOptions): Promise<Store> {
  const name = 'classic-level'
  const { ClassicLevel } = (await import(name)) as ClassicLevelModule
  const db = new ClassicLevel(join(directory, 'bench.level'), {
    keyEncoding: 'view',
    valueEncoding: 'view',
    compression: false,
    cacheSize: 256 << 20,
    ...(keepLog === true ? { writeBufferSize: KEEP_LOG_BYTES } : {}),
  })
  await db.open()
  return new ClassicLevelStore(db, level === 'synced')
}

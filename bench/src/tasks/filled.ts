import { Database } from '../engine.ts'
import { Values, keysOf } from '../workload.ts'
import { databasePath, writeStream } from './store.ts'

/** Room for every benchmark's entries in the memtable, so that no checkpoint begins by itself. */
const WRITE_BUFFER_BYTES = 1 << 30

export interface FilledParameters {
  readonly directory: string
  readonly entries: number
  readonly valueBytes: number
  readonly state: 'memtable' | 'tree'
}

/** A database whose random keys are all in the memtable, or all in the tree and none in the memtable. */
export async function filled(parameters: FilledParameters): Promise<Database> {
  const { directory, entries, valueBytes, state } = parameters
  const db = await Database.open(databasePath(directory), { writeBufferBytes: WRITE_BUFFER_BYTES })
  await writeStream(db, 0, keysOf(0, entries, 'random'), new Values(valueBytes), 1000, 'none')
  if (state === 'tree') await db.checkpoint()
  return db
}

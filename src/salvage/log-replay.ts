import { decodeCodecIds, isTableEntry, readRecordEntries } from '../engine/record-entries.ts'
import type { RecordEntry } from '../engine/record-entries.ts'
import {
  ENTRY_HEADER_BYTES,
  KIND_CREATE_FAMILY,
  KIND_CREATE_TABLE,
  KIND_DELETE,
  KIND_DROP_FAMILY,
  KIND_DROP_TABLE,
  KIND_PUT,
  valueStart,
} from '../shared/entry-format.ts'
import type { LogRecord } from '../wal/log-reader.ts'
import type { TableStates } from './table-states.ts'
import type { SalvageTarget } from './target.ts'

interface Operation {
  readonly familyId: number
  readonly kind: number
  readonly id: number
  readonly key: Uint8Array
  readonly value: Uint8Array
}

/** Makes the changes of log records to the new database. */
export class LogReplay {
  entries = 0
  readonly #states: TableStates
  readonly #target: SalvageTarget

  constructor(states: TableStates, target: SalvageTarget) {
    this.#states = states
    this.#target = target
  }

  /** False where the record is whole and makes no sense: nothing of it is taken then. */
  async apply(record: LogRecord): Promise<boolean> {
    const operations = operationsOf(record)
    if (operations === undefined) return false
    for (const operation of operations) {
      if (isTableEntry(operation.kind)) await this.#applyEntry(operation)
      else await this.#applyChange(operation)
    }
    return true
  }

  async #applyEntry({ familyId, kind, id, key, value }: Operation): Promise<void> {
    const family = this.#states.familyName(familyId)
    const table = this.#states.table(id, familyId)
    this.entries++
    table.fromLog++
    if (kind === KIND_PUT) await this.#target.put(family, table.schema, key, value)
    else if (kind === KIND_DELETE) await this.#target.delete(family, table.schema, key)
    else await this.#target.deleteRange(family, table.schema, key.slice(), value[0] === 1 ? value.slice(1) : undefined)
  }

  async #applyChange({ familyId, kind, id, key, value }: Operation): Promise<void> {
    const states = this.#states
    if (kind === KIND_CREATE_FAMILY) states.addFamily(familyId, decoder.decode(key))
    else if (kind === KIND_CREATE_TABLE) {
      const [keyCodec, valueCodec] = decodeCodecIds(value)!
      const { schema } = states.addLogTable(id, familyId, { name: decoder.decode(key), keyCodec, valueCodec })
      await this.#target.create(states.familyName(familyId), schema)
    } else if (kind === KIND_DROP_TABLE) {
      const table = states.find(id)
      if (table !== undefined) await this.#target.dropTable(states.familyName(familyId), table.schema.name)
      states.dropTable(id)
    } else if (kind === KIND_DROP_FAMILY) {
      await this.#target.dropFamily(states.familyName(familyId))
      states.dropFamily(familyId)
    } else {
      const before = states.familyName(familyId)
      states.addFamily(familyId, decoder.decode(key))
      const after = states.familyName(familyId)
      if (after !== before) await this.#target.renameFamily(before, after)
    }
  }
}

/** The entries of a record, whose memory is theirs until the next record is read. */
function operationsOf({ payload }: LogRecord): Operation[] | undefined {
  const operations: Operation[] = []
  let makesSense = true
  try {
    readRecordEntries(payload, {
      entry: (familyId, entry) => {
        const operation = operationOf(payload, familyId, entry)
        if (entry.kind === KIND_CREATE_TABLE && decodeCodecIds(operation.value) === undefined) makesSense = false
        operations.push(operation)
      },
      sectionEnd: () => {},
      fail: () => {
        throw SENSELESS
      },
    })
  } catch (error) {
    if (error !== SENSELESS) throw error
    return undefined
  }
  return makesSense ? operations : undefined
}

const SENSELESS = new Error('the record makes no sense')
const decoder = new TextDecoder()

function operationOf(
  payload: Uint8Array,
  familyId: number,
  { kind, offset, keyLength, id, valueLength }: RecordEntry,
): Operation {
  const key = payload.subarray(offset + ENTRY_HEADER_BYTES, offset + ENTRY_HEADER_BYTES + keyLength)
  const from = offset + valueStart(keyLength)
  return { familyId, kind, id, key, value: payload.subarray(from, from + valueLength) }
}

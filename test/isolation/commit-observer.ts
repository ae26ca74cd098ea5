import type { Family } from '../../src/engine/family.ts'
import { CommitPipeline } from '../../src/engine/commit-pipeline.ts'
import { readRecordEntries } from '../../src/engine/record-entries.ts'
import {
  encodeSectionHeader,
  KIND_DELETE,
  KIND_DELETE_RANGE,
  KIND_DROP_FAMILY,
  KIND_DROP_TABLE,
  KIND_PUT,
  KIND_RENAME_FAMILY,
  valueStart,
} from '../../src/shared/entry-format.ts'

/** A commit at the moment in which it is numbered, as its record in the log says it. */
export interface NumberedCommit {
  readonly sequence: number
  readonly isImmediate: boolean
  /** The first words of the values that it puts. */
  readonly puts: readonly number[]
  /** What it does besides, in words: see `deletion`. */
  readonly others: readonly string[]
}

/**
 * Tells of every commit of every database. The numbers are what the interface gives to those alone who begin and commit
 * by hand; what the records hold is compared with what was asked for. Returns what ends it.
 */
export function observeCommits(listener: (commit: NumberedCommit) => void): () => void {
  const { append, appendEntry } = CommitPipeline.prototype
  CommitPipeline.prototype.append = function (commit, payload, payloadBytes): void {
    append.call(this, commit, payload, payloadBytes)
    const families = commit.parts.map(({ family }) => family)
    listener(numbered(commit.sequence, commit.need === 'sync', families, payload, payloadBytes))
  }
  CommitPipeline.prototype.appendEntry = function (family, memtable, words, begin, end, need): Promise<void> {
    const done = appendEntry.call(this, family, memtable, words, begin, end, need)
    const entry = new Uint8Array(words.buffer, begin * 4, (end - begin) * 4)
    const section = encodeSectionHeader(family.id, entry.length)
    const payload = [section, entry]
    listener(numbered(this.appendedSequence, need === 'sync', [family], payload, section.length + entry.length))
    return done
  }
  return () => {
    CommitPipeline.prototype.append = append
    CommitPipeline.prototype.appendEntry = appendEntry
  }
}

function numbered(
  sequence: number,
  isImmediate: boolean,
  families: readonly Family[],
  parts: readonly Uint8Array[],
  payloadBytes: number,
): NumberedCommit {
  const payload = new Uint8Array(payloadBytes)
  let filled = 0
  for (const part of parts) {
    payload.set(part, filled)
    filled += part.length
  }
  const view = new DataView(payload.buffer)
  const names = new Map(families.map(({ id, name }) => [id, name]))
  const puts: number[] = []
  const others: string[] = []
  readRecordEntries(payload, {
    entry: (familyId, { kind, offset, keyLength, valueLength }) => {
      const key = payload.subarray(offset + 12, offset + 12 + keyLength)
      const value = offset + valueStart(keyLength)
      const family = names.get(familyId)!
      if (kind === KIND_PUT) puts.push(view.getUint32(value, true))
      else if (kind === KIND_DELETE) others.push(deletion(family, lastByte(key), lastByte(key)))
      else if (kind === KIND_DELETE_RANGE) {
        const end = payload[value] === 0 ? undefined : lastByte(payload.subarray(0, value + valueLength))
        others.push(deletion(family, lastByte(key), end))
      } else if (kind === KIND_DROP_FAMILY) others.push(`drop ${family}`)
      else if (kind === KIND_DROP_TABLE) others.push(`drop the table of ${family}`)
      else if (kind === KIND_RENAME_FAMILY) others.push(`rename to ${new TextDecoder().decode(key)}`)
    },
    sectionEnd: () => {},
    fail: (offset, expected) => {
      throw new Error(`the record of commit ${sequence} has at ${offset} not ${expected}`)
    },
  })
  return { sequence, isImmediate, puts, others }
}

/** Keys are small numbers: the last of their eight bytes says which. */
function lastByte(key: Uint8Array): number {
  return key.at(-1) ?? 0
}

/** A deletion of the keys from `from` to `to`; of one key where they are equal, up to the last one where there is no `to`. */
export function deletion(family: string, from: number, to: number | undefined): string {
  return `delete ${family}/${from}..${to ?? ''}`
}

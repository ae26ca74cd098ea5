import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import type { DatabaseError } from '../../src/index.ts'
import { openOn, PATH } from '../support/open.ts'
import { checkReads, checkRefusal, diskOf } from './contents.ts'
import type { Contents } from './contents.ts'
import { ForgedSegment } from './forged-log.ts'
import { recordsOf } from './log-layout.ts'
import { longLogSample, uncleanSample } from './samples.ts'
import type { Sample } from './samples.ts'

type Changes = ReadonlyMap<string, Uint8Array | undefined>

/** Opens the files with these changes: the refusal, or undefined where `contents` was there. */
async function opened(sample: Sample, changes: Changes, contents: Contents): Promise<DatabaseError | undefined> {
  const where = `with ${[...changes.keys()].join(', ')} changed`
  const disk = diskOf(sample.files, changes)
  let db
  try {
    db = await openOn(disk, sample.journal, { createIfMissing: false })
  } catch (error) {
    return checkRefusal(error)
  }
  assert.equal(checkReads(db, contents, where), 0)
  await db.close()
  // What recovery has let anyone read stays.
  const again = await openOn(disk, sample.journal)
  assert.equal(checkReads(again, contents, `${where}, opened again`), 0)
  await again.close()
  return undefined
}

describe('a log of several segments', () => {
  let sample: Sample
  let other: Sample
  let all: Contents
  /** The segments in order of position, those with records, and the one that was prepared ahead. */
  let used: string[]
  let ahead: string

  const bytesOf = (path: string): Uint8Array => sample.files.get(path)!

  before(async () => {
    sample = await longLogSample(1)
    other = await longLogSample(2)
    all = sample.states.at(-1)!
    const paths = [...sample.files.keys()].filter(path => path !== PATH).sort()
    used = paths.filter(path =>
      bytesOf(path)
        .subarray(4096)
        .some(byte => byte !== 0),
    )
    ahead = paths.find(path => !used.includes(path))!
    assert.ok(used.length >= 4 && ahead !== undefined, `${used.length} segments`)
  })

  test('that are all missing: MANIFOLD_LOG_MISSING', async () => {
    const none = new Map([...used, ahead].map(path => [path, undefined]))
    assert.equal((await opened(sample, none, all))?.code, 'MANIFOLD_LOG_MISSING')
  })

  test('of which one is missing is refused; without the one prepared ahead all is there', async () => {
    for (const path of used) {
      const refusal = await opened(sample, new Map([[path, undefined]]), all)
      assert.equal(refusal?.code, 'MANIFOLD_CORRUPTION', `without ${path}`)
    }
    assert.equal(await opened(sample, new Map([[ahead, undefined]]), all), undefined)
  })

  test('whose files have changed names is as it was: names mean nothing', async () => {
    for (const a of used) {
      for (const b of [...used, ahead]) {
        if (a === b) continue
        assert.equal(
          await opened(
            sample,
            new Map([
              [a, bytesOf(b)],
              [b, bytesOf(a)],
            ]),
            all,
          ),
          undefined,
        )
      }
    }
    const far = `${PATH}-wal999999999`
    assert.equal(
      await opened(
        sample,
        new Map([
          [used[0]!, undefined],
          [far, bytesOf(used[0]!)],
        ]),
        all,
      ),
      undefined,
    )
  })

  test('one of which is there twice is as it was', async () => {
    for (const path of [...used, ahead]) {
      assert.equal(await opened(sample, new Map([[`${PATH}-wal77`, bytesOf(path)]]), all), undefined)
    }
  })

  test('in whose place another one stands is refused', async () => {
    for (const a of used) {
      for (const b of used) {
        if (a === b) continue
        const refusal = await opened(sample, new Map([[a, bytesOf(b)]]), all)
        assert.equal(refusal?.code, 'MANIFOLD_CORRUPTION', `${b} over ${a}`)
      }
    }
  })

  test('one of which is an earlier copy of itself is refused, or for the last one cut at its end', async () => {
    for (const path of used) {
      const earlier = bytesOf(path).slice()
      const records = recordsOf(earlier)
      earlier.fill(0, records.at(-1)?.from ?? 4096)
      const isLast = path === used.at(-1)
      const refusal = await opened(sample, new Map([[path, earlier]]), isLast ? sample.states.at(-2)! : all)
      if (!isLast) assert.equal(refusal?.code, 'MANIFOLD_CORRUPTION', path)
    }
  })

  test('with a segment of another database is refused, whatever it holds', async () => {
    for (const path of used) {
      const foreign = other.files.get(path)!
      for (const name of [path, `${PATH}-wal55`]) {
        const refusal = await opened(sample, new Map([[name, foreign]]), all)
        assert.equal(refusal?.code, 'MANIFOLD_CORRUPTION')
        assert.match(refusal.message, /belongs to another database/)
      }
    }
  })

  test('beside the data file of another database is refused', async () => {
    const refusal = await opened(sample, new Map([[PATH, other.files.get(PATH)!]]), all)
    assert.match(refusal?.message ?? '', /belongs to another database/)
  })

  test('beside a data file that a checkpoint has left behind is refused where the log before it is gone', async () => {
    const disk = diskOf(sample.files)
    const db = await openOn(disk, sample.journal)
    await db.checkpoint()
    const left = disk
      .listSync('/data')
      .filter(name => name.includes('-wal'))
      .map(name => `/data/${name}`)
    const begun = new Map(left.filter(path => !sample.files.has(path)).map(path => [path, disk.contents(path)]))
    assert.ok(begun.size > 0, 'a recovery begins a new segment')
    const gone = new Map([...used, ahead].map(path => [path, undefined]))
    const refusal = await opened(sample, new Map([...gone, ...begun]), all)
    assert.equal(refusal?.code, 'MANIFOLD_CORRUPTION')
    await db.close()
  })
})

test('a record that is whole and makes no sense is refused with its file and the byte at which the sense ends', async () => {
  for (const make of [uncleanSample, () => longLogSample(3)]) {
    const sample = await make()
    let refused = 0
    for (const [path, bytes] of sample.files) {
      if (path === PATH) continue
      // The ones before are in the trees, which hold the checksum of the last; one that goes on in the next segment has bytes
      // there that its checksum is of.
      for (const { from, to } of recordsOf(bytes).slice(-8)) {
        if (to > bytes.length) continue
        const segment = new ForgedSegment(bytes)
        const { at } = segment.entriesOf(from).at(-1)!
        segment.set(at, 2, NO_KIND)
        const last = sample.states.at(-1)!
        const refusal = await opened(sample, new Map([[path, segment.seal()]]), last)
        assert.match(refusal?.message ?? 'opened', /is whole but makes no sense/)
        assert.deepEqual([refusal?.file, refusal?.offset], [path, at])
        refused++
      }
    }
    assert.ok(refused >= 4, `${sample.name}: ${refused} records`)
  }
})

/** No kind of entry has this number. */
const NO_KIND = 99

import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { PAGE_BYTES } from '../../src/base/limits.ts'
import { decodeHeader, HEADER_SLOTS } from '../../src/pager/header-format.ts'
import { SEGMENT_HEADER_BYTES } from '../../src/wal/segment-format.ts'
import { figure, timeIsOver } from '../support/figures.ts'
import { openOn, PATH, runs } from '../support/open.ts'
import { checkReads, checkRefusal, diskOf } from './contents.ts'
import type { Contents } from './contents.ts'
import { recordsOf } from './log-layout.ts'
import { closedSample, groupedSample, halfCheckpointedSample, uncleanSample } from './samples.ts'
import type { Sample } from './samples.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void
/** Openings between two collections, so that what they leave does not pile up. */
const OPENS_PER_COLLECTION = 500

/** Bits of a byte that are flipped, each in an opening of its own: one in CI, all in a long run. */
const BITS = Math.min(8, runs(1))
/** Every so many bytes are flipped of what another sample has too, or what holds nothing. */
const STRIDE = Math.ceil(16 / runs(1))
/** Bytes behind the last record, where a record would begin, that are flipped one by one. */
const BLANK_BYTES = 64

/** How an opening may end whose files have one flipped bit. */
type Answer =
  /** All is there: something else stands in for the damaged byte, or nothing needs it. */
  | { readonly is: 'right' }
  /** All is there, or what cannot be read is refused. */
  | { readonly is: 'right or refused' }
  /** Opening is refused with this place. */
  | { readonly is: 'refused'; readonly file: string; readonly offset: number }
  /** What is taken for a torn end is cut off; the commits before it are there. */
  | { readonly is: 'cut'; readonly contents: Contents }

/** Bytes of one file that are flipped. */
interface Region {
  readonly path: string
  readonly from: number
  readonly to: number
  readonly step: number
  readonly answer: Answer
}

const RIGHT: Answer = { is: 'right' }
const RIGHT_OR_REFUSED: Answer = { is: 'right or refused' }

/** The regions of the data file. One header slot stands in for the other. */
function dataRegions({ files }: Sample, step: number): Region[] {
  const path = PATH
  const slotsEnd = HEADER_SLOTS * PAGE_BYTES
  return [
    { path, from: 0, to: slotsEnd, step, answer: RIGHT },
    { path, from: slotsEnd, to: files.get(path)!.length, step, answer: RIGHT_OR_REFUSED },
  ]
}

/** Where the log goes on from the data file. */
function logPosition({ files }: Sample): number {
  const bytes = new Uint8Array(files.get(PATH)!)
  const readings = [0, 1].map(slot => decodeHeader(bytes.slice(slot * PAGE_BYTES, (slot + 1) * PAGE_BYTES)))
  return Math.max(...readings.map(reading => (reading.state === 'valid' ? reading.header.logPosition : 0)))
}

/** The regions of the log; it has all its records in one segment. */
function logRegions(sample: Sample): Region[] {
  const regions: Region[] = []
  const start = logPosition(sample)
  for (const [path, bytes] of sample.files) {
    if (path === PATH) continue
    const records = recordsOf(bytes)
    const live = records.filter(record => record.position >= start)
    const isUsed = records.length > 0
    const end = records.at(-1)?.to ?? SEGMENT_HEADER_BYTES
    const headerStep = isUsed ? 1 : STRIDE
    regions.push({
      path,
      from: 0,
      to: SEGMENT_HEADER_BYTES,
      step: headerStep,
      answer: isUsed ? RIGHT_OR_REFUSED : RIGHT,
    })
    const liveFrom = live[0]?.from ?? end
    regions.push({ path, from: SEGMENT_HEADER_BYTES, to: liveFrom, step: STRIDE, answer: RIGHT })
    live.forEach(({ from, to, position }, i) => {
      const isWitnessed = live.some(later => later.durableThrough > position)
      const answer: Answer = isWitnessed
        ? { is: 'refused', file: path, offset: from }
        : { is: 'cut', contents: sample.states[i]! }
      regions.push({ path, from, to, step: 1, answer })
    })
    regions.push({ path, from: end, to: end + BLANK_BYTES, step: 1, answer: RIGHT })
    regions.push({ path, from: end + BLANK_BYTES, to: bytes.length, step: STRIDE * 16, answer: RIGHT })
  }
  return regions
}

/** Opens and reads the files with one bit flipped. Returns whether anything was refused. */
async function openFlipped(sample: Sample, { path, answer }: Region, byte: number, bit: number): Promise<boolean> {
  const where = `${sample.name}: bit ${bit} of byte ${byte} of ${path}`
  const disk = diskOf(sample.files)
  disk.damage(path, byte, Uint8Array.of(sample.files.get(path)![byte]! ^ (1 << bit)))
  const readOnly = sample.files.size === 1
  let db
  try {
    db = await openOn(disk, sample.journal, { readOnly, createIfMissing: false })
  } catch (error) {
    const { code, file, offset } = checkRefusal(error)
    if (answer.is === 'refused')
      assert.deepEqual([code, file, offset], ['MANIFOLD_CORRUPTION', answer.file, answer.offset], where)
    else assert.equal(answer.is, 'right or refused', `${where}: ${(error as Error).message}`)
    return true
  }
  assert.notEqual(answer.is, 'refused', `${where}: opened, although a later record says that it was durable`)
  const refused = checkReads(db, answer.is === 'cut' ? answer.contents : sample.states.at(-1)!, where)
  assert.ok(refused === 0 || answer.is === 'right or refused', `${where}: reads are refused`)
  // A recovered one is left as it is, since its end is of no interest here and would cost more than all the rest.
  if (readOnly) await db.close()
  return refused > 0
}

/** Unless the time for a long run was over before. */
function assertMany(right: number, rightMin: number, refused: number, refusedMin: number): void {
  assert.ok(timeIsOver() || (right > rightMin && refused > refusedMin), `${right} right, ${refused} refused`)
}

describe('one flipped bit', () => {
  let opens = 0
  let bitsTotal = 0
  let tornBits = 0
  const { stackTraceLimit } = Error

  // Stacks of the refusals cost as much as the openings.
  before(() => void (Error.stackTraceLimit = 0))
  after(() => {
    Error.stackTraceLimit = stackTraceLimit
    figure('flipped-bit opens', opens, BITS === 1 ? 100_000 : bitsTotal)
    figure('flipped bits of a log that are taken for a torn end', tornBits, tornBits)
  })

  async function flipAll(sample: Sample, regions: readonly Region[]): Promise<{ right: number; refused: number }> {
    const outcome = { right: 0, refused: 0 }
    for (const region of regions) {
      const { from, to, step, answer } = region
      bitsTotal += Math.ceil((to - from) / step) * BITS
      for (let byte = from; byte < to && !timeIsOver(); byte += step) {
        for (let i = 0; i < BITS; i++) {
          const bit = (byte * 5 + (byte >>> 3) + i) & 7
          if (await openFlipped(sample, region, byte, bit)) outcome.refused++
          else outcome.right++
          if (++opens % OPENS_PER_COLLECTION === 0) collect()
          if (answer.is === 'cut') tornBits++
        }
      }
    }
    return outcome
  }

  test('of a closed database: right data or a refusal', async () => {
    const sample = await closedSample()
    const { right, refused } = await flipAll(sample, dataRegions(sample, 1))
    assertMany(right, 20_000, refused, 20_000)
  })

  test('of an unclean database: a refusal, but for the last group, which is taken for torn', async () => {
    const sample = await uncleanSample()
    const { right, refused } = await flipAll(sample, [...logRegions(sample), ...dataRegions(sample, STRIDE)])
    assertMany(right, 3000, refused, 3000)
  })

  test('of a log whose groups overlap: a refusal, but for what no later record bears witness to', async () => {
    const sample = await groupedSample()
    const regions = logRegions(sample)
    const cut = regions.filter(({ answer }) => answer.is === 'cut')
    // The last group, of two commits, was appended while the one before it was being synced.
    assert.ok(cut.length === 3, `${cut.length} records without a witness`)
    const { right, refused } = await flipAll(sample, [...regions, ...dataRegions(sample, STRIDE)])
    assertMany(right, 1000, refused, 3000)
  })

  test('of a database cut between the two header slots of a checkpoint: right data or a refusal', async () => {
    const sample = await halfCheckpointedSample()
    const { right, refused } = await flipAll(sample, [
      ...dataRegions(sample, Math.ceil(STRIDE / 2)),
      ...logRegions(sample),
    ])
    assertMany(right, 1000, refused, 1000)
  })
})

import type { Footprint, SlotVersion } from './footprint.ts'
import type { History, Transaction } from './history.ts'
import type { Anomaly } from './serializability.ts'
import { claimOf, describe } from './serializability.ts'
import type { VersionOrder } from './version-order.ts'

/** What can be said of a history without looking for cycles: of each read, of each cut, and of the order of commits. */
export function checkVisibility(history: History, footprints: readonly Footprint[], order: VersionOrder): Anomaly[] {
  const anomalies: Anomaly[] = []
  const report = (kind: string, transaction: Transaction, text: string): void =>
    void anomalies.push({ kind, text: `${kind}: ${describe(transaction)}: ${text}` })
  checkNumbers(order, report)
  for (const transaction of history.transactions) {
    const footprint = footprints[transaction.id]!
    for (const text of footprint.blind) report('own write not read', transaction, text)
    checkWriters(history, footprints, transaction, report)
    checkCut(history, order, transaction, footprint, report)
    checkRecord(history, transaction, footprint, report)
  }
  checkTime(history, report)
  return anomalies
}

type Report = (kind: string, transaction: Transaction, text: string) => void

/** Sequences are given once each, without holes, and to all that were committed and wrote a value. */
function checkNumbers(order: VersionOrder, report: Report): void {
  let last = order.commits[0] === undefined ? 0 : order.commits[0].sequence! - 1
  for (const commit of order.commits) {
    if (commit.sequence !== last + 1) report('sequence out of order', commit, `it comes behind ${last}`)
    if (commit.outcome === 'aborted') report('aborted commit', commit, 'it was said to have failed, and is in the log')
    last = commit.sequence!
  }
}

/** What is read was written, and by a transaction that was committed, and is what that left behind. */
function checkWriters(history: History, footprints: readonly Footprint[], reader: Transaction, report: Report): void {
  for (const { slot, version } of footprints[reader.id]!.reads) {
    if (version === 0) continue
    const writer = history.writers[version]
    const read = `v${version} in ${history.slotName(slot)}`
    if (writer === undefined) report('value out of thin air', reader, `it read ${read}, which nobody wrote`)
    else if (writer.outcome === 'aborted') report('aborted read', reader, `it read ${read} of ${describe(writer)}`)
    // What is on its way may be read behind the same lock; whoever did so fails with it, and is told apart by that.
    else if (writer.outcome !== 'committed' && reader.outcome !== 'failed')
      report('dirty read', reader, `it read ${read} of ${describe(writer)}`)
    else if (![...footprints[writer.id]!.writes.values()].includes(version))
      report('intermediate read', reader, `it read ${read}, which ${describe(writer)} took back or replaced itself`)
  }
}

/** All that was read stood there at the same time, and at the time that was named. */
function checkCut(
  history: History,
  order: VersionOrder,
  transaction: Transaction,
  { reads, writes }: Footprint,
  report: Report,
): void {
  const claim = claimOf(transaction)
  let [from, to] = [0, Infinity]
  let [last, first] = ['the beginning', 'the end']
  const wrong: SlotVersion[] = []
  for (const read of reads) {
    const { slot, version } = read
    if (claim !== undefined && order.at(slot, claim).version !== version) wrong.push(read)
    const place = order.find(slot, version, claim)
    if (place === undefined) continue
    const what = `v${version} in ${history.slotName(slot)}`
    if (place.from > from) [from, last] = [place.from, what]
    if (place.to < to) [to, first] = [place.to, what]
  }
  if (from >= to)
    report('fractured read', transaction, `${last} came with commit ${from}, when commit ${to} had replaced ${first}`)
  if (wrong.length === 0) return
  const [{ slot, version }] = wrong as [SlotVersion]
  const stood = order.at(slot, claim!).version
  const kind = writes.has(slot) ? 'lost update' : 'not its cut'
  report(
    kind,
    transaction,
    `it read v${version} in ${history.slotName(slot)}; after commit ${claim} v${stood} was there`,
  )
}

/** The log has what the transaction wrote and did not take back, family by family, in its order, and nothing else. */
function checkRecord(
  { keysPerFamily }: History,
  transaction: Transaction,
  { lasting }: Footprint,
  report: Report,
): void {
  const { logged, outcome, kind, sequence } = transaction
  const values = lasting
    .filter(({ version }) => version !== 0)
    .sort((a, b) => Math.floor(a.slot / keysPerFamily) - Math.floor(b.slot / keysPerFamily))
    .map(({ version }) => version)
  if (kind === 'write' && outcome === 'committed' && sequence === undefined && values.length > 0)
    report('commit without a record', transaction, `it wrote ${values.join()}`)
  if (logged !== undefined && logged.join() !== values.join())
    report('record of something else', transaction, `it wrote ${values.join()}, and the log has ${logged.join()}`)
}

/**
 * The order of commits is that of real time, and so is the order of cuts; a cut has all that was acknowledged before it and
 * nothing that began after it.
 */
function checkTime(history: History, report: Report): void {
  const commits = history.transactions.filter(({ sequence }) => sequence !== undefined)
  const latest = latestBegins(commits)
  const ends = commits.filter(({ ended }) => ended !== Infinity).sort((a, b) => a.ended - b.ended)
  const cuts = history.transactions.filter(({ kind, cut }) => kind === 'read' && cut !== undefined)
  const inTime = [...commits, ...cuts].sort((a, b) => a.begun - b.begun)
  let ended = 0
  let acknowledged = 0
  let seen = 0
  for (const transaction of inTime) {
    const { begun, sequence, cut } = transaction
    for (; ended < ends.length && ends[ended]!.ended < begun; ended++)
      acknowledged = Math.max(acknowledged, ends[ended]!.sequence!)
    if (sequence !== undefined) {
      if (sequence <= acknowledged)
        report('commit before its time', transaction, `commit ${acknowledged} was acknowledged before it began`)
      continue
    }
    if (cut! < acknowledged) report('stale cut', transaction, `commit ${acknowledged} was acknowledged before it`)
    if (cut! < seen) report('visibility went back', transaction, `a cut before it saw commit ${seen}`)
    seen = Math.max(seen, cut!)
    const known = latest.get(cut!)
    if (known === undefined ? cut! > (commits[0]?.sequence ?? 0) : known > begun)
      report('cut out of thin air', transaction, 'it sees a commit that had not begun')
  }
}

/** By sequence: when the last of all commits up to it began. */
function latestBegins(commits: readonly Transaction[]): Map<number, number> {
  const latest = new Map<number, number>()
  let begun = 0
  for (const commit of [...commits].sort((a, b) => a.sequence! - b.sequence!)) {
    begun = Math.max(begun, commit.begun)
    latest.set(commit.sequence!, begun)
  }
  return latest
}

/** What was found after a power cut is the state after one commit, and that is not too old. */
export function checkImages(history: History, order: VersionOrder): Anomaly[] {
  const anomalies: Anomaly[] = []
  for (const { what, cut, durable, appended, versions } of history.images) {
    const report = (kind: string, text: string): void =>
      void anomalies.push({ kind, text: `${kind}: ${what}: ${text}` })
    if (cut < durable) report('lost commit', `commit ${cut} is the last one found, and commit ${durable} was durable`)
    if (cut > appended) report('commit out of thin air', `commit ${cut} was found, and ${appended} is the last`)
    for (let slot = 0; slot < order.slotCount; slot++) {
      const [expected, found] = [order.at(slot, cut).version, versions.get(slot) ?? 0]
      if (expected === found) continue
      report('not a state', `after commit ${cut} ${history.slotName(slot)} was v${expected}, and v${found} was found`)
      break
    }
  }
  return anomalies
}

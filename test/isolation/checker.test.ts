import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { check } from './checker.ts'
import type { Outcome, Transaction } from './history.ts'
import { History } from './history.ts'

/** Writes a history down by hand. Slots 0 to 9 are keys of the family 'a', those from 10 on of 'b'. */
class Script {
  readonly history: History = new History(['a', 'b'], 10)
  #sequence = 0

  begin(what: string): Transaction {
    return this.history.begin('write', what)
  }

  put(transaction: Transaction, slot: number): number {
    const version = this.history.newVersion(transaction)
    this.history.write(transaction, slot, version)
    return version
  }

  commit(transaction: Transaction, sequence: number = ++this.#sequence): void {
    this.#sequence = sequence
    transaction.sequence = sequence
    this.history.end(transaction, 'committed')
  }

  end(transaction: Transaction, outcome: Outcome): void {
    this.history.end(transaction, outcome)
  }

  /** A reader that begins and ends at once. */
  reader(cut: number | undefined, ...reads: readonly (readonly [slot: number, version: number])[]): void {
    const transaction = this.history.begin('read', 'reader')
    transaction.cut = cut
    for (const [slot, version] of reads) this.history.read(transaction, slot, version)
    this.history.end(transaction, 'committed')
  }

  /** A transaction of one write, there and done. */
  written(slot: number): number {
    const transaction = this.begin('put')
    const version = this.put(transaction, slot)
    this.commit(transaction)
    return version
  }

  kinds(): string[] {
    return [...new Set(check(this.history).map(({ kind }) => kind))].sort()
  }
}

function found(script: Script, kind: string): void {
  assert.ok(script.kinds().includes(kind), `${kind} is among ${script.kinds().join(', ') || 'nothing'}`)
}

describe('the checker', () => {
  test('has nothing against writers and readers one after the other, nor against those that overlap in order', () => {
    const script = new Script()
    script.reader(0, [0, 0], [10, 0])
    const first = script.written(0)
    script.reader(1, [0, first], [10, 0])
    const [one, two] = [script.begin('one'), script.begin('two')]
    script.history.read(one, 0, first)
    const second = script.put(one, 10)
    script.reader(1, [0, first], [10, 0])
    script.commit(one)
    script.history.read(two, 10, second)
    const third = script.put(two, 0)
    script.commit(two)
    script.reader(3, [0, third], [10, second])
    assert.deepEqual(check(script.history), [])
  })

  test('finds a lost update', () => {
    const script = new Script()
    const old = script.written(0)
    const [one, two] = [script.begin('update'), script.begin('update')]
    script.history.read(one, 0, old)
    script.history.read(two, 0, old)
    for (const each of [one, two]) script.put(each, 0)
    script.commit(one)
    script.commit(two)
    assert.deepEqual(script.kinds(), ['lost update', 'lost update (G-single)'])
  })

  test('finds a write skew, and tells of the cycle', () => {
    const script = new Script()
    const [left, right] = [script.written(0), script.written(10)]
    const [one, two] = [script.begin('on call'), script.begin('on call')]
    for (const each of [one, two]) {
      script.history.read(each, 0, left)
      script.history.read(each, 10, right)
    }
    script.put(one, 0)
    script.put(two, 10)
    script.commit(one)
    script.commit(two)
    found(script, 'write skew (G2)')
    const { text } = check(script.history).find(({ kind }) => kind === 'write skew (G2)')!
    assert.match(text, /T2 \(on call, committed, from 5 to 7, sequence 3\)/)
    assert.match(text, /T2 -rw-> T3: T3 replaced what T2 read in b\/0/)
    assert.match(text, /T3 -rw-> T2: T2 replaced what T3 read in a\/0/)
  })

  test('finds a dirty read, and one of what was aborted, taken back, replaced, or never written', () => {
    const dirty = new Script()
    const late = dirty.begin('late')
    dirty.reader(0, [0, dirty.put(late, 0)])
    dirty.commit(late)
    assert.deepEqual(dirty.kinds(), ['not its cut'])

    for (const [outcome, kind] of [
      ['aborted', 'aborted read'],
      ['failed', 'dirty read'],
    ] as const) {
      const script = new Script()
      const writer = script.begin('writer')
      const version = script.put(writer, 0)
      script.reader(undefined, [0, version])
      script.end(writer, outcome)
      assert.deepEqual(script.kinds(), [kind])
    }

    for (const isReplaced of [false, true]) {
      const script = new Script()
      const writer = script.begin('writer')
      script.history.step(writer, { do: 'savepoint' })
      const version = script.put(writer, 0)
      if (!isReplaced) script.history.step(writer, { do: 'rollback', to: 0 })
      script.put(writer, 0)
      script.commit(writer)
      script.reader(undefined, [0, version])
      assert.deepEqual(script.kinds(), ['intermediate read'])
    }

    const thin = new Script()
    thin.reader(undefined, [0, 99])
    assert.deepEqual(thin.kinds(), ['value out of thin air'])
  })

  test('finds a fractured read: one family of a transaction without the other', () => {
    for (const cut of [undefined, 1]) {
      const script = new Script()
      const both = script.begin('both')
      const left = script.put(both, 0)
      script.put(both, 10)
      const reader = script.history.begin('read', 'reader')
      reader.cut = cut
      script.history.read(reader, 0, left)
      script.history.read(reader, 10, 0)
      script.commit(both)
      script.history.end(reader, 'committed')
      found(script, 'fractured read')
      found(script, 'fractured read (G-single)')
      if (cut !== undefined) found(script, 'not its cut')
    }
  })

  test('finds a stale read, a stale cut, and visibility that goes back', () => {
    const script = new Script()
    script.written(0)
    script.reader(undefined, [0, 0])
    assert.deepEqual(script.kinds(), ['stale read'])

    const cuts = new Script()
    cuts.written(0)
    cuts.reader(0, [0, 0])
    assert.deepEqual(cuts.kinds(), ['stale cut', 'stale read'])

    const back = new Script()
    const writer = back.begin('writer')
    const version = back.put(writer, 0)
    back.reader(1, [0, version])
    back.reader(0, [0, 0])
    back.commit(writer)
    found(back, 'visibility went back')
    found(back, 'stale read')
  })

  test('finds commits out of real time, with a hole, or twice the same number', () => {
    const script = new Script()
    script.written(0)
    const first = script.begin('first')
    script.put(first, 1)
    script.commit(first, 3)
    const second = script.begin('second')
    script.put(second, 2)
    script.commit(second, 2)
    assert.deepEqual(script.kinds(), ['commit before its time'])

    for (const sequence of [1, 3]) {
      const wrong = new Script()
      wrong.written(0)
      const writer = wrong.begin('writer')
      wrong.put(writer, 1)
      wrong.commit(writer, sequence)
      found(wrong, 'sequence out of order')
    }
    const ghost = new Script()
    const writer = ghost.begin('writer')
    ghost.put(writer, 1)
    writer.sequence = 1
    ghost.end(writer, 'aborted')
    assert.deepEqual(ghost.kinds(), ['aborted commit'])

    const early = new Script()
    early.reader(1)
    early.written(0)
    assert.deepEqual(early.kinds(), ['cut out of thin air'])
  })

  test('finds cycles of writes, and of writes and reads', () => {
    const flow = new Script()
    const [one, two] = [flow.begin('one'), flow.begin('two')]
    const [a, b] = [flow.put(one, 0), flow.put(two, 10)]
    flow.history.read(one, 10, b)
    flow.history.read(two, 0, a)
    flow.commit(one)
    flow.commit(two)
    found(flow, 'circular information flow (G1c)')
  })

  test('finds own writes that are not read, through savepoints', () => {
    const script = new Script()
    const writer = script.begin('writer')
    const first = script.put(writer, 0)
    script.history.step(writer, { do: 'savepoint' })
    const second = script.put(writer, 0)
    script.history.read(writer, 0, second)
    script.history.step(writer, { do: 'rollback', to: 0 })
    script.history.read(writer, 0, first)
    script.commit(writer)
    assert.deepEqual(check(script.history), [])
    script.history.read(writer, 0, second)
    assert.deepEqual(script.kinds(), ['own write not read'])
  })

  test('follows deletions and renamings', () => {
    const script = new Script()
    const version = script.written(3)
    const rename = script.begin('rename')
    script.history.step(rename, { do: 'move', from: 0, to: 1 })
    script.commit(rename)
    script.reader(2, [3, 0], [13, version])
    const deletion = script.begin('delete')
    script.history.write(deletion, 13, 0)
    script.commit(deletion)
    script.reader(3, [3, 0], [13, 0])
    assert.deepEqual(check(script.history), [])
    script.reader(3, [3, version])
    found(script, 'not its cut')
    found(script, 'stale read')
  })

  test('finds a record that is not what was written', () => {
    const script = new Script()
    const writer = script.begin('writer')
    const [left, right] = [script.put(writer, 10), script.put(writer, 0)]
    writer.logged = [right, left]
    script.commit(writer)
    assert.deepEqual(check(script.history), [])
    writer.logged = [right]
    assert.deepEqual(script.kinds(), ['record of something else'])
    const silent = new Script()
    silent.put(silent.begin('writer'), 0)
    silent.end(silent.history.transactions[0]!, 'committed')
    assert.deepEqual(silent.kinds(), ['commit without a record'])
  })

  test('finds what a power cut must not leave', () => {
    const make = (cut: number, durable: number, slot0: number): string[] => {
      const script = new Script()
      script.written(0)
      script.written(1)
      const versions = new Map([
        [0, slot0],
        [1, 2],
      ])
      script.history.images.push({ what: 'image', cut, durable, appended: 2, versions })
      return script.kinds()
    }
    assert.deepEqual(make(2, 2, 1), [])
    assert.deepEqual(make(2, 2, 0), ['not a state'])
    assert.deepEqual(make(1, 1, 1), ['not a state'])
    assert.deepEqual(make(2, 3, 1), ['lost commit'])
    assert.deepEqual(make(3, 1, 1), ['commit out of thin air'])
  })

  test('takes time in proportion to the history', () => {
    const time = (count: number): number => {
      const script = new Script()
      for (let i = 0; i < count; i++) {
        const version = script.written(i % 20)
        script.reader(i + 1, [i % 20, version])
      }
      const begun = process.cpuUsage()
      assert.deepEqual(check(script.history), [])
      return process.cpuUsage(begun).user / 1000
    }
    time(2000)
    const [small, large] = [time(10_000), time(80_000)]
    assert.ok(large < small * 8 * 4, `${small} ms for 20,000 transactions, ${large} ms for 160,000`)
  })
})

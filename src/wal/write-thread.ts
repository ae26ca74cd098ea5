import { assert } from '../base/assert.ts'
import type { Clock } from '../platform/clock.ts'
import type { File } from '../platform/file-system.ts'
import type { Thread, Threads } from '../platform/thread.ts'
import type { OwnerLetter, ThreadLetter } from '../shared/write-slot.ts'
import {
  BUFFERS_MAX,
  COMPLETED,
  DESCRIPTOR,
  FIRST_PART,
  LISTENING,
  PARTS,
  PARTS_MAX,
  PART_WORDS,
  POLL_MICROS,
  POSITION_HIGH,
  POSITION_LOW,
  REQUESTED,
  RUNNING,
  SIGNAL,
  SLEEPING,
  SLOT_WORDS,
  THROUGH,
  TOOK_MICROS,
  WRITTEN,
  nextNumber,
} from '../shared/write-slot.ts'

const TWO_32 = 2 ** 32

interface Waiting<R> {
  readonly resolve: (result: R) => void
  readonly reject: (error: Error) => void
}

/** A write that the thread has been asked for. */
interface PendingWrite extends Waiting<number> {
  readonly file: File
  readonly parts: readonly Uint8Array[]
  readonly position: number
  readonly begun: number
}

/**
 * The owner's side of a thread that writes the log. A synced write through it costs one write of the medium and little
 * else: while there is much to do, neither side sleeps between two writes, since to wake a thread costs some 40 µs on
 * each side. The owner looks for the end of a write once in each turn of the event loop, which goes on meanwhile; where the
 * last write took longer than it may look, it does not look at all, since the wait is then the medium's.
 *
 *   starting ─▶ idle ⇄ writing ─▶ ended
 *
 * A thread that ends by itself has perhaps written its last write and perhaps not: it is written once more by the I/O
 * threads. That is sound: all its bytes are written again, to the same place, and synced if they were to be.
 */
export class WriteThread {
  readonly #clock: Clock
  readonly #thread: Thread
  readonly #words: Int32Array<SharedArrayBuffer> = new Int32Array(new SharedArrayBuffer(SLOT_WORDS * 4))
  #numbers: WeakMap<ArrayBufferLike, number> = new WeakMap()
  #nextNumber = 0
  /** The number of the last write. */
  #requested = 0
  #write: PendingWrite | undefined
  #zeros: Waiting<boolean> | undefined
  #ended = false
  #held = false

  /** `body` is the module that the thread runs; `failedToRun` is called if it has never run. Throws where threads cannot be had. */
  constructor(threads: Threads, body: URL, clock: Clock, failedToRun: () => void) {
    this.#clock = clock
    this.#thread = threads.spawn(body)
    this.#thread.onMessage(message => this.#received(message as ThreadLetter))
    this.#thread.onExit(() => {
      if (Atomics.load(this.#words, RUNNING) === 0) failedToRun()
      this.#exited()
    })
    this.#post({ kind: 'begin', words: this.#words.buffer })
  }

  /** For how long either side looks for the other's word before it sleeps. */
  set pollMicros(micros: number) {
    this.#words[POLL_MICROS] = micros
  }

  /** It runs, and takes a write. */
  get isReady(): boolean {
    return !this.#ended && this.#write === undefined && Atomics.load(this.#words, RUNNING) === 1
  }

  get isEnded(): boolean {
    return this.#ended
  }

  /**
   * As `File.write`, on the thread; `through` must be what the file was opened with. Requires: `isReady`, a file with a
   * descriptor, and parts in shared memory that is used for many writes (`BUFFERS_MAX`).
   */
  write(file: File, through: boolean, parts: readonly Uint8Array[], position: number): Promise<number> {
    assert(this.isReady, 'a write thread does one write at a time')
    const words = this.#words
    words[DESCRIPTOR] = file.descriptor!
    words[THROUGH] = through ? 1 : 0
    words[POSITION_LOW] = position
    words[POSITION_HIGH] = position / TWO_32
    this.#describe(parts)
    return new Promise((resolve, reject) => {
      this.#write = { file, parts, position, begun: this.#clock.now(), resolve, reject }
      this.#requested = nextNumber(this.#requested)
      Atomics.store(words, REQUESTED, this.#requested)
      this.#signal()
      if (words[TOOK_MICROS]! >= words[POLL_MICROS]!) this.#listen()
      else this.#clock.defer(this.#poll)
    })
  }

  #describe(parts: readonly Uint8Array[]): void {
    const count = Math.min(parts.length, PARTS_MAX)
    if (this.#nextNumber + count > BUFFERS_MAX) this.#forget()
    this.#words[PARTS] = count
    for (let i = 0, word = FIRST_PART; i < count; i++, word += PART_WORDS) {
      const { buffer, byteOffset, length } = parts[i]!
      this.#words[word] = this.#numberOf(buffer)
      this.#words[word + 1] = byteOffset
      this.#words[word + 2] = length
    }
  }

  #numberOf(buffer: ArrayBufferLike): number {
    let number = this.#numbers.get(buffer)
    if (number === undefined) {
      number = this.#nextNumber++
      this.#numbers.set(buffer, number)
      this.#post({ kind: 'buffer', number, buffer: buffer as SharedArrayBuffer })
    }
    return number
  }

  #forget(): void {
    this.#numbers = new WeakMap()
    this.#nextNumber = 0
    this.#post({ kind: 'forget' })
  }

  /**
   * Writes zeros from one position to another, in pieces between which other writes go first. Resolves with false if the
   * thread has ended before they were all written. One call at a time. Requires: the file has a descriptor.
   */
  writeZeros(file: File, from: number, to: number): Promise<boolean> {
    assert(this.#zeros === undefined && !this.#ended, 'a write thread writes zeros into one file at a time')
    return new Promise((resolve, reject) => {
      this.#zeros = { resolve, reject }
      this.#hold(true)
      this.#post({ kind: 'zeros', descriptor: file.descriptor!, from, to })
      this.#signal()
    })
  }

  get isWritingZeros(): boolean {
    return this.#zeros !== undefined
  }

  #post(letter: OwnerLetter): void {
    this.#thread.post(letter)
  }

  #signal(): void {
    Atomics.add(this.#words, SIGNAL, 1)
    if (Atomics.load(this.#words, SLEEPING) === 1) Atomics.notify(this.#words, SIGNAL)
  }

  readonly #poll = (): void => {
    const write = this.#write
    if (write === undefined) return
    if (Atomics.load(this.#words, COMPLETED) === this.#requested) this.#completed(write)
    else if ((this.#clock.now() - write.begun) * 1000 > this.#words[POLL_MICROS]!) this.#listen()
    else this.#clock.defer(this.#poll)
  }

  /** The owner sleeps: the thread sends a letter. Until then it keeps the process alive, as the turns did. */
  #listen(): void {
    this.#hold(true)
    Atomics.store(this.#words, LISTENING, this.#requested)
    if (Atomics.load(this.#words, COMPLETED) === this.#requested && this.#write !== undefined)
      this.#completed(this.#write)
  }

  #completed(write: PendingWrite): void {
    this.#endWrite()
    write.resolve(this.#words[WRITTEN]!)
  }

  #endWrite(): void {
    Atomics.store(this.#words, LISTENING, 0)
    this.#write = undefined
    this.#hold(this.#zeros !== undefined)
  }

  #hold(alive: boolean): void {
    if (alive !== this.#held) this.#thread.hold(alive)
    this.#held = alive
  }

  #received(letter: ThreadLetter): void {
    const write = this.#write
    const zeros = this.#zeros
    if (letter.kind === 'done') {
      // A letter may come late, when its write has been found done and the next one is under way.
      if (write !== undefined && Atomics.load(this.#words, COMPLETED) === this.#requested) this.#completed(write)
    } else if (letter.kind === 'failed') {
      this.#endWrite()
      write?.reject(revive(letter))
    } else {
      this.#zeros = undefined
      this.#hold(write !== undefined)
      if (letter.kind === 'zeros-done') zeros?.resolve(true)
      else zeros?.reject(revive(letter))
    }
  }

  #exited(): void {
    this.#ended = true
    const write = this.#write
    const zeros = this.#zeros
    this.#write = undefined
    this.#zeros = undefined
    if (write !== undefined) write.file.write(write.parts, write.position).then(write.resolve, write.reject)
    zeros?.resolve(false)
  }

  async terminate(): Promise<void> {
    await this.#thread.terminate()
  }
}

/** Errors of the operating system as the I/O threads report them: what counts is the code. */
function revive({ code, message }: { readonly code: string | undefined; readonly message: string }): Error {
  return Object.assign(new Error(message), { code })
}

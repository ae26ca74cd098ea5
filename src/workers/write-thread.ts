import { adoptDescriptor } from '../platform/node/file-system.ts'
import { threadPort } from '../platform/node/thread-port.ts'
import { writeFullySync } from '../platform/write-fully.ts'
import type { OwnerLetter, ThreadLetter } from '../shared/write-slot.ts'
import {
  COMPLETED,
  DESCRIPTOR,
  FIRST_PART,
  PARTS,
  PART_WORDS,
  POLL_MICROS,
  POSITION_HIGH,
  POSITION_LOW,
  REQUESTED,
  RUNNING,
  SIGNAL,
  SLEEPING,
  THROUGH,
  TOOK_MICROS,
  WRITTEN,
  takeWish,
} from '../shared/write-slot.ts'
import { ZEROS } from '../shared/zeros.ts'

/**
 * The body of the thread that writes the log. The descriptors are the owner's and stay open.
 *
 * It never returns to an event loop: it looks for work, does it, and when there has been none for a while sleeps until the
 * owner signals. Letters of the owner are taken out of the port between two looks.
 */
const TWO_32 = 2 ** 32
/** Looks between two looks at the clock, which costs as much as twenty of them. */
const LOOKS = 64

const port = threadPort()
/** The owner's buffers by number. */
let buffers: Uint8Array[] = []
let zeros: { readonly descriptor: number; position: number; readonly to: number } | undefined

port.onMessage(message => {
  const letter = message as OwnerLetter
  if (letter.kind === 'begin') run(new Int32Array(letter.words))
})

function run(words: Int32Array): never {
  let done = 0
  // Who has had a short write done may soon want the next. After a long one the owner does not look either, and after zeros
  // nobody wants anything, while who works meanwhile needs the processor: to look then cost unsynced batches 3 to 15 % on two cores.
  let pollMicros = 0
  Atomics.store(words, RUNNING, 1)
  for (;;) {
    const signal = Atomics.load(words, SIGNAL)
    // Letters of a write are sent before it is requested, so they are read after its number is: the other way round a thread could meet a
    // write in a buffer of which it had not yet read.
    const requested = Atomics.load(words, REQUESTED)
    readLetters()
    if (requested !== done) {
      done = requested
      serve(words, requested)
      pollMicros = words[TOOK_MICROS]! < words[POLL_MICROS]! ? words[POLL_MICROS]! : 0
    } else if (zeros !== undefined) {
      writePiece()
      pollMicros = 0
    } else idle(words, signal, pollMicros)
  }
}

function readLetters(): void {
  for (;;) {
    const letter = port.receive() as OwnerLetter | undefined
    if (letter === undefined) return
    if (letter.kind === 'buffer') buffers[letter.number] = new Uint8Array(letter.buffer)
    else if (letter.kind === 'forget') buffers = []
    else if (letter.kind === 'zeros') zeros = { descriptor: letter.descriptor, position: letter.from, to: letter.to }
  }
}

function serve(words: Int32Array, requested: number): void {
  const parts: Uint8Array[] = []
  for (let i = 0, word = FIRST_PART; i < words[PARTS]!; i++, word += PART_WORDS) {
    const offset = words[word + 1]!
    parts.push(buffers[words[word]!]!.subarray(offset, offset + words[word + 2]!))
  }
  const position = (words[POSITION_HIGH]! >>> 0) * TWO_32 + (words[POSITION_LOW]! >>> 0)
  try {
    const file = adoptDescriptor('the log', words[DESCRIPTOR]!, words[THROUGH] === 1)
    const begun = performance.now()
    words[WRITTEN] = file.writeSync(parts, position)
    words[TOOK_MICROS] = (performance.now() - begun) * 1000
  } catch (error) {
    post({ kind: 'failed', ...reasonOf(error) })
    return
  }
  Atomics.store(words, COMPLETED, requested)
  if (takeWish(words, requested)) post({ kind: 'done' })
}

function writePiece(): void {
  const { descriptor, position, to } = zeros!
  try {
    const piece = ZEROS.subarray(0, to - position)
    writeFullySync(adoptDescriptor('the log', descriptor, false), [piece], position)
    zeros!.position += piece.length
  } catch (error) {
    zeros = undefined
    post({ kind: 'zeros-failed', ...reasonOf(error) })
    return
  }
  if (zeros!.position < to) return
  zeros = undefined
  post({ kind: 'zeros-done' })
}

/** Looks for a signal for a while, then sleeps until there is one. */
function idle(words: Int32Array, signal: number, pollMicros: number): void {
  const begun = performance.now()
  do {
    for (let i = 0; i < LOOKS; i++) if (Atomics.load(words, SIGNAL) !== signal) return
  } while ((performance.now() - begun) * 1000 < pollMicros)
  Atomics.store(words, SLEEPING, 1)
  Atomics.wait(words, SIGNAL, signal)
  Atomics.store(words, SLEEPING, 0)
}

function post(letter: ThreadLetter): void {
  port.post(letter)
}

function reasonOf(error: unknown): { readonly code: string | undefined; readonly message: string } {
  const { code, message } = error as Error & { readonly code?: string }
  return { code, message }
}

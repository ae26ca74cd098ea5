/**
 * The words through which the owner of a log and its write thread speak. One write at a time.
 *
 * ```
 *  word  field       written by
 *     0  signal      owner, counts what it wants of the thread: writes and letters; the thread sleeps on it
 *     1  sleeping    thread, 1 while it sleeps or is about to
 *     2  running     thread, 1 once its loop has begun
 *     3  requested   owner, the number of the last write wanted
 *     4  completed   thread, the number of the last write done
 *     5  listening   owner, the number of the write of which it wants a letter when it is done, 0: of none; the thread takes
 *                    it back
 *     6  written     thread, bytes that the write has written
 *     7  descriptor  owner
 *     8  through     owner, 1: the descriptor was opened to write through to the medium
 *     9  low         owner, position in the file, below 2^32
 *    10  high        owner, and above
 *    11  took        thread, microseconds that the write took
 *    12  poll        owner, microseconds for which the thread looks for a signal before it sleeps
 *    13  parts       owner, how many parts the bytes are in
 *    14  -           owner, for each part the number of its buffer, where in it the part begins, and its length
 * ```
 *
 * From word 6 on they belong to the owner until it stores `requested`, then to the thread until it stores `completed` or
 * sends `failed`. What one side writes there happens before the store that hands them over, since that is atomic.
 *
 * No wake-up is lost: the thread sets `sleeping` and then waits only if `signal` still is what it was before it looked
 * for work; the owner changes `signal` and then looks at `sleeping`. The other way round, the owner sets `listening` and
 * then looks at `completed`; the thread stores `completed` and then looks at `listening`.
 */
export const SIGNAL = 0
export const SLEEPING = 1
export const RUNNING = 2
export const REQUESTED = 3
export const COMPLETED = 4
export const LISTENING = 5
export const WRITTEN = 6
export const DESCRIPTOR = 7
export const THROUGH = 8
export const POSITION_LOW = 9
export const POSITION_HIGH = 10
export const TOOK_MICROS = 11
export const POLL_MICROS = 12
export const PARTS = 13
export const FIRST_PART = 14
export const PART_WORDS = 3
/** The most parts of one write; what is left is the next one. */
export const PARTS_MAX = 32
export const SLOT_WORDS: number = FIRST_PART + PARTS_MAX * PART_WORDS

/**
 * Buffers that a thread knows by number; when there are more they are all forgotten. A thread that never returns to its event
 * loop collects hardly any garbage, so what it has once known it keeps alive: only buffers that are used again and again are
 * handed to it. With every chunk of every arena a long run kept 1 KB more for each commit.
 */
export const BUFFERS_MAX = 64

/**
 * The number after `number`: never 0, and a word also after 2^31 - 1 writes, which a log may do in a few days.
 */
export function nextNumber(number: number): number {
  return number === 0x7fffffff ? 1 : number + 1
}

/**
 * The thread's last step of write `number`, after it has stored `completed`: true if the owner listens for that write and so gets a
 * letter. Between the two the owner may have seen the write done and asked for the next one, so a wish that is there now need
 * not be for this one. To take any wish back lost the next write's: its letter was never sent, and the log stood still.
 */
export function takeWish(words: Int32Array, number: number): boolean {
  return Atomics.compareExchange(words, LISTENING, number, 0) === number
}

/** What the owner sends before a `signal`. */
export type OwnerLetter =
  | { readonly kind: 'begin'; readonly words: SharedArrayBuffer }
  | { readonly kind: 'buffer'; readonly number: number; readonly buffer: SharedArrayBuffer }
  | { readonly kind: 'forget' }
  | { readonly kind: 'zeros'; readonly descriptor: number; readonly from: number; readonly to: number }

/** What the thread sends. */
export type ThreadLetter =
  | { readonly kind: 'done' }
  /** The write, or the zeros, failed as the operating system says. */
  | { readonly kind: 'failed'; readonly code: string | undefined; readonly message: string }
  | { readonly kind: 'zeros-done' }
  | { readonly kind: 'zeros-failed'; readonly code: string | undefined; readonly message: string }

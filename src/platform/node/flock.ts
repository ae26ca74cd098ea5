import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import { readRecordFrom } from './lock-file.ts'
import { lockedError } from './lock-holder.ts'
import type { HeldLock } from './lock-holder.ts'
import { FREE_RECORD, decodeLockOwner, encodeLockOwner } from './lock-record.ts'
import type { LockOwner } from './lock-record.ts'
import { lifeOf, thisOwner } from './process-identity.ts'

/** How often, and after how many milliseconds each, the holder's name is looked for while it is just being written. */
const NAME_ATTEMPTS = 10
const NAME_PAUSE_MILLIS = 2

/** More descriptors than starting a program takes for a moment. */
const SPAWN_DESCRIPTORS = 10

/** Failures to start a program that say nothing about the program: without the lock's answer the database stays shut. */
const EXHAUSTED: ReadonlySet<string> = new Set(['EAGAIN', 'EMFILE', 'ENFILE', 'ENOMEM'])

/**
 * The lock by flock(1), which locks a descriptor that it inherits and leaves it locked: the lock belongs to the open
 * file, which this process keeps. So the kernel frees it however the process ends, a second open in this process is
 * refused like any other, and a pid used again means nothing. Returns undefined where flock cannot be had: no such
 * program, or a file system without such locks.
 *
 * The owner's record in the file is for the error message, and for processes that do not find flock: they must not
 * take the database from a living owner. After release the file stays, without a record. Removing it would let a
 * process that has it open already lock a file without a name, and the next one a new file under that name.
 *
 * Two processes that race for a free database by different techniques, in the same instant, are not excluded from one
 * another: that takes one process that finds flock and one that does not.
 */
export function takeFlock(file: string): HeldLock | undefined {
  if (process.platform === 'win32') return undefined
  const self = thisOwner('flock')
  for (;;) {
    const { O_RDWR, O_CREAT, O_NOFOLLOW } = fs.constants
    const descriptor = fs.openSync(file, O_RDWR | O_CREAT | O_NOFOLLOW, 0o600)
    let held = false
    try {
      const answer = flockDescriptor(descriptor)
      if (answer === 'unavailable') return undefined
      if (answer === 'refused') throw lockedError(file, holderOf(descriptor, self), self, false)
      const owner = decodeLockOwner(readRecordFrom(descriptor))
      if (owner?.technique === 'file') {
        const life = lifeOf(owner, self)
        if (life !== 'dead') throw lockedError(file, owner, self, life === 'unknown')
      }
      // Somebody may have removed or replaced the file between its opening and its locking.
      if (!isNamed(file, descriptor)) continue
      writeRecord(descriptor, encodeLockOwner(self))
      held = true
    } finally {
      if (!held) fs.closeSync(descriptor)
    }
    return {
      release: () => {
        try {
          writeRecord(descriptor, FREE_RECORD)
        } finally {
          fs.closeSync(descriptor)
        }
      },
    }
  }
}

type Answer = 'held' | 'refused' | 'unavailable'

function flockDescriptor(descriptor: number): Answer {
  checkDescriptors()
  let result: { status: number | null; error?: Error }
  try {
    result = spawnSync('flock', ['-xn', '3'], { stdio: ['ignore', 'ignore', 'ignore', descriptor] })
  } catch {
    return 'unavailable'
  }
  const { status, error } = result
  if (error !== undefined && 'code' in error && EXHAUSTED.has(String(error.code))) throw error
  if (status === 0) return 'held'
  return status === 1 ? 'refused' : 'unavailable'
}

/** Throws where there are too few descriptors to start a program: spawnSync would lose one for good each time it finds that. */
function checkDescriptors(): void {
  const held: number[] = []
  try {
    for (let i = 0; i < SPAWN_DESCRIPTORS; i++) held.push(fs.openSync('/dev/null', 'r'))
  } finally {
    for (const descriptor of held) fs.closeSync(descriptor)
  }
}

/** Who holds the lock: its record is there a moment after the lock is, and until then that of an earlier owner. */
function holderOf(descriptor: number, self: LockOwner): LockOwner | undefined {
  for (let attempt = 0; attempt < NAME_ATTEMPTS; attempt++) {
    if (attempt > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, NAME_PAUSE_MILLIS)
    const owner = decodeLockOwner(readRecordFrom(descriptor))
    if (owner !== undefined && lifeOf(owner, self) !== 'dead') return owner
  }
  return undefined
}

function isNamed(file: string, descriptor: number): boolean {
  const named = fs.lstatSync(file, { bigint: true, throwIfNoEntry: false })
  const open = fs.fstatSync(descriptor, { bigint: true })
  return named !== undefined && named.ino === open.ino && named.dev === open.dev
}

/** On a full disk the lock holds without its owner's name. */
function writeRecord(descriptor: number, record: string): void {
  try {
    fs.writeSync(descriptor, record, 0, 'latin1')
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT')))
      throw error
  }
}

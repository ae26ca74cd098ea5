import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import type { LockOwner } from './lock-record.ts'

function textOf(file: string): string {
  try {
    return fs.readFileSync(file, 'latin1').trim()
  } catch {
    return ''
  }
}

function pidNamespace(): string {
  try {
    return fs.readlinkSync('/proc/self/ns/pid')
  } catch {
    return ''
  }
}

/** When the process started; 'ended' for one that has ended and is not yet reaped; '' where that cannot be had. */
function startOf(pid: number): string {
  const status = textOf(`/proc/${pid}/stat`)
  if (status !== '') {
    // The command's name stands in parentheses and may hold spaces and parentheses; state and start are fields 3 and 22.
    const fields = status.slice(status.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' || fields[0] === 'X' ? 'ended' : (fields[19] ?? '')
  }
  if (process.platform === 'linux' || process.platform === 'win32') return ''
  const env = { ...process.env, LC_ALL: 'C', TZ: 'UTC' }
  return spawnSync('ps', ['-o', 'lstart=', '-p', String(pid)], { env, encoding: 'latin1' }).stdout?.trim() ?? ''
}

/** This process, with a fresh nonce. */
export function thisOwner(technique: LockOwner['technique']): LockOwner {
  return {
    technique,
    pid: process.pid,
    start: startOf(process.pid),
    boot: textOf('/proc/sys/kernel/random/boot_id'),
    namespace: pidNamespace(),
    host: os.hostname(),
    nonce: randomBytes(8).toString('hex'),
  }
}

/** 'unknown': the process belongs to another machine or container, and nothing here can tell whether it lives. */
export type Life = 'alive' | 'dead' | 'unknown'

/** Whether the process that wrote `owner` still lives, as far as `self`, this process, can see. In doubt it does. */
export function lifeOf(owner: LockOwner, self: LockOwner): Life {
  const sameKernel = owner.boot !== '' && owner.boot === self.boot
  if (!sameKernel) {
    if (owner.host !== self.host) return 'unknown'
    if (owner.boot !== self.boot) return 'dead'
  }
  if (owner.namespace !== self.namespace) return 'unknown'
  try {
    process.kill(owner.pid, 0)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return 'dead'
  }
  const start = startOf(owner.pid)
  if (start === 'ended') return 'dead'
  return start !== '' && owner.start !== '' && start !== owner.start ? 'dead' : 'alive'
}

/**
 * What a lock file says of its owner: one JSON object, padded with spaces to a fixed length, so that one write replaces
 * one record by another and the block it lies in is never given back. A file without a record is free.
 */
export const LOCK_RECORD_BYTES: number = 512

export interface LockOwner {
  readonly technique: 'flock' | 'file'
  readonly pid: number
  /** When the process started, in the system's own notation; '' where that cannot be had. Tells a pid used again. */
  readonly start: string
  /** The running kernel's boot id; '' where there is none. */
  readonly boot: string
  /** The pid namespace (a container has its own): pids of another one say nothing here. '' where there are none. */
  readonly namespace: string
  readonly host: string
  /** Random: no two records are ever equal. */
  readonly nonce: string
}

export const FREE_RECORD: string = `${' '.repeat(LOCK_RECORD_BYTES - 1)}\n`

export function encodeLockOwner(owner: LockOwner): string {
  const { technique, pid, start, boot, namespace, nonce } = owner
  // 64 characters is the system's own limit; another one must not push the record over its length.
  const host = owner.host.replace(/[^\w.-]/g, '_').slice(0, 64)
  return `${JSON.stringify({ technique, pid, start, boot, namespace, host, nonce }).padEnd(LOCK_RECORD_BYTES - 1)}\n`
}

/** Undefined where there is no whole record: a living owner always has one, so the file is free. */
export function decodeLockOwner(record: string): LockOwner | undefined {
  let value: unknown
  try {
    value = JSON.parse(record)
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null) return undefined
  const field = (name: string): unknown => (Object.hasOwn(value, name) ? value[name as keyof typeof value] : undefined)
  const text = (name: string): string => String(field(name) ?? '')
  const pid = field('pid')
  if (typeof pid !== 'number' || !Number.isInteger(pid) || pid <= 0 || pid > 0x7fff_ffff) return undefined
  return {
    technique: field('technique') === 'file' ? 'file' : 'flock',
    pid,
    start: text('start'),
    boot: text('boot'),
    namespace: text('namespace'),
    host: text('host'),
    nonce: text('nonce'),
  }
}

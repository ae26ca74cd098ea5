import { statfsSync } from 'node:fs'
import { availableParallelism, cpus, release, totalmem, type } from 'node:os'

/** What a figure depends on beside the code; it stands above every table and in every JSON result. */
export interface Machine {
  readonly date: string
  readonly processor: string
  readonly cores: number
  readonly memoryBytes: number
  readonly system: string
  readonly fileSystem: string
  readonly node: string
}

/** f_type of statfs(2). */
const FILE_SYSTEMS: Readonly<Record<number, string>> = {
  0xef53: 'ext4',
  0x58465342: 'xfs',
  0x9123683e: 'btrfs',
  0x2fc12fc1: 'zfs',
  0xf2f52010: 'f2fs',
  0x01021994: 'tmpfs',
  0x794c7630: 'overlay',
}

export function describeMachine(directory: string): Machine {
  const magic = statfsSync(directory).type
  return {
    date: new Date().toISOString(),
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    system: `${type()} ${release()}`,
    fileSystem: FILE_SYSTEMS[magic] ?? `0x${magic.toString(16)}`,
    node: process.version,
  }
}

export function machineLine(machine: Machine): string {
  const memory = `${Math.round(machine.memoryBytes / 2 ** 30)} GiB`
  const parts = [
    machine.processor,
    `${machine.cores} cores`,
    memory,
    machine.system,
    machine.fileSystem,
    `Node ${machine.node}`,
  ]
  return parts.join(' · ')
}

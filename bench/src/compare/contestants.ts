import { nativeRival, runNative, runNativeVictim } from '../native.ts'
import type { NativeName } from '../native.ts'
import { runTask, runVictim } from '../processes.ts'
import type { Figures } from '../processes.ts'
import { npmRival } from '../rivals.ts'
import type { Rival } from '../rivals.ts'
import type { StoreName } from '../stores/open.ts'
import type { Level } from '../stores/store.ts'

/** A column of the tables. Where a contestant has several configurations, the column has the best of them. */
export const COLUMNS = [
  'Manifold async',
  'Manifold sync',
  'Manifold off',
  'RocksDB',
  'LMDB',
  'lmdb',
  'classic-level',
  'rocksdb',
  'better-sqlite3',
  'raw',
] as const

export type Column = (typeof COLUMNS)[number]
export type Kind = 'manifold' | 'native' | 'npm' | 'raw'

/** What a process is asked to do. `leave` commands prepare the files that `reopen` opens. */
export type Command = 'writes' | 'reads' | 'leaveClosed' | 'leaveKilled' | 'reopen'

export interface Parameters {
  readonly level: Level
  readonly valueBytes: number
  readonly milliseconds: number
  readonly warmMillis: number
  readonly writers?: number
  readonly batch?: number
  readonly order?: 'ordered' | 'random'
  readonly entries?: number
  readonly mixedOver?: number
  readonly keepLog?: boolean
}

export interface Entrant {
  readonly column: Column
  readonly kind: Kind
  /** With the configuration. */
  readonly name: string
  run(command: Command, directory: string, parameters: Parameters): Promise<Figures>
  /** Runs `leaveKilled`, which ends with a killed process. */
  die(directory: string, parameters: Parameters): Promise<boolean>
}

function fromNpm(column: Column, kind: Kind, store: StoreName, config: string, name = config): Entrant {
  return {
    column,
    kind,
    name: name === '' ? column : `${column} (${name})`,
    run: (command, directory, parameters) => runTask(command, { ...parameters, store, config, directory }),
    die: (directory, parameters) => runVictim('leaveKilled', { ...parameters, store, config, directory }),
  }
}

const NATIVE_COMMANDS: Readonly<Record<Command, string>> = {
  writes: 'writes',
  reads: 'reads',
  leaveClosed: 'closed',
  leaveKilled: 'killed',
  reopen: 'reopen',
}

function nativeParameters(
  command: Command,
  config: string,
  directory: string,
  parameters: Parameters,
): Record<string, string | number> {
  const { level, valueBytes, milliseconds, warmMillis, writers, batch, order, entries, mixedOver, keepLog } = parameters
  const given = { writers, batch, order, entries, 'mixed-over': mixedOver }
  return {
    directory,
    config,
    work: command,
    level,
    value: valueBytes,
    milliseconds,
    warm: warmMillis,
    'keep-log': keepLog === true ? 1 : 0,
    ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
  } as Record<string, string | number>
}

function native(column: Column, program: NativeName, config: string): Entrant {
  return {
    column,
    kind: 'native',
    name: config === '' ? column : `${column} (${config})`,
    run: (command, directory, parameters) =>
      runNative(program, NATIVE_COMMANDS[command], nativeParameters(command, config, directory, parameters)),
    die: (directory, parameters) =>
      runNativeVictim(program, 'killed', nativeParameters('leaveKilled', config, directory, parameters)),
  }
}

/** The configurations of native RocksDB for writes, and for everything else. */
const ROCKSDB_WRITES = ['default', 'pipelined', 'serial'] as const
const ROCKSDB_OTHERS = ['default', 'tuned'] as const

function lmdbConfigurations(command: Command, level: Level): readonly string[] {
  if (command === 'reads') return ['ordered keys', 'binary keys']
  return level === 'synced' && command === 'writes' ? ['', 'overlapping'] : ['']
}

/** Everybody who can do this work at this level, whether or not it is installed. */
function entrantsOf(command: Command, level: Level): Entrant[] {
  const rocksdb = (command === 'writes' ? ROCKSDB_WRITES : ROCKSDB_OTHERS).map(config =>
    native('RocksDB', 'rocksdb', config),
  )
  if (level === 'logless') return [fromNpm('Manifold off', 'manifold', 'manifold', 'off', ''), ...rocksdb]
  const journals = command === 'writes' ? (['async', 'sync'] as const) : (['async'] as const)
  const own = journals.map(journal => fromNpm(`Manifold ${journal}`, 'manifold', 'manifold', journal, ''))
  const lmdb = lmdbConfigurations(command, level).map(config => fromNpm('lmdb', 'npm', 'lmdb', config))
  // Only lmdb syncs behind the acknowledgement by itself, as `eventual` does.
  if (level === 'eventual') return [...own, ...lmdb]
  return [
    ...own,
    ...rocksdb,
    native('LMDB', 'lmdb', ''),
    ...lmdb,
    fromNpm('classic-level', 'npm', 'classic-level', ''),
    fromNpm('rocksdb', 'npm', 'rocksdb', ''),
    fromNpm('better-sqlite3', 'npm', 'better-sqlite3', ''),
  ]
}

export interface Field {
  readonly rivals: readonly Rival[]
  entrants(command: Command, level: Level): Entrant[]
}

/** Builds and looks for everybody; who is missing takes no part and is named with the command that installs it. */
export async function gather(): Promise<Field> {
  const columns: readonly (readonly [Column, Promise<Rival>])[] = [
    ['RocksDB', nativeRival('rocksdb')],
    ['LMDB', nativeRival('lmdb')],
    ...(['lmdb', 'classic-level', 'rocksdb', 'better-sqlite3'] as const).map(
      name => [name, npmRival(name)] as [Column, Promise<Rival>],
    ),
  ]
  const rivals = await Promise.all(columns.map(([, rival]) => rival))
  const missing = new Set(columns.map(([column]) => column).filter((_, i) => rivals[i]!.missing !== undefined))
  return {
    rivals,
    entrants: (command, level) => entrantsOf(command, level).filter(({ column }) => !missing.has(column)),
  }
}

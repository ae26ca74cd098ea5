/**
 * The floors of `src`, lowest first. A folder imports only from itself and from floors below its own: folders that
 * share a floor do not know each other.
 */
export const FLOORS = [
  ['base'],
  ['platform', 'codec'],
  ['shared'],
  ['pager', 'wal', 'memtable', 'mvcc'],
  ['btree'],
  ['engine'],
  ['verify'],
  ['salvage'],
  ['api'],
  ['workers', 'index', 'repair', 'simulation', 'cli'],
]

/** Implementations of the platform. They stand on floor 1 and see what it sees, and only the top floor names them. */
export const IMPLEMENTATIONS = ['platform/node', 'platform/simulated', 'platform/opfs']

/** What an implementation takes from another one: the simulated platform has Node's context. */
const BORROWED = { 'platform/simulated': ['platform/node'] }

/** The only places outside of tests where modules of Node are imported. */
export const NODE_ALLOWED = ['src/platform/node/', 'src/base/checksum.ts', 'src/cli.ts']

const TOP = FLOORS.length - 1

/** @param {string} folder */
export function floorOf(folder) {
  return FLOORS.findIndex(folders => folders.includes(folder))
}

/** The folders and implementations that a file in `folder` must not import.  @param {string} folder */
export function forbiddenFor(folder) {
  const implementation = IMPLEMENTATIONS.includes(folder)
  const floor = implementation ? floorOf('platform') : floorOf(folder)
  const own = implementation ? 'platform' : folder
  const folders = FLOORS.flatMap((names, index) => (index < floor ? [] : names.filter(name => name !== own)))
  const implementations =
    floor === TOP ? [] : IMPLEMENTATIONS.filter(name => name !== folder && !BORROWED[folder]?.includes(name))
  return { folders: floor === TOP ? [] : folders.filter(name => name !== 'index'), implementations }
}

import type { Reading } from './build-index.ts'
import type { DependentRow, IndexStats, LicenceRow } from './queries.ts'
import type { PackageVersion } from './schema.ts'

const PROBLEMS_SHOWN_MAX = 10

/** Lines of cells, each column as wide as its widest cell. */
function columns(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map(row => row[column]!.length))) ?? []
  return rows
    .map(row =>
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

function plural(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`
}

export function formatReading({ info, versions, skipped }: Reading): string {
  const lines = [
    `${info.root}: ${plural(info.packageFiles, 'package')} in ${plural(versions.length, 'version')} indexed`,
  ]
  if (skipped.length > 0) lines.push(`${plural(skipped.length, 'file')} could not be used:`)
  for (const { file, reason } of skipped.slice(0, PROBLEMS_SHOWN_MAX)) lines.push(`  ${file}: ${reason}`)
  if (skipped.length > PROBLEMS_SHOWN_MAX) lines.push(`  and ${skipped.length - PROBLEMS_SHOWN_MAX} more`)
  return lines.join('\n')
}

export function formatVersions(versions: readonly PackageVersion[]): string {
  return versions
    .map(({ name, version, licence, description, homepage, dependencies, folders }) =>
      [
        `${name}@${version}  ${licence}`,
        ...(description === undefined ? [] : [`  ${description}`]),
        ...(homepage === undefined ? [] : [`  ${homepage}`]),
        ...dependencies.map(
          ({ name: needed, range, kind }) => `  needs ${needed} ${range}${kind === 'dependency' ? '' : ` (${kind})`}`,
        ),
        ...folders.map(folder => `  in ${folder}`),
      ].join('\n'),
    )
    .join('\n\n')
}

export function formatDependents(name: string, rows: readonly DependentRow[]): string {
  if (rows.length === 0) return `Nothing depends on ${name}.`
  return columns(rows.map(row => [`${row.name}@${row.version}`, row.range, row.kind]))
}

export function formatLicences(rows: readonly LicenceRow[]): string {
  return columns([
    ['licence', 'versions', 'copies'],
    ...rows.map(row => [row.licence, String(row.versions), String(row.copies)]),
  ])
}

export function formatStats(stats: IndexStats): string {
  const { root, indexedAt, names, versions, copies, dependencies, licences, problems, fileBytes } = stats
  return columns([
    ['indexed', `${root}, ${indexedAt}`],
    ['packages', `${names}, in ${plural(versions, 'version')} and ${plural(copies, 'copy', 'copies')}`],
    ['dependencies', String(dependencies)],
    ['licences', String(licences)],
    ['unusable files', String(problems)],
    ['data file', `${fileBytes} bytes`],
  ])
}

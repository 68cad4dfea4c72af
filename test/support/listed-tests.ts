import { execFileSync } from 'node:child_process'
import path from 'node:path'
import { namedTest, proofRows, proofTables } from './proof-table.ts'
import { projectRoot } from './source-files.ts'

let listed: Map<string, Set<string>> | undefined

/** The titles of groups and tests, as they are written, of each file that a table names: what vitest finds there. */
export function listedTitles(): Map<string, Set<string>> {
  listed ??= list()
  return listed
}

function list(): Map<string, Set<string>> {
  const documents = Object.keys(proofTables) as (keyof typeof proofTables)[]
  const files = new Set(documents.flatMap(proofRows).map((row) => namedTest(row).file))
  const output = execFileSync(process.execPath, [path.join(import.meta.dirname, 'list-tests.ts'), ...files], {
    cwd: projectRoot,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    // The list is of another run than this one.
    env: Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('VITEST'))),
  })
  const titles = new Map<string, Set<string>>()
  for (const [file, names] of JSON.parse(output) as [string, string[]][]) {
    const known = titles.get(file) ?? new Set()
    titles.set(file, known)
    for (const name of names) known.add(name.replaceAll(/\\(["'`])/g, '$1'))
  }
  return titles
}

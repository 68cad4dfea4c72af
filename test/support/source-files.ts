import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'

export const projectRoot = path.join(import.meta.dirname, '../..')

/** One import or re-export statement, or an `import(…)` with a literal. */
export interface Import {
  /** As it is written: `./seal.ts`, `express`, `node:crypto`. */
  specifier: string
  /** The file it names, from the project's root; undefined for a package. */
  file: string | undefined
  /** The package it names, without a path inside it; undefined for a file. */
  package: string | undefined
  /** Whether nothing is left of it in the running program. */
  typeOnly: boolean
}

export interface SourceFile {
  /** From the project's root, with slashes: `src/keys/sealing/seal.ts`. */
  path: string
  text: string
  imports: Import[]
}

const STATEMENT = /^(?:import|export)\s+(?<type>type\s)?(?:[\w$*\s{},]*?\sfrom\s+)?['"](?<specifier>[^'"]+)['"]/gm
const DYNAMIC = /\bimport\(\s*['"](?<specifier>[^'"]+)['"]\s*\)/g

/** Every TypeScript file under a folder of the project, in the order of their paths. */
export function sourceFiles(folder: string): SourceFile[] {
  return readdirSync(path.join(projectRoot, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => path.posix.join(folder, name.split(path.sep).join('/')))
    .sort()
    .map((file) => {
      const text = readFileSync(path.join(projectRoot, file), 'utf8')
      return { path: file, text, imports: importsOf(file, text) }
    })
}

function importsOf(file: string, text: string): Import[] {
  return [...text.matchAll(STATEMENT), ...text.matchAll(DYNAMIC)].map(({ groups }) => {
    const specifier = groups!.specifier!
    const relative = specifier.startsWith('.')
    return {
      specifier,
      file: relative ? path.posix.join(path.posix.dirname(file), specifier) : undefined,
      package: relative ? undefined : specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/'),
      typeOnly: groups!.type !== undefined,
    }
  })
}

/** The code without its comments, for rules about what is written in it. Strings are left alone. */
export function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\/|(?<=^|[\s;{(])\/\/.*$/gm, '')
}

/** The first cycle of imports found, as the paths along it; undefined if there is none. */
export function findCycle(files: readonly SourceFile[]): string[] | undefined {
  const byPath = new Map(files.map((file) => [file.path, file]))
  const done = new Set<string>()
  const walk = (at: string, trail: string[]): string[] | undefined => {
    if (trail.includes(at)) return [...trail.slice(trail.indexOf(at)), at]
    if (done.has(at)) return undefined
    for (const { file } of byPath.get(at)?.imports ?? []) {
      const cycle = file === undefined ? undefined : walk(file, [...trail, at])
      if (cycle) return cycle
    }
    done.add(at)
    return undefined
  }
  for (const { path } of files) {
    const cycle = walk(path, [])
    if (cycle) return cycle
  }
  return undefined
}

/** Everything that is imported from the entries on, directly or not, the entries themselves included. */
export function reachableFrom(files: readonly SourceFile[], entries: readonly string[]): Set<string> {
  const byPath = new Map(files.map((file) => [file.path, file]))
  const reached = new Set<string>()
  const waiting = [...entries]
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    if (reached.has(at)) continue
    reached.add(at)
    for (const { file } of byPath.get(at)?.imports ?? []) if (file !== undefined) waiting.push(file)
  }
  return reached
}

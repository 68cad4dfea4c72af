import { spawnSync } from 'node:child_process'
import { cpSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect } from 'vitest'
import { projectRoot } from './source-files.ts'

const NEEDED = ['src', 'migrations', 'package.json', 'tsconfig.json', 'tsconfig.build.json']

/**
 * Copies the sources into a directory, gives them a further kind as a contributor would, and builds them: the kind's file, and
 * its place in the registry. Nothing else is changed.
 *
 * @returns the directory of the built programs
 */
export function buildWithKind(directory: string, { file, name }: { file: string; name: string }): string {
  const isNeeded = (source: string) => !source.endsWith('.test.ts')
  for (const part of NEEDED) {
    cpSync(path.join(projectRoot, part), path.join(directory, part), { recursive: true, filter: isNeeded })
  }
  symlinkSync(path.join(projectRoot, 'node_modules'), path.join(directory, 'node_modules'))
  const kinds = path.join(directory, 'src/kinds')
  const text = readFileSync(path.join(projectRoot, 'test/support', file), 'utf8')
  writeFileSync(path.join(kinds, file), text.replaceAll("'../../src/kinds/", "'./"))
  const registry = path.join(kinds, 'registry.ts')
  const before = readFileSync(registry, 'utf8')
  const after = before
    .replace('\nimport type', `\nimport { ${name} } from './${file}'\nimport type`)
    .replace(/(export const registry = \[[^\]]*)\]/, `$1, ${name}]`)
  expect(after.split('\n')).toHaveLength(before.split('\n').length + 1)
  writeFileSync(registry, after)
  const compiler = path.join(projectRoot, 'node_modules/typescript/bin/tsc')
  const { status, stdout } = spawnSync(process.execPath, [compiler, '-p', 'tsconfig.build.json'], {
    cwd: directory,
    encoding: 'utf8',
  })
  expect(status, stdout).toBe(0)
  const isSql = (source: string) => !source.endsWith('.ts')
  cpSync(path.join(directory, 'migrations'), path.join(directory, 'dist/migrations'), {
    recursive: true,
    filter: isSql,
  })
  return path.join(directory, 'dist')
}

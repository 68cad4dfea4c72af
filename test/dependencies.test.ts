import { readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, it } from 'vitest'
import { projectRoot, sourceFiles } from './support/source-files.ts'

interface Locked {
  version?: string
  resolved?: string
  integrity?: string
  link?: boolean
  hasInstallScript?: boolean
}
const json = (name: string) => JSON.parse(readFileSync(path.join(projectRoot, name), 'utf8'))
const packages = Object.entries(json('package-lock.json').packages as Record<string, Locked>).filter(
  ([at]) => at !== '',
)
const nameOf = (at: string) => at.slice(at.lastIndexOf('node_modules/') + 'node_modules/'.length)

it('has install scripts only of packages that package.json decides on by name, and no name too many', () => {
  const withScripts = packages.filter(([, locked]) => locked.hasInstallScript).map(([at]) => nameOf(at))
  expect(Object.keys(json('package.json').allowScripts).sort()).toEqual([...new Set(withScripts)].sort())
})

it('takes every package from registry.npmjs.org, with its hash', () => {
  for (const [at, { resolved, integrity }] of packages) {
    if (resolved !== undefined) expect(resolved, at).toMatch(/^https:\/\/registry\.npmjs\.org\//)
    expect(integrity, at).toMatch(/^sha512-/)
  }
})

it('is exact, and so is package.json', () => {
  const { dependencies, devDependencies, optionalDependencies } = json('package.json')
  for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies })) {
    expect(version, name).toMatch(/^\d+\.\d+\.\d+(-[\w.]+)?$/)
    const locked = packages.find(([at]) => at === `node_modules/${name}`)
    expect(locked?.[1].version, name).toBe(version)
  }
})

it('what the program imports is a dependency, not a development one', () => {
  const files = sourceFiles('src').filter(({ path }) => !path.endsWith('.test.ts'))
  const imported = new Set(files.flatMap(({ imports }) => imports.map((statement) => statement.package ?? 'node:')))
  const { dependencies, optionalDependencies } = json('package.json')
  const missing = [...imported].filter(
    (name) => !name.startsWith('node:') && !Object.hasOwn({ ...dependencies, ...optionalDependencies }, name),
  )
  expect(imported.size).toBeGreaterThan(15)
  expect(missing).toEqual([])
})

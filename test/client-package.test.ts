import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { API_FILE, apiTypes } from '../packages/client/write-api.ts'
import { projectRoot, sourceFiles } from './support/source-files.ts'

const PACKAGE = path.join(projectRoot, 'packages/client')
const MAX_GZIP_BYTES = 12 * 1024

const program = (name: string) => path.join(projectRoot, 'node_modules/.bin', name)
/** Away from the configuration of the project and of this machine. */
const offline = { npm_config_offline: 'true', npm_config_audit: 'false', npm_config_fund: 'false' }
const run = (command: string, args: string[], cwd: string) =>
  execFileSync(command, args, { cwd, encoding: 'utf8', env: { ...process.env, ...offline } })

let directory: string
let tarball: string

beforeAll(() => {
  directory = mkdtempSync(path.join(realpathSync(tmpdir()), 'strongroom-client-'))
  // What `npm run build` has made: a build in the middle of a run would take it from other tests.
  run('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', directory], PACKAGE)
  tarball = path.join(directory, readdirSync(directory).find((name) => name.endsWith('.tgz'))!)
  writeFileSync(path.join(directory, 'package.json'), '{ "private": true, "type": "module" }')
  run('npm', ['install', '--no-save', '--silent', tarball], directory)
}, 120_000)
afterAll(() => rmSync(directory, { recursive: true, force: true }))

const installed = () => path.join(directory, 'node_modules/@strongroom/client')

describe('the package', { timeout: 120_000 }, () => {
  it('brings nothing else, least of all PostgreSQL', () => {
    expect(readdirSync(path.join(directory, 'node_modules')).filter((name) => !name.startsWith('.'))).toEqual([
      '@strongroom',
    ])
    expect(readdirSync(path.join(directory, 'node_modules/@strongroom'))).toEqual(['client'])
    expect(statSync(tarball).size).toBeLessThan(100_000)
  })

  it('has no faults that publint or attw know', () => {
    // Both end with 1 when they find something.
    run(program('publint'), ['run', tarball, '--strict'], directory)
    run(program('attw'), [tarball, '--profile', 'esm-only', '--no-definitely-typed'], directory)
  })

  it('has at most 12 KiB of programs, compressed', () => {
    const dist = path.join(installed(), 'dist')
    const programs = readdirSync(dist).filter((name) => name.endsWith('.js'))
    expect(programs.length).toBeGreaterThan(10)
    const all = Buffer.concat(programs.map((name) => readFileSync(path.join(dist, name))))
    expect(gzipSync(all, { level: 9 }).length).toBeLessThanOrEqual(MAX_GZIP_BYTES)
  })

  it.each([
    ['of Node.js', { lib: ['es2023'], types: ['node'], typeRoots: [path.join(projectRoot, 'node_modules/@types')] }],
    ['of a browser', { lib: ['es2023', 'dom'], types: [] }],
  ])('has types for programs %s', (where, compilerOptions) => {
    const folder = mkdtempSync(path.join(directory, 'program-'))
    const strict = { module: 'nodenext', strict: true, noEmit: true, exactOptionalPropertyTypes: true }
    writeFileSync(
      path.join(folder, 'tsconfig.json'),
      JSON.stringify({ compilerOptions: { ...compilerOptions, ...strict } }),
    )
    const text = `
      import { VaultClient, VaultProblem, type MaskedCard } from '@strongroom/client'
      const { privateKey, publicKey } = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign'])
      const vault = new VaultClient({ url: 'https://vault.example', dpop: { privateKey, publicKey } })
      const stored = await vault.checkouts.tokenize({ card: { number: '4', exp_month: 1, exp_year: 2031 } })
      const card: MaskedCard | undefined = stored.card
      // @ts-expect-error a verification code has no place
      vault.checkouts.tokenize({ card: { number: '4', exp_month: 1, exp_year: 2031, cvc: '123' } })
      const isExpired = (error: unknown) => error instanceof VaultProblem && error.code === 'card-expired'
      for await (const { id } of vault.audit.events({ type: 'record.reveal' })) isExpired(id + card?.last4)
    `
    writeFileSync(path.join(folder, `${where.replaceAll(/\W/g, '-')}.ts`), text)
    const compilers = [program('tsc'), path.join(PACKAGE, 'node_modules/.bin/tsc')]
    for (const compiler of compilers) run(compiler, ['-p', folder], folder)
  })
})

describe('the sources', () => {
  it('have the types of the OpenAPI document', async () => {
    expect(readFileSync(API_FILE, 'utf8'), 'run "npm run docs"').toBe(await apiTypes())
  })

  it('import nothing but each other; one file is for Node.js', () => {
    const files = sourceFiles('packages/client/src').filter((file) => !file.path.endsWith('.test.ts'))
    const outside = files.flatMap((file) =>
      file.imports.flatMap(({ package: name }) => (name ? [`${file.path} → ${name}`] : [])),
    )
    expect(outside).toEqual(['packages/client/src/node.ts → node:https'])
    const importers = files.filter((file) => file.imports.some((one) => one.file?.endsWith('/node.ts')))
    expect(importers).toEqual([])
  })
})

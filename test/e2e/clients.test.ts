import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { VaultClient } from '@strongroom/client'
import { createNodeFetch } from '@strongroom/client/node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { conformanceCases, TypeScriptRun } from '../support/conformance.ts'
import { pythonIsMissing, runPython } from '../support/python.ts'
import { startProgram } from '../support/run-program.ts'
import { projectRoot } from '../support/source-files.ts'
import { VaultProcess } from '../support/vault-process.ts'
import { without } from '../support/without.ts'

const missing = pythonIsMissing()
const names = conformanceCases.map(({ name }) => name)

let vault: VaultProcess
let url: string
let ca: string

beforeAll(async () => {
  vault = await VaultProcess.start()
  url = `https://localhost:${vault.port}`
  ca = path.join(vault.directory, 'certs/ca.pem')
})
afterAll(() => vault.remove())

describe('the TypeScript client', () => {
  let run: TypeScriptRun
  beforeAll(() => {
    const callers = JSON.parse(readFileSync(vault.file('sample-callers.json'), 'utf8')) as {
      role: string
      client_id: string
      client_secret: string
    }[]
    run = new TypeScriptRun('typescript', createNodeFetch({ ca: readFileSync(ca) }), ({ as, dpop = false }, send) => {
      const caller = callers.find(({ role }) => role === as)
      const credentials = caller && { clientId: caller.client_id, clientSecret: caller.client_secret }
      return new VaultClient({ url, fetch: send, dpop, ...(credentials ? { credentials } : {}) })
    })
  })

  it.each(conformanceCases)('$name', async (one) => {
    expect(await run.check(one)).toEqual([])
  })
})

describe.skipIf(missing !== undefined)(`the Python client${without(missing)}`, () => {
  it.each([
    ['sync', []],
    ['async', ['--async']],
  ])('makes the same calls, %s', async (kind, more) => {
    const { code, stdout, stderr } = await runPython(
      'conformance.py',
      url,
      ca,
      vault.file('sample-callers.json'),
      kind,
      ...more,
    )
    expect([code, stderr]).toEqual([0, ''])
    const results = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { name: string; differences: string[] })
    expect(results.filter(({ differences }) => differences.length > 0)).toEqual([])
    expect(results.map(({ name }) => name)).toEqual(names)
  })

  it.each([
    ['has types that mypy accepts', ['-m', 'mypy', '--cache-dir', '/dev/null']],
    ['is linted', ['-m', 'ruff', 'check', '--no-cache', '.']],
    ['is formatted', ['-m', 'ruff', 'format', '--no-cache', '--check', '.']],
    ['has the types of the OpenAPI document, and a sync client like the async one', ['tools/compare.py']],
  ])('%s', async (_what, args) => {
    const { code, stdout, stderr } = await runPython(...args)
    expect(code, stdout + stderr).toBe(0)
  })
})

/** Another Node.js than the one that runs the tests. */
const OLDER_NODE = '/usr/bin/node'

function olderNodeIsMissing(): string | undefined {
  try {
    const version = execFileSync(OLDER_NODE, ['--version'], { encoding: 'utf8' })
    if (version.startsWith('v20.')) return undefined
  } catch {
    // Named below.
  }
  return `${OLDER_NODE} is not Node.js 20`
}

const missingNode = olderNodeIsMissing()

it.skipIf(missingNode !== undefined)(`runs on Node.js 20${without(missingNode)}`, async () => {
  const modules = path.join(vault.directory, 'node_modules/@strongroom')
  mkdirSync(modules, { recursive: true })
  symlinkSync(path.join(projectRoot, 'packages/client'), path.join(modules, 'client'))
  const program = path.join(vault.directory, 'older.mjs')
  writeFileSync(
    program,
    `
    import { readFileSync } from 'node:fs'
    import { VaultClient } from '@strongroom/client'
    import { createNodeFetch } from '@strongroom/client/node'
    const [url, ca, callers] = process.argv.slice(2)
    const fetches = [fetch, createNodeFetch({ ca: readFileSync(ca) })]
    const clientOf = (role, send) => {
      const { client_id, client_secret } = JSON.parse(readFileSync(callers)).find((one) => one.role === role)
      const credentials = { clientId: client_id, clientSecret: client_secret }
      return new VaultClient({ url, credentials, dpop: true, fetch: send })
    }
    for (const send of fetches) {
      const card = { number: '4242 4242 4242 4242', exp_month: 12, exp_year: 2031 }
      const stored = await clientOf('checkout', send).checkouts.tokenize({ card })
      const why = { purpose: 'process-payment', fields: ['number'] }
      const { data } = await clientOf('billing', send).tokens.reveal(stored.card.token, why)
      console.log(process.version.split('.')[0], data.number)
    }
  `,
  )
  const { code, stdout, stderr } = await startProgram({
    command: OLDER_NODE,
    args: [program, url, ca, vault.file('sample-callers.json')],
    cwd: vault.directory,
    env: { PATH: process.env.PATH ?? '', NODE_EXTRA_CA_CERTS: ca },
  }).ended
  expect([code, stderr]).toEqual([0, ''])
  expect(stdout).toBe('v20 4242424242424242\nv20 4242424242424242\n')
})

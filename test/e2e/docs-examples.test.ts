import { spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { chmodSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { builtProgram } from '../support/built-program.ts'
import { type Example, examplesByPage, lastJson, outputsOf, scriptOf, shapeOf } from '../support/docs-examples.ts'
import { startProgram } from '../support/run-program.ts'
import { checkout } from '../support/samples.ts'
import { projectRoot } from '../support/source-files.ts'
import { VaultProcess } from '../support/vault-process.ts'

const pages = examplesByPage()
const all = [...pages.values()].flat()
/** The vault needs none of them; a reader who pastes the examples does. */
const missing = ['bash', 'curl', 'sed', 'grep'].filter((name) => spawnSync(name, ['--version']).error)

/** One vault for all pages. */
let vault: VaultProcess
let programs: string
beforeAll(async () => {
  vault = await VaultProcess.start()
  programs = path.join(vault.directory, 'bin')
  mkdirSync(programs)
  const strongroom = path.join(programs, 'strongroom')
  writeFileSync(strongroom, `#!/bin/sh\nexec '${process.execPath}' '${builtProgram('cli')}' "$@"\n`)
  chmodSync(strongroom, 0o755)
})
afterAll(async () => {
  await vault.remove()
  const left = all.filter(({ notRun }) => notRun !== undefined)
  const lines = left.map(({ page, line, notRun }) => `  ${page}:${line}: ${notRun}`)
  if (missing.length > 0) process.stdout.write(`not installed here, so no example is run: ${missing.join(', ')}\n`)
  process.stdout.write(`\nexamples of the documentation: ${all.length - left.length} run, ${left.length} not run\n`)
  process.stdout.write(`${lines.join('\n')}\n`)
})

/** A folder that looks like the repository, so that what examples write is not written into the repository itself. */
function copyOfRepository(name: string): string {
  const directory = path.join(vault.directory, 'pages', name.replaceAll('/', '_'))
  mkdirSync(directory, { recursive: true })
  const entries = readdirSync(projectRoot).filter((entry) => !['.git', '.env', '.strongroom'].includes(entry))
  for (const entry of entries) symlinkSync(path.join(projectRoot, entry), path.join(directory, entry))
  return directory
}

/** What a page's examples find in their environment; only what they name is made. */
async function environmentFor(examples: readonly Example[]): Promise<Record<string, string>> {
  const uses = (name: string) => examples.some(({ commands }) => new RegExp(`\\$\\{?${name}\\b`).test(commands))
  const TOKEN = await vault.token('checkout')
  const environment: Record<string, string> = {
    ...vault.env,
    PATH: [programs, path.dirname(process.execPath), vault.env.PATH].join(path.delimiter),
    CA: path.join(vault.directory, 'certs/ca.pem'),
    VAULT: `https://localhost:${vault.port}`,
    TOKEN,
  }
  if (uses('CARD')) {
    const stored = await vault.call<{ card: { token: string } }>('POST', '/v1/tokenize', {
      token: TOKEN,
      body: checkout,
    })
    expect(stored.status, stored.text).toBe(201)
    environment.CARD = stored.body.card.token
  }
  if (uses('AUDITOR')) environment.AUDITOR = await vault.token('auditor')
  if (uses('BILLING')) environment.BILLING = await vault.token('billing')
  if (uses('SUPPORT')) environment.SUPPORT = await vault.token('support')
  return environment
}

it('reads examples', () => {
  expect(all.length).toBeGreaterThan(5)
  expect(pages.has('README.md')).toBe(true)
})

it.skipIf(missing.length > 0).each([...pages])('%s works as it is', async (page, examples) => {
  const run = examples.filter(({ notRun }) => notRun === undefined)
  if (run.length === 0) return
  vault.forgetTokens()
  const mark = randomUUID()
  const { code, stdout, stderr } = await startProgram({
    command: 'bash',
    args: ['-c', scriptOf(run, mark)],
    cwd: copyOfRepository(page),
    env: await environmentFor(run),
  }).ended
  const outputs = outputsOf(stdout, mark)
  const last = [...outputs.keys()].filter((line) => !Number.isNaN(line)).at(-1)
  expect(code, `${page}:${last} ended with ${code}\n${outputs.get(last ?? 0)}\n${stderr}`).toBe(0)
  for (const { line, prints } of run.filter((example) => example.prints !== undefined)) {
    expect(shapeOf(lastJson(outputs.get(line) ?? '')), `${page}:${line}`).toEqual(shapeOf(prints))
  }
})

import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { builtProgram } from '../support/built-program.ts'
import { startProgram } from '../support/run-program.ts'
import { checkout } from '../support/samples.ts'
import { VaultProcess } from '../support/vault-process.ts'

interface Rotated {
  done: true
  moved: number
  total: number
  remaining: number
  active: { display: string; secret: string }
  retired: string[]
  resumed: boolean
}

/** Four parts, each of a display and a secret part. */
const SEALED_VALUES = 8

let vault: VaultProcess
beforeAll(async () => {
  vault = await VaultProcess.start()
  const token = await vault.token('checkout')
  expect((await vault.call('POST', '/v1/tokenize', { token, body: checkout })).status).toBe(201)
})
afterAll(() => vault.remove())

async function keyStatus(): Promise<{ id: string; purpose: string; state: string; sealed_values: number | null }[]> {
  return (await vault.cli(['keys', 'status', '--json'])).json()
}

it('prints a JSON document a line, the last of which says what is done', async () => {
  const before = await keyStatus()
  const { code, stdout, stderr } = await vault.cli(['keys', 'rotate', '--json'])
  expect(code, stderr).toBe(0)
  const lines = stdout.trimEnd().split('\n')
  const progress = lines.map((line) => JSON.parse(line) as Rotated)
  const last = progress.pop()
  const oldKeys = before.filter(({ sealed_values }) => sealed_values !== null).map(({ id }) => id)
  expect(last).toMatchObject({ done: true, moved: SEALED_VALUES, total: SEALED_VALUES, remaining: 0, resumed: false })
  expect(last?.retired.sort()).toEqual(oldKeys.sort())
  expect(progress[0]).toEqual({ done: false, moved: 0, total: SEALED_VALUES, remaining: SEALED_VALUES })
  expect(progress.at(-1)).toEqual({ done: false, moved: SEALED_VALUES, total: SEALED_VALUES, remaining: 0 })

  const after = await keyStatus()
  expect(after.filter(({ id }) => oldKeys.includes(id)).map((key) => [key.state, key.sealed_values])).toEqual([
    ['deactivated', 0],
    ['deactivated', 0],
  ])
  // The two were made at the same moment, so their order is chance.
  for (const purpose of ['display', 'secret'] as const) {
    expect(after.find(({ id }) => id === last?.active[purpose])).toMatchObject({
      purpose,
      state: 'active',
      sealed_values: SEALED_VALUES / 2,
    })
  }
})

it('prints plain lines where there is no terminal', async () => {
  const { code, stdout, stderr } = await vault.cli(['keys', 'rotate'])
  expect(code, stderr).toBe(0)
  expect(stdout).toMatch(/^done: 8 values re-encrypted; no value is left under key_\w+, key_\w+\n$/)
  expect(stderr).toMatch(/^re-encrypted 8 of 8$/m)
  // No colours, no cursor movements, no line that is written over.
  expect(stdout + stderr).not.toMatch(/[\u001b\r]/)
})

it('draws a bar on a terminal', (context) => {
  const isThere = process.platform === 'linux' && spawnSync('script', ['--version']).error === undefined
  context.skip(!isThere, 'the script(1) of util-linux, which lends a terminal, is not installed here')
  const typescript = path.join(vault.directory, 'typescript')
  const program = `'${process.execPath}' '${builtProgram('cli')}' keys rotate`
  // The first has nothing to move, and nothing to draw.
  const command = `${program} signing && ${program}`
  const { status } = spawnSync('script', ['--quiet', '--return', '--command', command, typescript], {
    cwd: vault.directory,
    env: { ...vault.env, TERM: 'xterm', SHELL: '/bin/sh' },
    stdio: 'ignore',
  })
  const shown = readFileSync(typescript, 'utf8')
  expect(status, shown).toBe(0)
  expect(shown).toMatch(/[=█]{10,} 100 % \| 8 of 8/)
  // Before anything is done, nothing is done.
  expect(shown).not.toMatch(/0 of 0|LLs/)
  expect(shown).toContain('done: 8 values re-encrypted')
})

it('rotates without a running server too, and what it re-encrypted opens when there is one again', async () => {
  await vault.stop()
  const { ended } = startProgram({
    command: process.execPath,
    args: [builtProgram('cli'), 'keys', 'rotate', '--json'],
    cwd: vault.directory,
    env: vault.env,
  })
  const { code, stdout, stderr } = await ended
  expect(code, stderr).toBe(0)
  expect(JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '')).toMatchObject({ done: true, moved: SEALED_VALUES })

  await vault.start()
  const found = await vault.call<{ results: { token: string; kind: string }[] }>('POST', '/v1/search', {
    token: await vault.token('billing'),
    body: { by: 'customer', value: checkout.customer },
  })
  expect(found.body.results).toHaveLength(4)
  const cardToken = found.body.results.find(({ kind }) => kind === 'card')?.token
  const revealed = await vault.call<{ data: { number: string } }>('POST', `/v1/tokens/${cardToken}/reveal`, {
    token: await vault.token('billing'),
    body: { purpose: 'process-payment' },
  })
  expect(revealed.body.data.number).toBe('4242424242424242')
})

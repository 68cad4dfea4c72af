import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { hashOfToken } from '../../src/privacy/erasure/ledger-line.ts'
import { runTask } from '../support/run-task.ts'
import { contact } from '../support/samples.ts'
import { quickKeys, TestVault } from '../support/test-vault.ts'

let directory: string
let vault: TestVault
const file = (name: string) => path.join(directory, name)

beforeAll(async () => {
  directory = mkdtempSync(path.join(tmpdir(), 'strongroom-erasure-shipping-'))
  writeFileSync(file('store'), `#!/bin/sh\ntest -e ${file('broken')} && exit 1\ncat >> ${file('stored')}\n`)
  chmodSync(file('store'), 0o700)
  const witnessesFile = file('witnesses.json')
  writeFileSync(witnessesFile, JSON.stringify({ ship: [{ name: 'store', command: [file('store')] }] }))
  vault = await TestVault.start({ overrides: quickKeys, config: { keepsLog: true, audit: { witnessesFile } } })
}, 60_000)
afterAll(async () => {
  await vault.stop()
  rmSync(directory, { recursive: true })
})

async function erase(): Promise<string> {
  const { token } = (await vault.tokenize({ contact })).contact!
  const officer = await vault.staffToken('privacy-officer')
  expect((await vault.call('DELETE', `/v1/tokens/${token}`, { token: officer })).status).toBe(204)
  return hashOfToken(token!).toString('hex')
}

const stored = () => (existsSync(file('stored')) ? readFileSync(file('stored'), 'utf8') : '')
const ship = () => runTask(vault, 'ship-erasures')

it('a command gets each line once, also when it did not work for a time, which is an alert', async () => {
  const first = await erase()
  await vi.waitFor(async () => {
    await ship()
    expect(stored()).toContain(`${first} `)
  })
  writeFileSync(file('broken'), '')
  const second = await erase()
  await ship()
  const alerts = vault.logLines.map((line) => JSON.parse(line)).filter(({ alert }) => alert === 'erasures-undelivered')
  expect(alerts).toMatchObject([{ target: 'store' }])
  expect((await vault.metrics.text()).body).toContain('strongroom_erasures_unshipped 1')
  rmSync(file('broken'))
  await ship()
  for (const hash of [first, second]) expect(stored().split(hash)).toHaveLength(2)
  expect((await vault.metrics.text()).body).toContain('strongroom_erasures_unshipped 0')
})

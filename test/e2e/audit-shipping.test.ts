import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { card } from '../support/samples.ts'
import { VaultProcess } from '../support/vault-process.ts'

let vault: VaultProcess
beforeAll(async () => {
  vault = await VaultProcess.create()
})
afterAll(() => vault.remove())

const file = (name: string) => path.join(vault.directory, name)

it('a server ships its checkpoints, the last one when it stops, whichever process serves callers', async () => {
  writeFileSync(file('witnesses.json'), JSON.stringify({ ship: [{ file: 'checkpoints' }], every_seconds: 1 }))
  const env = { STRONGROOM_AUDIT_WITNESSES_FILE: file('witnesses.json'), STRONGROOM_WORKERS: '2' }
  const shipped: string[] = []
  for (const round of [1, 2]) {
    await vault.start(env)
    const { status } = await vault.call('POST', '/v1/tokenize', {
      token: await vault.token('checkout'),
      body: { card },
    })
    expect(status).toBe(201)
    await vault.stop()
    const written = readFileSync(file('checkpoints'), 'utf8')
    expect(written.startsWith(shipped.at(-1) ?? '')).toBe(true)
    shipped.push(written)
    const sizes = [...written.matchAll(new RegExp(`^localhost:${vault.port}/audit\\n(\\d+)\\n`, 'gm'))].map(Number)
    expect(sizes.length).toBeGreaterThanOrEqual(round)
  }
  const listed = await vault.cli(['audit', 'list', '--json', '--limit', '1000'])
  const types = listed.json<{ type: string }[]>().map(({ type }) => type)
  expect(types.filter((type) => /^audit\.(start|stop|gap)$/.test(type))).toEqual([
    'audit.start',
    'audit.stop',
    'audit.start',
    'audit.stop',
  ])
}, 60_000)

it('a file of witnesses that cannot be used refuses the start, in a sentence that says where', async () => {
  writeFileSync(file('wrong.json'), JSON.stringify({ witnesses: [{ url: 'https://witness.example', key: 'x' }] }))
  const { code, stderr } = await vault.spawn({ STRONGROOM_AUDIT_WITNESSES_FILE: file('wrong.json') }).ended
  expect(code).toBe(1)
  expect(stderr).toMatch(/wrong\.json is not usable at \/witnesses\/0\/key: this is no verifier key/)
})

import { execFileSync } from 'node:child_process'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
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
})

it('a file of witnesses that cannot be used refuses the start, in a sentence that says where', async () => {
  writeFileSync(file('wrong.json'), JSON.stringify({ witnesses: [{ url: 'https://witness.example', key: 'x' }] }))
  const { code, stderr } = await vault.spawn({ STRONGROOM_AUDIT_WITNESSES_FILE: file('wrong.json') }).ended
  expect(code).toBe(1)
  expect(stderr).toMatch(/wrong\.json is not usable at \/witnesses\/0\/key: this is not a verifier key/)
})

it('a data directory that was put back is closed for reads until the newer log was applied', async () => {
  writeFileSync(file('witnesses.json'), JSON.stringify({ ship: [{ file: 'checkpoints' }], every_seconds: 1 }))
  const env = { STRONGROOM_AUDIT_WITNESSES_FILE: file('witnesses.json') }
  let officer = ''
  const record = (method: 'GET' | 'DELETE', token: string) =>
    vault.call(method, `/v1/tokens/${token}`, { token: officer })
  const tokenize = async () => {
    const { body } = await vault.call('POST', '/v1/tokenize', { token: await vault.token('checkout'), body: { card } })
    return (body as { card: { token: string } }).card.token
  }

  await vault.start(env)
  const [erased, kept] = [await tokenize(), await tokenize()]
  const issued = await vault.cli(['staff', 'token', '--name', 'Olga', '--role', 'privacy-officer'])
  officer = issued.stdout.trim()
  await vault.stop()
  // With the owner of each file, who may be another user than this one.
  execFileSync('cp', ['-a', vault.dataDir, file('backup')])
  await vault.start(env)
  expect((await record('DELETE', erased)).status).toBe(204)
  expect((await vault.cli(['staff', 'disable', 'staff:nia'])).code).toBe(0)
  const log = file('newer.jsonl')
  expect((await vault.cli(['audit', 'export', '--output', log])).code).toBe(0)
  await vault.stop()
  rmSync(vault.dataDir, { recursive: true })
  execFileSync('cp', ['-a', file('backup'), vault.dataDir])

  vault.spawn(env)
  const answer = () => record('GET', erased).catch(() => undefined)
  await vi.waitUntil(async () => (await answer()) !== undefined, { timeout: 60_000, interval: 100 })
  expect((await record('GET', erased)).body).toMatchObject({ status: 503, code: 'restored-backup' })
  expect(await tokenize()).toMatch(/^card_/)
  const { client_id, client_secret } = vault.sampleCaller('support')
  expect((await vault.requestToken(client_id, client_secret)).body).toMatchObject({ code: 'restored-backup' })
  const wrong = await vault.cli(['restore', 'apply', '--log', file('witnesses.json')], env)
  expect(wrong.code).toBe(2)
  const applied = await vault.cli(['restore', 'apply', '--log', log, '--json'], env)
  expect(applied.code, applied.stderr).toBe(0)
  expect(applied.json<{ taken_away: object }>().taken_away).toMatchObject({
    records: [erased],
    staff: ['staff:nia'],
    roles: false,
  })
  await expect.poll(async () => (await record('GET', kept)).status, { timeout: 20_000 }).toBe(200)
  expect((await record('GET', erased)).status).toBe(410)
  const waived = await vault.cli(['restore', 'waive', '--reason', 'For nothing', '--json'], env)
  expect(waived.json()).toEqual({ waived: 0, erasures: 0, size: null, event: null })
  await vault.stop()
}, 180_000)

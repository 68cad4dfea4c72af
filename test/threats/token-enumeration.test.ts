import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest'
import { expectProblem } from '../support/problems.ts'
import { contact } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

/** Attack 42: an attacker with a valid token of their own tries tokens, or values, until one exists. */
const LIMIT = 20

let vault: TestVault
let second: TestVault
let known: string

beforeAll(async () => {
  const overrides = { limits: { probesPerTenMinutes: LIMIT } }
  vault = await TestVault.start({ overrides })
  second = await TestVault.start({ overrides, sharedDatabase: vault.database })
  known = (await vault.tokenize({ contact })).contact!.token!
})
afterEach(() => vault.checkInvariants())
afterAll(async () => {
  await second.stop()
  await vault.stop()
})

const guess = (at: number) => `cont_${String(at).padStart(26, '0')}`
const read = (bearer: string, token: string, on = vault) => on.call('GET', `/v1/tokens/${token}`, { token: bearer })
const alerts = (on: TestVault, caller: string) =>
  on.logLines
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter((line) => line.alert === 'records-probed' && line.caller === caller)

it('404, then 429 with Retry-After, and one alert; others are served, and the caller is again after a while', async () => {
  const bearer = await vault.staffToken('support', { name: 'Eve', minutes: 60 })
  for (let at = 0; at < LIMIT; at++) expectProblem(await read(bearer, guess(at)), 404, 'record-not-found')
  const refused = await read(bearer, guess(LIMIT))
  expectProblem(refused, 429, 'too-many-requests')
  expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0)
  expectProblem(await read(bearer, known), 429, 'too-many-requests')
  await vi.waitUntil(() => alerts(vault, 'staff:eve').length > 0)
  expect(alerts(vault, 'staff:eve')).toEqual([
    expect.objectContaining({ role: 'support', probes: LIMIT, limit: LIMIT }),
  ])
  expect((await read(await vault.staffToken('support', { name: 'Ann' }), known)).status).toBe(200)
  vault.clockOffsetMs += 11 * 60 * 1000
  expect((await read(bearer, known)).status).toBe(200)
  vault.clockOffsetMs = 0
})

it('tried on two servers in turn, it gets no more answers', async () => {
  const bearer = await vault.staffToken('support', { name: 'Mallory' })
  let unknown = 0
  for (let at = 0; at < 2 * LIMIT; at++) {
    const { status } = await read(bearer, guess(at), at % 2 === 0 ? vault : second)
    if (status === 404) unknown++
  }
  expect(unknown).toBe(LIMIT)
})

it.each([
  ['a reveal', (token: string) => ['POST', `/v1/tokens/${token}/reveal`, { purpose: 'communicate' }] as const, 1],
  [
    'reveals of many',
    (token: string) => ['POST', '/v1/reveal', { purpose: 'communicate', items: Array(10).fill({ token }) }] as const,
    10,
  ],
  ['a comparison', (token: string) => ['POST', `/v1/tokens/${token}/match`, { fields: { name: 'x' } }] as const, 1],
  ['a correction', (token: string) => ['PATCH', `/v1/tokens/${token}`, { name: 'Tan' }] as const, 1],
  [
    'a search that finds nothing',
    (token: string) => ['POST', '/v1/search', { by: 'customer', value: token }] as const,
    1,
  ],
])('%s counts too', async (name, request, weight) => {
  const bearer = await vault.staffToken('support', { name: `Trying ${name}` })
  const tries = LIMIT / weight
  for (let at = 0; at < tries; at++) {
    const [method, path, body] = request(guess(at))
    expect((await vault.call(method, path, { token: bearer, body })).status).not.toBe(429)
  }
  expectProblem(await read(bearer, known), 429, 'too-many-requests')
})

it('what exists is never counted', async () => {
  const bearer = await vault.staffToken('support', { name: 'Busy Bea' })
  for (let at = 0; at < 2 * LIMIT; at++) expect((await read(bearer, known)).status).toBe(200)
})

import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { cardNumbers } from '../support/card-numbers.ts'
import { type PipelinedRequest, pipeline, statusesOf } from '../support/pipeline.ts'
import { expectProblem } from '../support/problems.ts'
import { conditionalRole, roleFile } from '../support/role-files.ts'
import { billingAddress, contact, person } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

/**
 * An attacker sends more requests at the same moment than a limit allows, over one connection and over several servers,
 * so that all are under way before the first has counted.
 */
const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const MISSES = 300
const BURST = 800

vi.setConfig({ testTimeout: 60_000 })

let vault: TestVault
let second: TestVault
let known: string

beforeAll(async () => {
  const rateLimits = { requestsPerMinute: 100_000, failuresPerMinute: 10 }
  const config = { limits: { cards: { perClient: 7 } } }
  const overrides = { rateLimits }
  vault = await TestVault.start({ overrides, config })
  second = await TestVault.start({ overrides, config, sharedDatabase: vault.database })
  known = (await vault.tokenize({ contact, customer: 'cus_known' })).contact!.token!
})
afterEach(() => vault.checkInvariants())
afterAll(async () => {
  await second.stop()
  await vault.stop()
})

const guesses = (request: (at: number) => PipelinedRequest, count = BURST) =>
  Array.from({ length: count }, (_, at) => request(at))

/** All over one connection to one server, or half over each of two. */
async function burst(servers: 1 | 2, bearer: string | undefined, requests: PipelinedRequest[]) {
  const half = requests.length / servers
  const parts = [vault, second]
    .slice(0, servers)
    .map((on, at) => pipeline(on, bearer, requests.slice(at * half, (at + 1) * half)))
  return (await Promise.all(parts)).flat()
}

const unknown = (at: number) => `cont_${String(at).padStart(26, '0')}`
const alerts = (code: string, caller: string) =>
  [...vault.logLines, ...second.logLines]
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter((line) => line.alert === code && line.caller === caller)

describe.each([1, 2] as const)('800 guesses at once over %i server(s)', (servers) => {
  it.each<[string, (at: number) => PipelinedRequest, number]>([
    ['searches', (at) => ({ method: 'POST', path: '/v1/search', body: { by: 'customer', value: `cus_${at}` } }), 200],
    ['tokens', (at) => ({ method: 'GET', path: `/v1/tokens/${unknown(at)}` }), 404],
    [
      'reveals',
      (at) => ({ method: 'POST', path: `/v1/tokens/${unknown(at)}/reveal`, body: { purpose: 'communicate' } }),
      404,
    ],
    ['corrections', (at) => ({ method: 'PATCH', path: `/v1/tokens/${unknown(at)}`, body: { name: 'Tan' } }), 404],
  ])('of %s get 300 answers, and every server knows', async (name, request, missed) => {
    const caller = `guessing ${name} on ${servers}`
    const bearer = await vault.staffToken('support', { name: caller })
    const answers = await burst(servers, bearer, guesses(request))
    expect(statusesOf(answers)).toEqual({ [missed]: MISSES, 429: BURST - MISSES })
    for (const on of [vault, second]) {
      expectProblem(await on.call('GET', `/v1/tokens/${known}`, { token: bearer }), 429, 'too-many-requests')
    }
    await vi.waitUntil(() => alerts('records-probed', `staff:${caller}`).length > 0)
    expect(alerts('records-probed', `staff:${caller}`)).toHaveLength(1)
  })

  it('of tokens, of which the last ones exist: these are not answered either', async () => {
    const bearer = await vault.staffToken('support', { name: `Hoping on ${servers}` })
    const isKnown = (at: number) => at % 100 === 99 && at >= 2 * MISSES
    const answers = await burst(
      servers,
      bearer,
      guesses((at) => ({ method: 'GET', path: `/v1/tokens/${isKnown(at) ? known : unknown(at)}` })),
    )
    const { 200: hits = 0, 404: misses = 0 } = statusesOf(answers)
    expect(misses).toBe(MISSES)
    // Two servers share the limit as they come, so one of them may get so far.
    if (servers === 1) expect(hits).toBe(0)
  })

  it('of many tokens a request, too', async () => {
    const bearer = await vault.staffToken('support', { name: `Many on ${servers}` })
    const items = (at: number) => Array.from({ length: 100 }, (_, item) => ({ token: unknown(100 * at + item) }))
    const answers = await burst(
      servers,
      bearer,
      guesses((at) => ({ method: 'POST', path: '/v1/reveal', body: { purpose: 'communicate', items: items(at) } }), 12),
    )
    const results = answers.filter(({ status }) => status === 200).flatMap(({ text }) => JSON.parse(text).results)
    expect(results).toHaveLength(MISSES)
  })

  it('of wrong secrets are looked at ten times', async () => {
    const { id } = await vault.client(['tokenize'])
    const form = (at: number) => `grant_type=client_credentials&client_id=${id}&client_secret=wrong-${at}`
    const requests = guesses((at) => ({ method: 'POST', path: '/oauth/token', form: form(at) }), 200)
    const { 401: looked = 0, 429: refused = 0, 503: busy = 0 } = statusesOf(await burst(servers, undefined, requests))
    expect(looked).toBeLessThanOrEqual(10)
    expect(looked + refused + busy).toBe(200)
    // The source is the same for every test.
    await vault.database.sql("DELETE FROM rate_limits WHERE key LIKE 'token-%'")
  })

  it('of a postal code get five answers', async () => {
    const { token } = (await vault.tokenize({ billing_address: billingAddress })).billing_address!
    const bearer = await vault.staffToken('support', { name: `Comparing on ${servers}` })
    const code = (at: number) => ({ fields: { postal_code: String(at).padStart(6, '0') } })
    const answers = await burst(
      servers,
      bearer,
      guesses((at) => ({ method: 'POST', path: `/v1/tokens/${token}/match`, body: code(at) }), 80),
    )
    expect(statusesOf(answers)).toEqual({ 200: 5, 429: 75 })
  })

  it('of cards to tokenize: as many as a minute may bring', async () => {
    const { id, secret } = await vault.client(['tokenize'])
    const bearer = (await vault.requestToken(id, secret)).body.access_token
    const numbers = cardNumbers(BURST)
    const body = (at: number) => ({ card: { number: numbers[at], exp_month: 12, exp_year: 2031 } })
    const answers = await burst(
      servers,
      bearer,
      guesses((at) => ({ method: 'POST', path: '/v1/tokenize', body: body(at) })),
    )
    expect(statusesOf(answers)).toEqual({ 201: 7, 429: BURST - 7 })
    await vi.waitUntil(() => alerts('card-testing', id).length > 0)
    expect(alerts('card-testing', id)).toHaveLength(1)
  })

  it('of records within a budget of five', async () => {
    const frugal = { ...conditionalRole({}), budget: { per_day: 5 } }
    await vault.commands.applyRoles(OPERATOR, roleFile({ frugal }))
    const writer = await vault.clientToken(['tokenize'])
    const items = Array.from({ length: 40 }, () => ({ contact }))
    const { body } = await vault.call('POST', '/v1/tokenize/batch', { token: writer, body: { items } })
    const tokens: string[] = body.results.map((result: { contact: { token: string } }) => result.contact.token)
    const bearer = await vault.staffToken('frugal', { name: `Frugal on ${servers}` })
    const requests = tokens.map((token) => ({ method: 'GET', path: `/v1/tokens/${token}` }) as const)
    expect(statusesOf(await burst(servers, bearer, requests))).toEqual({ 200: 5, 429: 35 })
  })
})

describe('who finds what there is', () => {
  it.each([1, 2] as const)('is not held back, however much it asks for at once of %i server(s)', async (servers) => {
    const bearer = await vault.staffToken('support', { name: `Busy on ${servers}` })
    const read = (): PipelinedRequest => ({ method: 'GET', path: `/v1/tokens/${known}` })
    expect(statusesOf(await burst(servers, bearer, guesses(read)))).toEqual({ 200: BURST })
    const body = { purpose: 'communicate', items: Array(100).fill({ token: known }) }
    const reveals = guesses(() => ({ method: 'POST', path: '/v1/reveal', body }), 12)
    expect(statusesOf(await burst(servers, bearer, reveals))).toEqual({ 200: 12 })
    const right = { fields: { name: person.name } }
    const matches = guesses(() => ({ method: 'POST', path: `/v1/tokens/${known}/match`, body: right }), 40)
    expect(statusesOf(await burst(servers, bearer, matches))).toEqual({ 200: 40 })
  })

  it('costs no statement of the limit while it continues', async () => {
    const bearer = await vault.staffToken('support', { name: 'Steady' })
    const read = async () =>
      expect((await vault.call('GET', `/v1/tokens/${known}`, { token: bearer })).status).toBe(200)
    const rows = async () =>
      vault.database.sql<{ key: string; xmin: string }>("SELECT key, xmin FROM rate_limits WHERE key LIKE 'probes/%'")
    const others = new Set((await rows()).map(({ key }) => key))
    const own = async () => (await rows()).filter(({ key }) => !others.has(key))
    await read()
    const before = await own()
    expect(before).toHaveLength(1)
    for (let at = 0; at < 20; at++) await read()
    expect(await own()).toEqual(before)
  })
})

it('each alert holds the caller back for longer, on every server, until a day has gone by', async () => {
  const HOUR_MS = 60 * 60 * 1000
  const start = vault.clockOffsetMs
  const later = (ms: number) => {
    vault.clockOffsetMs += ms
    second.clockOffsetMs += ms
  }
  const bearer = () => vault.staffToken('support', { name: 'Persistent', minutes: 60 })
  const probe = async () => {
    const search = guesses(
      (at) => ({ method: 'POST', path: '/v1/search', body: { by: 'customer', value: `cus_${at}` } }),
      301,
    )
    expect(statusesOf(await pipeline(vault, await bearer(), search))).toEqual({ 200: MISSES, 429: 1 })
    const refused = await second.call('GET', `/v1/tokens/${known}`, { token: await bearer() })
    expectProblem(refused, 429, 'too-many-requests')
    return Number(refused.headers['retry-after']) / 60
  }
  const pauses = []
  for (let again = 0; again < 4; again++) {
    const minutes = await probe()
    pauses.push(Math.ceil(minutes))
    later(minutes * 60_000 + 1_000)
  }
  expect(pauses).toEqual([10, 20, 40, 80])
  later(25 * HOUR_MS)
  expect(Math.ceil(await probe())).toBe(10)
  // An operator need not wait so long.
  await second.commands.reinstateCaller(OPERATOR, 'staff:persistent')
  later(6_000)
  const token = await bearer()
  for (const on of [vault, second]) {
    expect((await on.call('GET', `/v1/tokens/${known}`, { token })).status).toBe(200)
  }
  vault.clockOffsetMs = start
  second.clockOffsetMs = start
})

import { Agent } from 'node:https'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { requestHttps } from '../support/https-client.ts'
import { expectProblem } from '../support/problems.ts'
import { type CallOptions, TestVault } from '../support/test-vault.ts'

/** Strangers send requests that must be refused, many, so that their refusals fill the audit log. */
const PER_SOURCE = 20
const UNKNOWN_TOKEN = `/v1/tokens/card_${'0'.repeat(26)}`

let vault: TestVault
/** A server with the default limits of a vault, on the database of the other. */
let server: TestVault

const startServer = () =>
  TestVault.start({
    sharedDatabase: vault.database,
    config: { limits: { strangers: { perSource: 20, inAll: 200 } }, keepsLog: false },
  })

beforeEach(async () => {
  vault = await TestVault.start()
  server = await startServer()
})
afterEach(async () => {
  await vault.checkInvariants()
  await vault.stop()
})

const strangers = (count: number, send: (at: number) => Promise<{ status: number }>) =>
  Promise.all(Array.from({ length: count }, async (_, at) => (await send(at)).status))
const countOf = (statuses: readonly number[], status: number) => statuses.filter((one) => one === status).length
const unknown = async () => (await vault.events({ type: 'request.refuse' })).filter(({ caller }) => !caller)
const read = (on: TestVault, options: CallOptions = {}) => on.call('GET', UNKNOWN_TOKEN, options)
const alerts = (on: TestVault) => on.logLines.filter((line) => JSON.parse(line).alert === 'refusals-flooded')

describe('a flood of refusals', () => {
  it('leaves 20 events of a source, and one for all the others when the server stops', async () => {
    const before = new Date().toISOString()
    const statuses = await strangers(100, () => read(server))
    expect([countOf(statuses, 401), countOf(statuses, 429)]).toEqual([PER_SOURCE, 80])
    expect(await unknown()).toHaveLength(PER_SOURCE)
    const one = await read(server)
    expectProblem(one, 429, 'too-many-requests')
    expect(Number(one.headers['retry-after'])).toBeGreaterThan(0)
    expect(Number(one.headers['retry-after'])).toBeLessThanOrEqual(60)
    await server.stop()
    const events = await unknown()
    expect(events).toHaveLength(PER_SOURCE + 1)
    const summary = events.at(-1)!
    expect(summary).toMatchObject({ outcome: 'refused', code: 'too-many-requests', count: 81 })
    const times = [before, summary.since, summary.until, summary.at] as string[]
    expect(times).toEqual([...times].sort())
    expect(alerts(server)).toHaveLength(1)
  })

  it.each<[string, (at: number) => Promise<{ status: number }>]>([
    ['without a token', () => read(server)],
    ['with an invalid token', (at) => read(server, { token: `token${at}` })],
    ['with wrong secrets', (at) => server.requestToken(`client_${'0'.repeat(26)}`, `guess ${at}`)],
    ['with invalid token requests', () => server.requestToken('nobody', 'x', 'grant_type=password')],
    ['of all kinds', (at) => (at % 2 ? read(server) : server.requestToken('nobody', 'x', 'grant_type=password'))],
  ])('is bounded %s', async (_what, send) => {
    const statuses = []
    for (let at = 0; at < PER_SOURCE + 5; at++) statuses.push((await send(at)).status)
    expect(statuses.slice(0, PER_SOURCE)).not.toContain(429)
    expect(statuses.slice(PER_SOURCE)).toEqual(Array(5).fill(429))
    expect(await unknown()).toHaveLength(PER_SOURCE)
    await server.stop()
  })

  it('is bounded over all servers together, and each says how many it has not listed', async () => {
    const other = await startServer()
    const servers = [server, other]
    const statuses = await strangers(60, (at) => read(servers[at % 2]!))
    expect(countOf(statuses, 401)).toBe(PER_SOURCE)
    for (const one of servers) await one.stop()
    const events = await unknown()
    const counted = events.slice(PER_SOURCE).map(({ count }) => count as number)
    expect([events.length, counted.reduce((sum, count) => sum + count, 0)]).toEqual([PER_SOURCE + 2, 40])
  })

  it('does not take their answers from strangers at another address', async () => {
    await strangers(50, () => read(server))
    const elsewhere = new Agent({ localAddress: '127.0.0.9' })
    const { port, ca } = server
    const { status } = await requestHttps({ port, ca, agent: elsewhere, method: 'GET', path: UNKNOWN_TOKEN })
    elsewhere.destroy()
    expect(status).toBe(401)
    await server.stop()
  })

  it('counts under keyed hashes of addresses', async () => {
    await strangers(30, () => read(server))
    await server.stop()
    const rows = await vault.database.sql<{ key: string }>("SELECT key FROM rate_limits WHERE key LIKE 'refusals-%'")
    expect(rows.map(({ key }) => key).sort()).toEqual([
      expect.stringMatching(/^refusals-from\/[\w-]{43}$/),
      'refusals-in-all',
    ])
    expect(JSON.stringify(rows)).not.toContain('127.0.0.1')
  })
})

describe('during a flood from the same address', () => {
  it('a request with a valid token is answered as ever, and its refusals have events of their own', async () => {
    const client = await vault.client(['token:read'])
    const token = (await server.requestToken(client.id, client.secret)).body.access_token as string
    const statuses = await strangers(60, () => read(server))
    expect(countOf(statuses, 429)).toBe(40)
    for (let at = 0; at < PER_SOURCE + 5; at++) {
      const search = await server.call('POST', '/v1/search', { token, body: { by: 'customer', value: 'c' } })
      expectProblem(search, 403, 'scope-missing')
    }
    expectProblem(await read(server, { token }), 404, 'record-not-found')
    const named = (await vault.events({ type: 'request.refuse' })).filter(({ caller }) => caller)
    expect(named).toHaveLength(PER_SOURCE + 6)
    // A revoked caller has proved who it was.
    await vault.commands.revokeClient({ id: 'operator:test', kind: 'operator' }, client.id)
    expectProblem(await read(server, { token }), 401, 'unauthenticated')
    await server.stop()
  })

  it('a client logs in, whether or not it has done so before', async () => {
    const [known, first] = [await vault.client(['tokenize']), await vault.client(['tokenize'])]
    expect((await server.requestToken(known.id, known.secret)).status).toBe(200)
    const guesses = await strangers(30, (at) => server.requestToken(known.id, `guess ${at}`))
    expect(countOf(guesses, 429)).toBe(10)
    for (const { id, secret } of [known, first]) expect((await server.requestToken(id, secret)).status).toBe(200)
    await server.stop()
  })
})

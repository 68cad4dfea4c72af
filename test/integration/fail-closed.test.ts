import type { Response } from 'supertest'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { dumpDatabase } from '../support/postgres.ts'
import { expectProblem } from '../support/problems.ts'
import { card, checkout, contact, corrected } from '../support/samples.ts'
import { stopSchemaWatch } from '../support/stop-schema-watch.ts'
import { TestVault } from '../support/test-vault.ts'

const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const PROBLEM_MEMBERS = ['type', 'title', 'status', 'code', 'request_id']

let vault: TestVault
let client: { id: string; secret: string }
let bearer: Record<'checkout' | 'support' | 'officer' | 'auditor', string>
let token: string

beforeAll(async () => {
  vault = await TestVault.start()
  await stopSchemaWatch(vault)
  client = await vault.client(['tokenize'])
  bearer = {
    checkout: await vault.clientToken(['tokenize']),
    support: await vault.staffToken('support'),
    officer: await vault.staffToken('privacy-officer'),
    auditor: await vault.staffToken('auditor'),
  }
})
beforeEach(async () => {
  token = (await vault.tokenize({ customer: 'cus_1042', contact })).contact!.token!
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

const path = () => `/v1/tokens/${token}`
const items = () => [{ token }]
const search = { by: 'email', value: contact.email }
const withKey = { 'Idempotency-Key': 'fail-closed' }

/** That the log could not be written is recorded as soon as it can be. */
const everythingElse = async () =>
  (await dumpDatabase(vault.database))
    .split('\n')
    // The number report of a process is written every two seconds. A name gets its number before the
    // statement that uses it, and keeps it whether that commits or not: it belongs to no row.
    .filter((line) => !line.includes('""audit.gap""') && !/^(audit_claims|dictionary) /.test(line))
    .join('\n')

/** Every call that would release, store, change or refuse something, with its status when all is well. */
const calls: readonly [name: string, status: number, () => Promise<Response>][] = [
  ['tokenize', 201, () => vault.call('POST', '/v1/tokenize', { token: bearer.checkout, body: checkout })],
  [
    'tokenize with a key',
    201,
    () => vault.call('POST', '/v1/tokenize', { token: bearer.checkout, body: { card }, headers: withKey }),
  ],
  [
    'tokenize a batch',
    200,
    () => vault.call('POST', '/v1/tokenize/batch', { token: bearer.checkout, body: { items: [{ contact }, {}] } }),
  ],
  [
    'tokenize a batch of nothing but faults',
    200,
    () => vault.call('POST', '/v1/tokenize/batch', { token: bearer.checkout, body: { items: [{}] } }),
  ],
  ['read', 200, () => vault.call('GET', path(), { token: bearer.support })],
  [
    'reveal',
    200,
    () =>
      vault.call('POST', `${path()}/reveal`, {
        token: bearer.support,
        body: { purpose: 'communicate', reason: 'a call' },
        headers: withKey,
      }),
  ],
  [
    'reveal many',
    200,
    () => vault.call('POST', '/v1/reveal', { token: bearer.support, body: { purpose: 'communicate', items: items() } }),
  ],
  [
    'a reveal that is refused for its purpose',
    403,
    () => vault.call('POST', `${path()}/reveal`, { token: bearer.support, body: { purpose: 'research' } }),
  ],
  ['correct', 200, () => vault.call('PATCH', path(), { token: bearer.support, body: { name: corrected.name } })],
  ['search', 200, () => vault.call('POST', '/v1/search', { token: bearer.support, body: search })],
  ['issue a token', 200, () => vault.requestToken(client.id, client.secret)],
  ['refuse a wrong secret', 401, () => vault.requestToken(client.id, 'wrong')],
  ['read the audit log', 200, () => vault.call('GET', '/v1/audit/events', { token: bearer.auditor })],
  ['refuse who is nobody', 401, () => vault.call('GET', path())],
  ['refuse a missing scope', 403, () => vault.call('GET', path(), { token: bearer.auditor })],
  ['refuse an unknown token', 404, () => vault.call('GET', '/v1/tokens/nonsense', { token: bearer.support })],
  ['refuse bad input', 422, () => vault.call('POST', '/v1/tokenize', { token: bearer.checkout, body: { a: 1 } })],
  ['erase', 204, () => vault.call('DELETE', path(), { token: bearer.officer })],
]

const ways = [
  {
    way: 'the right to insert is taken away',
    cut: 'REVOKE INSERT ON audit_events FROM strongroom_runtime',
    mend: 'GRANT INSERT ON audit_events TO strongroom_runtime',
  },
  {
    way: 'the table is gone',
    cut: 'ALTER TABLE audit_events RENAME TO audit_events_elsewhere',
    mend: 'ALTER TABLE audit_events_elsewhere RENAME TO audit_events',
  },
]

describe.each(ways)('when $way', ({ cut, mend }) => {
  async function whileCut<T>(work: () => Promise<T>): Promise<T> {
    await vault.database.sql(cut)
    try {
      return await work()
    } finally {
      await vault.database.sql(mend)
    }
  }

  it.each(calls)(
    '%s: 503, no data, nothing changed, and it works again without a restart',
    async (_name, status, call) => {
      const before = await everythingElse()
      const response = await whileCut(call)
      expectProblem(response, 503, 'audit-unavailable')
      // The token endpoint says beside it what RFC 6749 section 5.2 asks for.
      const { error: _error, error_description: _description, ...problem } = response.body
      expect(Object.keys(problem).sort()).toEqual([...PROBLEM_MEMBERS].sort())
      expect(response.headers['idempotent-replayed']).toBeUndefined()
      expect(await everythingElse()).toBe(before)
      const again = await call()
      expect(again.status, again.text).toBe(status)
      expect(again.headers['idempotent-replayed']).toBeUndefined()
      await vault.database.sql('DELETE FROM readable.idempotency_keys')
    },
  )

  it.each([
    ['a tokenization', '/v1/tokenize', 'checkout', () => ({ contact })],
    ['a batch', '/v1/tokenize/batch', 'checkout', () => ({ items: [{ contact }] })],
    ['a reveal', () => `${path()}/reveal`, 'support', () => ({ purpose: 'communicate' })],
    ['a search', '/v1/search', 'support', () => search],
  ] as const)('the kept answer of %s is not given again without an event', async (name, route, as, body) => {
    const url = typeof route === 'string' ? route : route()
    const headers = { 'Idempotency-Key': `${name}, kept, ${cut}` }
    const call = () => vault.call('POST', url, { token: bearer[as], body: body(), headers })
    const first = await call()
    expect(first.status, first.text).toBeLessThan(300)
    expectProblem(await whileCut(call), 503, 'audit-unavailable')
    const again = await call()
    expect(again.headers['idempotent-replayed']).toBe('true')
    expect(again.text).toBe(first.text)
    expect(await vault.events({ request_id: again.headers['request-id'] })).not.toEqual([])
  })

  it('the operator changes nothing either: no client, no secret, no token, no key', async () => {
    const { commands } = vault
    const before = await everythingElse()
    await whileCut(async () => {
      for (const command of [
        () => commands.addClient(OPERATOR, { name: 'new', scopes: ['tokenize'], site: 'default' }),
        () => commands.rotateClientSecret(OPERATOR, client.id),
        () => commands.revokeClient(OPERATOR, client.id),
        () =>
          commands.issueStaffToken(OPERATOR, {
            name: 'x',
            role: 'auditor',
            purposes: [],
            site: 'default',
            minutes: 1,
          }),
        () => vault.rotate(),
        () => commands.listAuditEvents(OPERATOR, { limit: 1 }),
      ]) {
        await expect(command()).rejects.toMatchObject({ code: 'audit-unavailable' })
      }
    })
    expect(await everythingElse()).toBe(before)
    expect((await vault.requestToken(client.id, client.secret)).status).toBe(200)
  })

  it('what needs no event still answers', async () => {
    const [health, keys] = await whileCut(() =>
      Promise.all([vault.call('GET', '/healthz'), vault.call('GET', '/.well-known/jwks.json')]),
    )
    expect([health.status, keys.status]).toEqual([200, 200])
  })
})

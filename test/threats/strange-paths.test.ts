import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { exchangeOnce, rawRequest } from '../support/raw-tls.ts'
import { expectRefusal } from '../support/refusal.ts'
import { TestVault } from '../support/test-vault.ts'

let vault: TestVault
let token: string

beforeAll(async () => {
  vault = await TestVault.start()
  token = await vault.staffToken('privacy-officer')
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

const get = (target: string) => () =>
  exchangeOnce(
    vault,
    rawRequest([`GET ${target} HTTP/1.1`, 'Host: localhost', `Authorization: Bearer ${token}`, 'Connection: close']),
  )

describe('404', () => {
  it.each([
    '/index.html',
    '/.env',
    '/.git/config',
    '/metrics',
    '/v1',
    '/v2/tokenize',
    '/v1/audit/events/',
    '/V1/audit/events',
    '//v1/audit/events',
    '/v1//audit/events',
    '/v1/./audit/events',
    '/healthz/../v1/audit/events',
    '/..%2f',
    '/..%2f..%2fetc%2fpasswd',
    '/docs/..%2f..%2fpackage.json',
    '/docs/../../package.json',
    '/docs/swagger-ui.css.map',
    '/docs/%2e%2e/%2e%2e/package.json',
    '/v1/audit/events;x=1',
    '/v1/audit/events%00',
    '/v1/audit%2fevents',
    '/v1/audit\\events',
    '/constructor',
    '/__proto__',
  ])('%s', async (path) => {
    await expectRefusal(vault, get(path), { status: 404, code: 'not-found' })
  })

  it.each([
    '/v1/tokens/..%2f..%2faudit%2fevents',
    '/v1/tokens/%2e%2e',
    '/v1/tokens/%00',
    '/v1/tokens/card_',
    `/v1/tokens/card_${'0'.repeat(25)}u`,
    `/v1/tokens/CARD_${'0'.repeat(26)}`,
    `/v1/tokens/card_${'0'.repeat(26)}%20`,
    `/v1/tokens/card_${'0'.repeat(26)}%0a`,
    `/v1/tokens/${'x'.repeat(8_000)}`,
    '/v1/tokens/constructor',
  ])('%s is not a token', async (path) => {
    const input = path.length > 30 ? path.slice(11, 300) : []
    await expectRefusal(vault, get(path), { status: 404, code: 'record-not-found', input })
  })

  it.each([
    ['/v1/approvals/%00', 'approval-not-found'],
    ['/v1/approvals/apr_%00', 'approval-not-found'],
    ['/v1/approvals/apr_%EF%BF%BE', 'approval-not-found'],
    [`/v1/approvals/apr_${'0'.repeat(8_000)}`, 'approval-not-found'],
    ['/v1/audit/events/evt_%00/receipt', 'event-not-found'],
    ['/v1/requests/%00', 'privacy-request-not-found'],
    ['/v1/requests/privacy_%00', 'privacy-request-not-found'],
  ] as const)('%s is not an id', async (path, code) => {
    await expectRefusal(vault, get(path), { status: 404, code })
  })

  it('/v1/audit/tile/%00 is not a tile, and like all that the log does not have yet leaves no event', async () => {
    await expectRefusal(vault, get('/v1/audit/tile/%00'), { status: 404, code: 'not-found', leaves: 'metric' })
  })
})

describe('400', () => {
  it.each(['/%E0%A4%A', '/v1/tokens/%E0%A4%A', '/%', '/%zz', '/v1/tokens/%ff%fe', '/healthz?q=%C0%AF'])(
    '%s does not decode',
    async (path) => {
      await expectRefusal(vault, get(path), { status: 400, code: 'malformed-url', input: path })
    },
  )

  it.each(['/healthz /v1', '/healthz\u0000', '/héalthz', 'healthz', '../healthz', '*'])(
    '%s is not a request target',
    async (target) => {
      const send = async () =>
        exchangeOnce(vault, rawRequest([`GET ${target} HTTP/1.1`, 'Host: localhost', 'Connection: close']))
      const answer = await send()
      expect([400, 404]).toContain(answer.status)
      expect(answer.headers['content-type']).toBe('application/problem+json')
    },
  )
})

describe('the query', () => {
  it.each([
    ['twice the same parameter', '/v1/audit/events?limit=1&limit=1000', 400, 'query-not-accepted'],
    ['an unknown parameter', '/v1/audit/events?expand=*', 422, 'unknown-member'],
    ['brackets', '/v1/audit/events?limit[$gt]=1', 422, 'unknown-member'],
    ['__proto__', '/v1/audit/events?__proto__=1', 422, 'unknown-member'],
    ['a limit beyond the limit', '/v1/audit/events?limit=100000', 422, 'invalid-input'],
    ['a limit that is not a number', '/v1/audit/events?limit=1e2x', 422, 'invalid-input'],
  ] as const)('refuses %s', async (_name, path, status, code) => {
    await expectRefusal(vault, get(path), { status, code })
  })
})

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { expectRefusal } from '../support/refusal.ts'
import { contact } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

let vault: TestVault

beforeAll(async () => {
  vault = await TestVault.start({ overrides: { rateLimits: { requestsPerMinute: 1_000, failuresPerMinute: 5 } } })
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

const spoofed = {
  'X-User-Id': 'staff:legal',
  'X-Forwarded-User': 'staff:legal',
  'X-Role': 'legal',
  'X-Scope': 'contact:reveal',
  'X-Site': 'other',
  'X-Tenant-Id': 'other',
  'X-Client-Cert': 'forged',
  'X-Forwarded-For': '127.0.0.1',
  'X-Real-IP': '127.0.0.1',
  Cookie: 'access_token=forged; session=admin',
}

describe('who is calling', () => {
  it('is unauthenticated without a token, with any headers', async () => {
    const send = () => vault.call('GET', `/v1/tokens/cont_${'0'.repeat(26)}`, { headers: spoofed })
    await expectRefusal(vault, send, { status: 401, code: 'unauthenticated', input: ['staff:legal', 'forged'] })
  })

  it('is who the token says, with its scopes, role and site', async () => {
    const { id, secret } = await vault.client(['tokenize'])
    const token = (await vault.requestToken(id, secret)).body.access_token
    const { contact: stored } = await vault.tokenize({ contact })
    const reveal = { token, body: { purpose: 'enforce-rights' }, headers: spoofed }
    const send = () => vault.call('POST', `/v1/tokens/${stored!.token}/reveal`, reveal)
    await expectRefusal(vault, send, { status: 403, code: 'scope-missing', input: 'staff:legal' })
    const [event] = (await vault.events({ type: 'request.refuse' })).slice(-1)
    expect(event).toMatchObject({ caller: { id, kind: 'client' }, site: 'default' })
  })
})

describe('what is called', () => {
  const overrides = ['X-HTTP-Method-Override', 'X-HTTP-Method', 'X-Method-Override']

  it.each(overrides)('is not changed by %s', async (name) => {
    const { contact: stored } = await vault.tokenize({ contact })
    const token = await vault.staffToken('storefront')
    const path = `/v1/tokens/${stored!.token}`
    expect((await vault.call('GET', path, { token, headers: { [name]: 'DELETE' } })).status).toBe(200)
    const send = () => vault.call('POST', path, { token, body: {}, headers: { [name]: 'DELETE' } })
    await expectRefusal(vault, send, { status: 405, code: 'method-not-allowed' })
    expect((await vault.call('GET', path, { token })).status).toBe(200)
  })

  it.each(['X-Original-URL', 'X-Rewrite-URL', 'X-Forwarded-Uri', 'X-Forwarded-Prefix'])(
    'is not changed by %s',
    async (name) => {
      const response = await vault.call('GET', '/healthz', { headers: { [name]: '/v1/audit/events' } })
      expect(response.body).toEqual({ status: 'ok' })
    },
  )

  it('is not repeated in links or redirects, with any proxy headers', async () => {
    const headers = { 'X-Forwarded-Host': 'evil.example', 'X-Forwarded-Proto': 'http', 'X-Forwarded-Port': '80' }
    for (const path of ['/.well-known/oauth-authorization-server', '/openapi.json', '/docs', '/nowhere']) {
      const response = await vault.call('GET', path, { headers })
      expect(response.headers.location).toBeUndefined()
      expect(response.text).not.toContain('evil.example')
    }
  })
})

it('gives its own id to a request that brings one', async () => {
  const response = await vault.call('GET', '/healthz', { headers: { 'Request-Id': 'mine', 'X-Request-Id': 'mine' } })
  expect(response.headers['request-id']).toMatch(/^req_[0-9a-z]{26}$/)
})

it('counts wrong secrets by the real source, not by the address that headers claim', async () => {
  const guess = (at: number) =>
    vault.call('POST', '/oauth/token', {
      text: 'grant_type=client_credentials&client_id=nobody&client_secret=guess',
      headers: {
        'Content-Type': 'application/x-www-form-urlencoded',
        'X-Forwarded-For': `203.0.113.${at}`,
        'X-Real-IP': `203.0.113.${at}`,
        Forwarded: `for=203.0.113.${at}`,
      },
    })
  const answers = []
  for (let at = 0; at < 7; at++) answers.push((await guess(at)).status)
  expect(answers).toEqual([401, 401, 401, 401, 401, 429, 429])
  const refused = await expectRefusal(vault, () => guess(9), { status: 429, code: 'too-many-requests' })
  expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0)
})

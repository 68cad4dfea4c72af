import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { RateLimits } from '../../src/access/limits/rate-limit.ts'
import { expectProblem, withoutRequestId } from '../support/problems.ts'
import { ISSUER, TestVault } from '../support/test-vault.ts'

const FORM = 'application/x-www-form-urlencoded'

let vault: TestVault
let client: { id: string; secret: string }

beforeAll(async () => {
  vault = await TestVault.start()
  client = await vault.client(['token:read', 'token:search'], { role: 'billing', site: 'shop' })
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

const post = (text: string, headers: Record<string, string> = {}) =>
  vault.call('POST', '/oauth/token', { text, headers })
const basic = (id: string, secret: string) => `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`
const postForm = (parameters: Record<string, string>, headers: Record<string, string> = {}) =>
  post(new URLSearchParams(parameters).toString(), { 'Content-Type': FORM, ...headers })
const inBody = () => ({ client_id: client.id, client_secret: client.secret })

describe('200', () => {
  const grant_type = 'client_credentials'
  it.each([
    ['in the header, with a form', () => vault.requestToken(client.id, client.secret)],
    ['in the body of a form', () => postForm({ grant_type, ...inBody() })],
    ['in a JSON body', () => post(JSON.stringify({ grant_type, ...inBody() }))],
    [
      'in the header, form-encoded before it was joined',
      () => postForm({ grant_type }, { Authorization: basic(client.id.replace('_', '%5F'), client.secret) }),
    ],
  ])('issues a token for credentials %s', async (_name, request) => {
    const response = await request()
    expect(response.status, response.text).toBe(200)
    expect(response.headers).toMatchObject({ 'cache-control': 'no-store', pragma: 'no-cache' })
    expect(response.body).toEqual({
      access_token: expect.any(String),
      token_type: 'Bearer',
      expires_in: 300,
      scope: 'token:read token:search',
    })
    const read = await vault.call('GET', `/v1/tokens/card_${'0'.repeat(26)}`, { token: response.body.access_token })
    expectProblem(read, 404, 'record-not-found')
  })

  it('issues an RFC 9068 token that verifies against the published keys', async () => {
    const { body } = await vault.requestToken(client.id, client.secret)
    const published = await vault.call('GET', '/.well-known/jwks.json')
    const { payload, protectedHeader } = await jwtVerify(
      body.access_token,
      createLocalJWKSet(published.body as JSONWebKeySet),
      { issuer: ISSUER, audience: ISSUER, typ: 'at+jwt', algorithms: ['ES256'] },
    )
    expect(protectedHeader).toEqual({ alg: 'ES256', typ: 'at+jwt', kid: expect.stringMatching(/^key_/) })
    expect(payload).toEqual({
      iss: ISSUER,
      aud: ISSUER,
      sub: client.id,
      client_id: client.id,
      jti: expect.stringMatching(/^jti_/),
      iat: expect.any(Number),
      exp: payload.iat! + 300,
      scope: 'token:read token:search',
      caller_kind: 'client',
      role: 'billing',
      purposes: ['process-payment'],
      site: 'shop',
    })
  })

  it('publishes public keys only', async () => {
    const { body } = await vault.call('GET', '/.well-known/jwks.json')
    expect(body.keys).toHaveLength(1)
    expect(Object.keys(body.keys[0]).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y'])
  })

  it('gives every token an id of its own', async () => {
    const [one, other] = [
      await vault.requestToken(client.id, client.secret),
      await vault.requestToken(client.id, client.secret),
    ]
    expect(one.body.access_token).not.toBe(other.body.access_token)
  })

  it('narrows the token to the scopes that were asked for', async () => {
    const response = await vault.requestToken(
      client.id,
      client.secret,
      'grant_type=client_credentials&scope=token:search',
    )
    expect(response.body.scope).toBe('token:search')
    const read = await vault.call('GET', `/v1/tokens/card_${'0'.repeat(26)}`, { token: response.body.access_token })
    expectProblem(read, 403, 'scope-missing')
  })

  it('issues tokens that are refused when they have expired', async () => {
    const { body } = await vault.requestToken(client.id, client.secret)
    const search = () =>
      vault.call('POST', '/v1/search', { token: body.access_token, body: { by: 'customer', value: 'c' } })
    expect((await search()).status).toBe(200)
    vault.clockOffsetMs = 310_000
    const expired = await search()
    vault.clockOffsetMs = 0
    expectProblem(expired, 401, 'unauthenticated')
  })

  it('leaves an event, and the secret and the token nowhere', async () => {
    const response = await vault.requestToken(client.id, client.secret)
    const events = await vault.events({ request_id: response.headers['request-id'] })
    const caller = { id: client.id, kind: 'client', role: 'billing' }
    expect(events).toEqual([expect.objectContaining({ type: 'token.issue', outcome: 'success', caller, site: 'shop' })])
    const places = vault.logLines.join('') + JSON.stringify(await vault.events())
    expect(places).not.toContain(client.secret)
    expect(places).not.toContain(response.body.access_token)
  })
})

describe('400', () => {
  it('refuses credentials in the header and in the body at once', async () => {
    const parameters = { grant_type: 'client_credentials', ...inBody() }
    const response = await postForm(parameters, { Authorization: basic(client.id, client.secret) })
    expectProblem(response, 400, 'invalid-token-request')
  })

  it.each(['password', 'authorization_code', ''])('refuses the grant type "%s"', async (grant_type) => {
    expectProblem(await postForm({ grant_type, ...inBody() }), 400, 'invalid-token-request')
  })

  it('refuses a scope that the client does not have', async () => {
    const response = await vault.requestToken(
      client.id,
      client.secret,
      'grant_type=client_credentials&scope=token:read+audit:read',
    )
    expectProblem(response, 400, 'invalid-token-request')
  })

  it('refuses a parameter that occurs twice', async () => {
    const form = 'grant_type=client_credentials&scope=token:read&scope=token:search'
    expectProblem(await vault.requestToken(client.id, client.secret, form), 400, 'invalid-token-request')
  })
})

describe('401', () => {
  it('answers an unknown client, a wrong secret and a revoked client alike', async () => {
    const revoked = await vault.client(['tokenize'])
    await vault.commands.revokeClient({ id: 'operator:test', kind: 'operator' }, revoked.id)
    const answers = [
      await vault.requestToken('client_00000000000000000000000000', client.secret),
      await vault.requestToken(client.id, 'not the secret'),
      await vault.requestToken(revoked.id, revoked.secret),
      await vault.requestToken('nobody', 'nothing'),
    ]
    for (const answer of answers) {
      expectProblem(answer, 401, 'invalid-client')
      expect(answer.headers['www-authenticate']).toBe('Basic realm="strongroom"')
    }
    expect(new Set(answers.map(withoutRequestId)).size).toBe(1)
    expect(new Set(answers.map((answer) => Object.keys(answer.headers).sort().join())).size).toBe(1)
  })

  it('refuses who brings no credentials', async () => {
    expectProblem(await postForm({ grant_type: 'client_credentials' }), 401, 'invalid-client')
    expectProblem(await postForm({ grant_type: 'client_credentials', client_id: client.id }), 401, 'invalid-client')
  })

  it('leaves an event of the refusal, without what was tried', async () => {
    const response = await vault.requestToken(client.id, 'a-guess-at-the-secret')
    const events = await vault.events({ request_id: response.body.request_id })
    expect(events).toEqual([expect.objectContaining({ type: 'request.refuse', code: 'invalid-client' })])
    expect(JSON.stringify(events)).not.toContain('a-guess')
  })
})

describe('429', () => {
  /** A vault of its own: the counts live in the database. */
  async function limited(rateLimits: RateLimits) {
    const server = await TestVault.start({ overrides: { rateLimits } })
    return { server, client: await server.client(['tokenize']) }
  }

  it('refuses further requests of one source, with the time to wait', async () => {
    const { server, client } = await limited({ requestsPerMinute: 2, failuresPerMinute: 100 })
    try {
      for (let i = 0; i < 2; i++) expect((await server.requestToken(client.id, client.secret)).status).toBe(200)
      const response = await server.requestToken(client.id, client.secret)
      expectProblem(response, 429, 'too-many-requests')
      expect(Number(response.headers['retry-after'])).toBeGreaterThan(0)
      expect(Number(response.headers['retry-after'])).toBeLessThanOrEqual(60)
    } finally {
      await server.stop()
    }
  })

  it('stops guesses: after too many wrong secrets the right one is refused too, on another server as well', async () => {
    const rateLimits = { requestsPerMinute: 100, failuresPerMinute: 2 }
    const { server, client } = await limited(rateLimits)
    const other = await TestVault.start({ sharedDatabase: server.database, overrides: { rateLimits } })
    try {
      for (let i = 0; i < 2; i++)
        expectProblem(await server.requestToken(client.id, `guess ${i}`), 401, 'invalid-client')
      expectProblem(await server.requestToken(client.id, client.secret), 429, 'too-many-requests')
      expectProblem(await other.requestToken(client.id, client.secret), 429, 'too-many-requests')
    } finally {
      await other.stop()
      await server.stop()
    }
  })
})

describe('the metadata document', () => {
  it('says where and how tokens are issued (RFC 8414)', async () => {
    const { status, body } = await vault.call('GET', '/.well-known/oauth-authorization-server')
    expect(status).toBe(200)
    expect(body).toMatchObject({
      issuer: ISSUER,
      token_endpoint: `${ISSUER}/oauth/token`,
      jwks_uri: `${ISSUER}/.well-known/jwks.json`,
      grant_types_supported: ['client_credentials'],
      token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post', 'private_key_jwt'],
      response_types_supported: [],
    })
    expect(body.scopes_supported).toContain('tokenize')
  })
})

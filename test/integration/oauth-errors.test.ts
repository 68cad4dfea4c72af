import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { ASSERTION_TYPE } from '../../src/access/authentication/client-jwt.ts'
import { PROBLEM_CODES, titleOf } from '../../src/values/problem-codes.ts'
import { createCallerKey, signAssertion } from '../support/caller-keys.ts'
import { exchangeOnce, rawRequest } from '../support/raw-tls.ts'
import { TestVault } from '../support/test-vault.ts'

const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const FORM = 'application/x-www-form-urlencoded'
const NOBODY = `client_${'0'.repeat(26)}`

let vault: TestVault
let client: { id: string; secret: string }

beforeAll(async () => {
  vault = await TestVault.start({ overrides: { rateLimits: { requestsPerMinute: 1000, failuresPerMinute: 1000 } } })
  client = await vault.client(['token:read'])
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

type Answer = Awaited<ReturnType<TestVault['call']>>

const postForm = (parameters: Record<string, string>, headers: Record<string, string> = {}, on = vault) =>
  on.call('POST', '/oauth/token', {
    text: new URLSearchParams(parameters).toString(),
    headers: { 'Content-Type': FORM, ...headers },
  })
const post = (text: string, type: string) =>
  vault.call('POST', '/oauth/token', { text, headers: { 'Content-Type': type } })
const basic = (text: string) => ({ Authorization: `Basic ${Buffer.from(text).toString('base64')}` })
const grant = { grant_type: 'client_credentials' }

function expectTokenError({ status, headers, body }: Pick<Answer, 'status' | 'headers' | 'body'>, error: string): void {
  expect(headers['content-type']).toBe('application/json')
  expect(headers['cache-control']).toBe('no-store')
  expect(body).toMatchObject({ error, status, request_id: headers['request-id'], title: expect.any(String) })
  expect(body.type).toBe(`${vault.issuer}/problems/${body.code}`)
  expect(body.error_description).toBe(body.detail ?? body.title)
}

describe('an error of the token endpoint is application/json, with `error` beside the members of a problem', () => {
  it.each<[number, string, string, () => Promise<Answer>]>([
    [400, 'invalid-token-request', 'invalid_request', () => postForm({})],
    [400, 'invalid-token-request', 'unsupported_grant_type', () => postForm({ grant_type: 'password' })],
    [400, 'malformed-json', 'invalid_request', () => post('{', 'application/json')],
    [400, 'malformed-url', 'invalid_request', () => vault.call('POST', '/oauth/token?x=4242424242424242')],
    [401, 'invalid-client', 'invalid_client', () => postForm(grant)],
    [405, 'method-not-allowed', 'invalid_request', () => vault.call('GET', '/oauth/token')],
    [413, 'body-too-large', 'invalid_request', () => post('x'.repeat(9000), FORM)],
    [415, 'unsupported-media-type', 'invalid_request', () => post('<x/>', 'application/xml')],
    [422, 'unknown-member', 'invalid_request', () => vault.call('POST', '/oauth/token?x=1')],
    [422, 'invalid-input', 'invalid_request', () => postForm({ ...grant, scope: 'x'.repeat(501) })],
  ])('%i %s: %s', async (status, code, error, ask) => {
    const answer = await ask()
    expect({ status: answer.status, code: answer.body.code }).toEqual({ status, code })
    expectTokenError(answer, error)
  })

  it('400, 421 and 501 of the envelope too', async () => {
    const ask = (...headers: string[]) =>
      exchangeOnce(vault, rawRequest(['POST /oauth/token HTTP/1.1', ...headers, 'Connection: close']))
    const answers = [
      await ask('Host: localhost', 'Host: localhost', 'Content-Length: 0'),
      await ask('Host: evil.example', 'Content-Length: 0'),
      await ask('Host: localhost', 'Transfer-Encoding: gzip, chunked'),
    ]
    expect(answers.map(({ status }) => status)).toEqual([400, 421, 501])
    for (const [at, error] of ['invalid_request', 'invalid_request', 'server_error'].entries()) {
      const { status, headers, text } = answers[at]!
      expectTokenError({ status, headers: headers as Record<string, string>, body: JSON.parse(text) }, error)
    }
  })

  it('429, with the time to wait', async () => {
    const limited = await TestVault.start({ overrides: { rateLimits: { requestsPerMinute: 1, failuresPerMinute: 1 } } })
    try {
      const one = () => postForm({ ...grant, client_id: NOBODY, client_secret: 'x' }, {}, limited)
      await one()
      const answer = await one()
      expect(answer.status).toBe(429)
      expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0)
      expectTokenError(answer, 'temporarily_unavailable')
    } finally {
      await limited.stop()
    }
  })

  it('503, with the time to wait', async () => {
    const stopping = await TestVault.start({ sharedDatabase: vault.database })
    try {
      stopping.beginShutdown()
      const answer = await postForm(grant, {}, stopping)
      expect(answer.status).toBe(503)
      expect(answer.headers['retry-after']).toBe('1')
      expectTokenError(answer, 'temporarily_unavailable')
    } finally {
      await stopping.stop()
    }
  })

  it('has a description in the characters of RFC 6749 section 5.2, for every code', () => {
    for (const code of PROBLEM_CODES) expect(titleOf(code)).toMatch(/^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/)
  })

  it('is what the documentation says', async () => {
    const { body } = await vault.call('GET', '/openapi.json')
    const contentOf = (path: string) => Object.keys(body.paths[path].post.responses.default.content)
    expect(contentOf('/oauth/token')).toEqual(['application/json'])
    expect(contentOf('/v1/tokenize')).toEqual(['application/problem+json'])
    expect(Object.keys(body.components.schemas.TokenError.properties)).toEqual(
      expect.arrayContaining(['error', 'error_description', 'code', 'request_id']),
    )
  })
})

describe('log and event say why a client was not believed, and which it claimed to be; the answer does not', () => {
  const line = (id: string) =>
    JSON.parse(
      vault.logLines
        .join('')
        .split('\n')
        .find((one) => one.includes(id)) ?? '{}',
    )

  /** The event names the claimed client where there is one; the line of the process says the claim in any case. */
  async function expectReason(
    answer: Answer,
    reason: string,
    claimed: string | undefined,
    { exists = true } = {},
  ): Promise<void> {
    expect([answer.status, answer.body.code]).toEqual([401, 'invalid-client'])
    expect(answer.text).not.toContain(reason)
    const [event] = await vault.events({ request_id: answer.body.request_id })
    expect([event?.code, event?.reason, event?.subject]).toEqual([
      'invalid-client',
      reason,
      exists ? claimed : undefined,
    ])
    const logged = line(answer.body.request_id)
    expect([logged.reason, logged.claimed_client]).toEqual([reason, claimed])
  }

  const ofClient = { name: 'signs', scopes: ['tokenize'], site: 'default' } as const
  const withAssertion = (client_assertion: string, more: Record<string, string> = {}) =>
    postForm({ ...grant, client_assertion_type: ASSERTION_TYPE, client_assertion, ...more })

  it('an unknown client, a wrong secret, a revoked client', async () => {
    const { commands } = vault
    const revoked = await vault.client(['tokenize'])
    await commands.revokeClient(OPERATOR, revoked.id)
    const answers = [
      await postForm(grant, basic(`${NOBODY}:x`)),
      await postForm(grant, basic(`${client.id}:x`)),
      await postForm({ ...grant, client_id: revoked.id, client_secret: revoked.secret }),
    ] as const
    await expectReason(answers[0], 'unknown-client', NOBODY, { exists: false })
    await expectReason(answers[1], 'wrong-secret', client.id)
    await expectReason(answers[2], 'revoked', revoked.id)
    const told = answers.map(({ text, body }) => text.replaceAll(body.request_id, ''))
    expect(new Set(told).size).toBe(1)
  })

  it('a secret that was right until a while ago', async () => {
    const { commands } = vault
    const own = await vault.client(['tokenize'])
    await commands.rotateClientSecret(OPERATOR, own.id, { overlapSeconds: 60, expiresInSeconds: 3600 })
    vault.clockOffsetMs += 61_000
    await expectReason(await vault.requestToken(own.id, own.secret), 'expired', own.id)
    await expectReason(await vault.requestToken(own.id, `${own.secret.slice(0, 5)}!`), 'wrong-secret', own.id)
  })

  it('no credentials, and credentials that cannot be read', async () => {
    await expectReason(await postForm(grant), 'no-credentials', undefined)
    await expectReason(await postForm({ ...grant, client_id: client.id }), 'no-credentials', client.id)
    await expectReason(await postForm(grant, basic('no colon')), 'malformed-credentials', undefined)
    await expectReason(await withAssertion('no.assertion'), 'malformed-credentials', undefined)
  })

  it('another key, another audience, a second time, and a client that proves itself otherwise', async () => {
    const [key, thief] = [await createCallerKey(), await createCallerKey()]
    const { id } = await vault.commands.addClientWithKey(OPERATOR, ofClient, { keys: { keys: [key.jwk] } })
    const now = () => new Date(Date.now() + vault.clockOffsetMs)
    const signedBy = (by: typeof key, claims = {}, from = id) => signAssertion(by, from, now(), { claims })
    await expectReason(await withAssertion(await signedBy(thief)), 'wrong-key', id)
    await expectReason(await withAssertion(await signedBy(key, { aud: 'https://other.example' })), 'wrong-claims', id)
    await expectReason(await withAssertion(await signedBy(key, { exp: 1 })), 'expired', id)
    await expectReason(await withAssertion(await signedBy(key), { client_id: NOBODY }), 'wrong-claims', NOBODY, {
      exists: false,
    })
    await expectReason(await withAssertion(await signedBy(key, {}, client.id)), 'wrong-method', client.id)
    await expectReason(await vault.requestToken(id, 'anything'), 'wrong-method', id)
    const once = await signedBy(key)
    expect((await withAssertion(once)).status).toBe(200)
    await expectReason(await withAssertion(once), 'replayed', id)
  })

  it('a client that was changed outside the vault', async () => {
    const own = await vault.client(['tokenize'])
    await vault.database.sql(`UPDATE clients SET scopes = '{tokenize,card:reveal}' WHERE id = $1`, [own.id])
    await expectReason(await vault.requestToken(own.id, own.secret), 'changed', own.id)
  })

  it.each(['4242424242424242', 'mei@example.sg', 'a-secret-in-the-wrong-place', `${NOBODY}x`, 'client_\n'])(
    'what is not a client id is kept nowhere: %j',
    async (id) => {
      const answer = await postForm({ ...grant, client_id: id, client_secret: 'x' })
      await expectReason(answer, 'unknown-client', undefined)
      const events = await vault.events({ request_id: answer.body.request_id })
      expect(JSON.stringify([events, line(answer.body.request_id)])).not.toContain(id.trim())
    },
  )
})

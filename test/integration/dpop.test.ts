import { decodeJwt } from 'jose'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { sweepReplayCache } from '../../src/access/tokens/replay-store.ts'
import type { Queryable } from '../../src/database/database.ts'
import { callBound, requestBoundToken } from '../support/bound-caller.ts'
import { type CallerKey, createCallerKey, signProof } from '../support/caller-keys.ts'
import { noDictionary } from '../support/no-dictionary.ts'
import { expectProblem } from '../support/problems.ts'
import { card, contact } from '../support/samples.ts'
import { ISSUER, TestVault } from '../support/test-vault.ts'

const OPERATOR = { id: 'operator:test', kind: 'operator' } as const

let vault: TestVault
let key: CallerKey
let client: { id: string; secret: string }

beforeAll(async () => {
  vault = await TestVault.start()
  key = await createCallerKey()
  client = await vault.client(['tokenize', 'token:read', 'card:reveal'])
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

async function staff(minutes = 15): Promise<{ token: string; key: CallerKey }> {
  const request = { name: 'Ann', role: 'billing', purposes: [], site: 'default', minutes } as const
  const { access_token } = await vault.commands.issueStaffToken(OPERATOR, {
    ...request,
    dpopJkt: key.thumbprint,
  })
  return { token: access_token, key }
}

describe('the token endpoint', () => {
  it('binds the token to the key of the proof', async () => {
    const response = await requestBoundToken(vault, client, key)
    expect(response.status, response.text).toBe(200)
    expect(response.body.token_type).toBe('DPoP')
    expect(decodeJwt(response.body.access_token).cnf).toEqual({ jkt: key.thumbprint })
  })

  it('gives a bearer token to a client that sends no proof', async () => {
    const { body } = await vault.requestToken(client.id, client.secret)
    expect(body.token_type).toBe('Bearer')
    expect(decodeJwt(body.access_token)).not.toHaveProperty('cnf')
  })

  it.each([
    ['another URL', { claims: { htu: `${ISSUER}/v1/tokenize` } }],
    ['another method', { claims: { htm: 'GET' } }],
    ['another time', { claims: { iat: 1 } }],
  ])('refuses a proof for %s, by the error that RFC 9449 asks for', async (_what, changes) => {
    const response = await requestBoundToken(vault, client, key, changes)
    expectProblem(response, 400, 'invalid-token-request')
    expect(response.body.error).toBe('invalid_dpop_proof')
  })

  it('refuses a proof that it has seen', async () => {
    const same = { claims: { jti: 'seen' } }
    expect((await requestBoundToken(vault, client, key, same)).status).toBe(200)
    expectProblem(await requestBoundToken(vault, client, key, same), 400, 'invalid-token-request')
  })

  it('asks who the client is before it looks at the proof', async () => {
    const same = { claims: { jti: 'not-spent-by-a-guess' } }
    const guess = { id: client.id, secret: 'a guess' }
    expectProblem(await requestBoundToken(vault, guess, key, same), 401, 'invalid-client')
    expect((await requestBoundToken(vault, client, key, same)).status).toBe(200)
  })

  it('says which algorithms it takes', async () => {
    const { body } = await vault.call('GET', '/.well-known/oauth-authorization-server')
    expect(body.dpop_signing_alg_values_supported).toEqual(['ES256', 'EdDSA', 'Ed25519', 'PS256'])
  })
})

describe('a bound token', () => {
  it('tokenizes, reads and reveals with a proof for each request', async () => {
    const shop = { token: (await requestBoundToken(vault, client, key)).body.access_token, key }
    const stored = await callBound(vault, 'POST', '/v1/tokenize', shop, { body: { card } })
    expect(stored.status, stored.text).toBe(201)
    const path = `/v1/tokens/${stored.body.card.token}`
    expect((await callBound(vault, 'GET', path, shop)).status).toBe(200)
    expect((await callBound(vault, 'HEAD', path, shop)).status).toBe(200)
    const revealed = await callBound(vault, 'POST', `${path}/reveal`, await staff(), {
      body: { purpose: 'process-payment' },
    })
    expect(revealed.status, revealed.text).toBe(200)
  })

  it('is asked for a proof on every route that is not public', async () => {
    const by = await staff()
    const closed = (await vault.routes()).filter(({ access }) => access !== 'public')
    expect(closed.length).toBeGreaterThan(8)
    for (const { method, path } of closed) {
      const url = path.replace(':token', `card_${'0'.repeat(26)}`)
      const body = method === 'GET' || method === 'DELETE' ? {} : { body: {} }
      expectProblem(await vault.call(method, url, { token: by.token, ...body }), 401, 'unauthenticated')
      expectProblem(await callBound(vault, method, url, by, { ...body, proof: 'none' }), 401, 'unauthenticated')
      expect((await callBound(vault, method, url, by, body)).status, `${method} ${path}`).not.toBe(401)
    }
  })

  it('is proved at the public URL as well as at the address that was reached, with any query', async () => {
    const by = await staff()
    const path = `/v1/tokens/card_${'0'.repeat(26)}`
    for (const htu of [`${ISSUER}${path}`, `${vault.url}${path}?x=1#y`]) {
      const host = new URL(htu).host
      const answer = await callBound(vault, 'GET', path, by, { changes: { claims: { htu } }, headers: { Host: host } })
      expectProblem(answer, 404, 'record-not-found')
    }
  })

  it('is not proved at a port that only the Host header names', async () => {
    const by = await staff()
    const path = `/v1/tokens/card_${'0'.repeat(26)}`
    const changes = { claims: { htu: `https://localhost:1${path}` } }
    const answer = await callBound(vault, 'GET', path, by, { changes, headers: { Host: 'localhost:1' } })
    expectProblem(answer, 401, 'unauthenticated')
  })

  it('ends with its client', async () => {
    const gone = await vault.client(['tokenize'])
    const by = { token: (await requestBoundToken(vault, gone, key)).body.access_token, key }
    await vault.commands.revokeClient(OPERATOR, gone.id)
    const answer = await callBound(vault, 'POST', '/v1/tokenize', by, { body: { contact } })
    expectProblem(answer, 401, 'unauthenticated')
  })

  it('cannot be made for a text that is not a thumbprint', async () => {
    const request = { name: 'Ann', role: 'billing', purposes: [], site: 'default', minutes: 15 } as const
    for (const dpopJkt of ['', 'x', `${key.thumbprint}=`, 'A'.repeat(44)]) {
      await expect(vault.commands.issueStaffToken(OPERATOR, { ...request, dpopJkt })).rejects.toThrow(/thumbprint/)
    }
  })
})

describe('a refusal', () => {
  it('says how to do better (RFC 9449 section 7.1), and is an event', async () => {
    const by = await staff()
    const path = `/v1/tokens/card_${'0'.repeat(26)}`
    const metadata = `${ISSUER}/.well-known/oauth-protected-resource`
    const rest = `algs="ES256 EdDSA Ed25519 PS256", scope="token:read", realm="strongroom", resource_metadata="${metadata}"`
    const asBearer = await vault.call('GET', path, { token: by.token })
    expect(asBearer.headers['www-authenticate']).toBe(`DPoP error="invalid_token", ${rest}`)
    const wrong = await callBound(vault, 'GET', path, by, { changes: { claims: { htm: 'PUT' } } })
    expect(wrong.headers['www-authenticate']).toBe(`DPoP error="invalid_dpop_proof", ${rest}`)
    const none = await vault.call('GET', path, { headers: { Authorization: `DPoP ${by.token}` } })
    expect(none.headers['www-authenticate']).toBe(`DPoP error="invalid_dpop_proof", ${rest}`)
    const [event] = await vault.events({ request_id: wrong.body.request_id })
    expect(event).toMatchObject({ type: 'request.refuse', code: 'unauthenticated' })
  })

  it('meets a bearer token that is presented as a bound one', async () => {
    const token = await vault.staffToken('billing')
    const path = `/v1/tokens/card_${'0'.repeat(26)}`
    expectProblem(await callBound(vault, 'GET', path, { token, key }), 401, 'unauthenticated')
  })

  it('meets two proofs in one request', async () => {
    const by = await staff()
    const path = `/v1/tokens/card_${'0'.repeat(26)}`
    const purpose = { method: 'GET', url: `${vault.url}${path}`, accessToken: by.token }
    const proofs = await Promise.all([1, 2].map(() => signProof(key, purpose, new Date())))
    expectProblem(await callBound(vault, 'GET', path, by, { proof: proofs.join(', ') }), 401, 'unauthenticated')
  })
})

it('forgets a proof only when it would no longer be accepted', async () => {
  const by = await staff()
  const path = `/v1/tokens/card_${'0'.repeat(26)}`
  await callBound(vault, 'GET', path, by)
  const [row] = await vault.database.sql<{ expires_at: Date; id: Buffer }>(
    'SELECT * FROM spent_ids ORDER BY expires_at DESC LIMIT 1',
  )
  expect(row!.expires_at.getTime()).toBeGreaterThan(Date.now() + 65_000)
  expect(row!.id).toHaveLength(32)
  const database: Queryable = {
    query: ({ text }, values) => vault.database.sql(text, values && [...values]),
    dictionary: noDictionary,
  }
  await sweepReplayCache(database, new Date(row!.expires_at.getTime() - 1))
  expect(await vault.count('spent_ids')).toBeGreaterThan(0)
  await sweepReplayCache(database, row!.expires_at)
  expect(await vault.count('spent_ids')).toBe(0)
})

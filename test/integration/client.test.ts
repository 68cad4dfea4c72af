import type { webcrypto } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { VaultClient, VaultProblem, VaultUnreachable } from '@strongroom/client'
import { createNodeFetch } from '@strongroom/client/node'
import { decodeJwt } from 'jose'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { clientOf, newClient, newStaff } from '../support/client.ts'
import { createClientAuthority } from '../support/client-certificates.ts'
import { card, cards, contact } from '../support/samples.ts'
import { ISSUER, TestVault } from '../support/test-vault.ts'

const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const MINUTE_MS = 60_000

let vault: TestVault

beforeAll(async () => {
  vault = await TestVault.start()
})
afterEach(async () => {
  vault.clockOffsetMs = 0
  await vault.checkInvariants()
})
afterAll(() => vault.stop())

type Send = typeof fetch
/** Notes each request before it is sent. */
function noting(send: Send = createNodeFetch({ ca: vault.ca })) {
  const requests: { path: string; method: string; headers: Headers; body: string }[] = []
  const noted: Send = (input, init = {}) => {
    const { pathname } = new URL(String(input))
    const { method = 'GET', body } = init
    requests.push({ path: pathname, method, headers: new Headers(init.headers), body: String(body ?? '') })
    return send(input, init)
  }
  return { requests, fetch: noted, of: (path: string) => requests.filter((request) => request.path === path) }
}

const failure = (call: PromiseLike<unknown>): Promise<unknown> =>
  Promise.resolve(call).then(
    () => undefined,
    (error: unknown) => error,
  )

describe('access tokens', () => {
  it('are asked for once by calls at the same time, and kept', async () => {
    const sent = noting()
    const shop = await newClient(vault, 'checkout', { fetch: sent.fetch })
    await Promise.all(Array.from({ length: 20 }, () => shop.checkouts.tokenize({ contact })))
    await shop.checkouts.tokenize({ contact })
    expect(sent.of('/oauth/token')).toHaveLength(1)
    expect(sent.of('/v1/tokenize')).toHaveLength(21)
  })

  it('are renewed before they end, once for all', async () => {
    const sent = noting()
    let offsetMs = 0
    const now = () => Date.now() + offsetMs
    const shop = await newClient(vault, 'checkout', { fetch: sent.fetch, now })
    await shop.checkouts.tokenize({ contact })
    offsetMs = 4 * MINUTE_MS
    await shop.checkouts.tokenize({ contact })
    expect(sent.of('/oauth/token')).toHaveLength(1)
    offsetMs = 4.6 * MINUTE_MS
    await Promise.all(Array.from({ length: 5 }, () => shop.checkouts.tokenize({ contact })))
    expect(sent.of('/oauth/token')).toHaveLength(2)
  })

  it('are replaced when the vault takes one no more', async () => {
    const sent = noting()
    const shop = await newClient(vault, 'checkout', { fetch: sent.fetch })
    await shop.checkouts.tokenize({ contact })
    vault.clockOffsetMs = 6 * MINUTE_MS
    await shop.checkouts.tokenize({ contact })
    const [, refused, repeated] = sent.of('/v1/tokenize')
    expect(sent.of('/oauth/token')).toHaveLength(2)
    expect(repeated?.headers.get('idempotency-key')).toBe(refused?.headers.get('idempotency-key'))
  })

  it('have only the scope that is asked for', async () => {
    const { id, secret } = await vault.client(['tokenize', 'token:read'])
    const reader = clientOf(vault, { clientId: id, clientSecret: secret }, { scope: ['token:read'] })
    expect(await failure(reader.checkouts.tokenize({ contact }))).toMatchObject({ code: 'scope-missing' })
  })

  it('are not given to a client with a wrong secret, and it is not tried again', async () => {
    const sent = noting()
    const { id } = await vault.client(['tokenize'])
    const stranger = clientOf(vault, { clientId: id, clientSecret: 'a guess' }, { fetch: sent.fetch })
    const error = await failure(stranger.checkouts.tokenize({ contact }))
    expect(error).toBeInstanceOf(VaultProblem)
    expect(error).toMatchObject({ code: 'invalid-client', status: 401, attempts: 1 })
    expect(sent.requests).toHaveLength(1)
  })

  it.each([
    ['ES256', { name: 'ECDSA', namedCurve: 'P-256' }],
    ['EdDSA', { name: 'Ed25519' }],
    ['PS256', { name: 'RSA-PSS', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' }],
  ] as const)(
    'come for an assertion that is signed with %s, by a key that cannot be exported',
    async (_alg, algorithm) => {
      const pair = (await crypto.subtle.generateKey(algorithm, false, ['sign', 'verify'])) as webcrypto.CryptoKeyPair
      const jwk = await crypto.subtle.exportKey('jwk', pair.publicKey)
      const input = { name: 'signs', scopes: ['tokenize'], site: 'default' } as const
      const { kty, crv, x, y, n, e } = jwk
      const keys = [JSON.parse(JSON.stringify({ kty, crv, x, y, n, e }))]
      const { id } = await vault.commands.addClientWithKey(OPERATOR, input, { keys: { keys } })
      const signer = clientOf(vault, { clientId: id, privateKey: pair.privateKey, audience: ISSUER })
      expect(await signer.checkouts.tokenize({ contact })).toHaveProperty('contact.token')
    },
  )

  it('come for the certificate of the connection', async () => {
    const directory = mkdtempSync(path.join(tmpdir(), 'strongroom-client-'))
    const authority = await createClientAuthority()
    const clientCaFile = path.join(directory, 'clients.pem')
    writeFileSync(clientCaFile, authority.pem)
    const guarded = await TestVault.start({ clientCaFile, config: { asksForCertificates: true } })
    try {
      const certificate = await authority.issue({ subject: 'O=Acme, CN=carrier' })
      const input = { name: 'carrier', scopes: ['tokenize'], site: 'default' } as const
      const { id } = await guarded.commands.addClientWithKey(OPERATOR, input, {
        certificate: 'subject:CN=carrier,O=Acme',
      })
      const send = createNodeFetch({ ca: guarded.ca, ...certificate })
      const carrier = clientOf(guarded, { clientId: id, certificate: true }, { fetch: send })
      expect(await carrier.checkouts.tokenize({ contact })).toHaveProperty('contact.token')
    } finally {
      await guarded.stop()
      rmSync(directory, { recursive: true })
    }
  })
})

describe('proofs', () => {
  it('release a card number to a token that is bound to a key which cannot be exported', async () => {
    const { token = '' } = (await vault.tokenize({ card })).card!
    const { id, secret } = await vault.client(['card:reveal'], { role: 'billing' })
    const credentials = { clientId: id, clientSecret: secret }
    const sent = noting()
    const billing = clientOf(vault, credentials, { dpop: true, fetch: sent.fetch })
    const released = await billing.tokens.reveal(token, { purpose: 'process-payment', fields: ['number'] })
    expect(released.data).toEqual({ number: cards.visa })
    const proofs = sent.requests.map(({ headers }) => decodeJwt(headers.get('dpop')!))
    expect(new Set(proofs.map(({ jti }) => jti)).size).toBe(2)
    expect(proofs.map(({ ath }) => ath !== undefined)).toEqual([false, true])
    const unbound = clientOf(vault, credentials)
    expect(await failure(unbound.tokens.reveal(token, { purpose: 'process-payment' }))).toMatchObject({
      code: 'unauthenticated',
    })
  })

  it('are made with the time of the vault when the clock of this machine is wrong', async () => {
    for (const wrongMs of [-10 * MINUTE_MS, 10 * MINUTE_MS]) {
      const sent = noting()
      const now = () => Date.now() + wrongMs
      const shop = await newClient(vault, 'checkout', { dpop: true, now, fetch: sent.fetch })
      await shop.checkouts.tokenize({ contact })
      await shop.checkouts.tokenize({ contact })
      // The first proof showed the vault's time, the later ones have it.
      expect(sent.of('/oauth/token')).toHaveLength(2)
      expect(sent.of('/v1/tokenize')).toHaveLength(2)
    }
  })

  it('carry the nonce that a server asks for', async () => {
    const seen: unknown[] = []
    const send = createNodeFetch({ ca: vault.ca })
    // The vault asks for none. This server does, at both of its endpoints, and leaves the rest to the vault.
    const demanding: Send = async (input, init = {}) => {
      const { nonce } = decodeJwt(new Headers(init.headers).get('dpop')!)
      const wanted = String(input).endsWith('/oauth/token') ? 'first' : 'second'
      seen.push(nonce)
      if (nonce === wanted) return send(input, init)
      const headers = { 'dpop-nonce': wanted, 'content-type': 'application/json' }
      return wanted === 'first'
        ? Response.json({ error: 'use_dpop_nonce' }, { status: 400, headers })
        : new Response(null, {
            status: 401,
            headers: { ...headers, 'www-authenticate': 'DPoP error="use_dpop_nonce"' },
          })
    }
    const shop = await newClient(vault, 'checkout', { dpop: true, fetch: demanding })
    await shop.checkouts.tokenize({ contact })
    expect(seen).toEqual([undefined, 'first', 'first', 'second'])
  })
})

describe('errors', () => {
  it('say what is wrong, where, and under which id the vault has it', async () => {
    const shop = await newClient(vault, 'checkout')
    const wrong = { ...card, number: '4242 4242 4242 4241' }
    const error = (await failure(shop.checkouts.tokenize({ card: wrong }))) as VaultProblem
    expect(error).toBeInstanceOf(VaultProblem)
    expect(error).toMatchObject({ name: 'VaultProblem', status: 422, code: 'invalid-card-number', attempts: 1 })
    expect(error.errors).toEqual([{ pointer: '#/card/number', detail: expect.any(String) }])
    expect(error.requestId).toMatch(/^req_/)
    expect(await vault.events({ request_id: error.requestId })).toHaveLength(1)
    expect(error.message).toMatch(/\(422 invalid-card-number\)$/)
    expect(JSON.stringify(error) + error.stack).not.toContain('4241')
  })

  it('tell of a certificate that is not trusted at once, and what to do', async () => {
    const url = vault.url
    const shop = new VaultClient({ url, credentials: { clientId: 'x', clientSecret: 'x' }, fetch })
    const error = await failure(shop.checkouts.tokenize({ contact }))
    expect(error).toBeInstanceOf(VaultUnreachable)
    expect(error).toMatchObject({ reason: 'certificate', attempts: 1 })
    expect((error as Error).message).toMatch(/NODE_EXTRA_CA_CERTS/)
  })

  it('say that there is no server, after the retries', async () => {
    const shop = new VaultClient({ url: 'https://localhost:1', credentials: { accessToken: 'x' }, retries: 1 })
    expect(await failure(shop.tokens.get('card_x'))).toMatchObject({ reason: 'connection', attempts: 2 })
  })

  it('refuse an address without TLS', () => {
    expect(() => new VaultClient({ url: 'http://localhost:8443' })).toThrow(/https/)
  })

  it('have a code for answers of something else than the vault', async () => {
    const page: Send = async () => new Response('<h1>Not here</h1>', { status: 404 })
    const lost = new VaultClient({ url: vault.url, fetch: page })
    expect(await failure(lost.server.health())).toMatchObject({ status: 404, code: 'unknown-answer' })
  })

  it('of a code that is not known yet are read all the same', async () => {
    const newer: Send = async () => Response.json({ code: 'moon-is-full', title: 'The moon is full' }, { status: 418 })
    expect(await failure(new VaultClient({ url: vault.url, fetch: newer }).server.health())).toMatchObject({
      code: 'moon-is-full',
      message: 'The moon is full (418 moon-is-full)',
    })
  })
})

describe('retries', () => {
  const busy = (retryAfter: string) =>
    Response.json({ code: 'busy', title: 'The vault is busy' }, { status: 503, headers: { 'retry-after': retryAfter } })

  it('send the same key and the same body until the vault has done it', async () => {
    const send = createNodeFetch({ ca: vault.ca })
    const refusals = [busy('1'), busy('0')]
    const sent = noting(async (input, init) => {
      const refusal = String(input).endsWith('/v1/tokenize') ? refusals.shift() : undefined
      return refusal ?? send(input, init)
    })
    const shop = await newClient(vault, 'checkout', { fetch: sent.fetch })
    const { response } = await shop.checkouts.tokenize({ contact }, { idempotencyKey: 'order-17' }).withResponse()
    expect(response).toMatchObject({ attempts: 3, idempotencyKey: 'order-17', replayed: false, status: 201 })
    const attempts = sent.of('/v1/tokenize').map(({ headers, body }) => [headers.get('idempotency-key'), body])
    expect(attempts).toEqual(Array.from({ length: 3 }, () => ['order-17', JSON.stringify({ contact })]))
  })

  it('are not begun when the vault asks for more time than the call has', async () => {
    const shop = await newClient(vault, 'checkout', { fetch: async () => busy('3600') })
    const error = await failure(shop.checkouts.tokenize({ contact }))
    expect(error).toMatchObject({ code: 'busy', retryAfterSeconds: 3600, attempts: 1 })
  })

  it('end with the time of the call', async () => {
    const silent: Send = () => new Promise(() => {})
    const shop = new VaultClient({ url: vault.url, credentials: { accessToken: 'x' }, fetch: silent })
    const options = { timeoutMs: 50 }
    expect(await failure(shop.checkouts.tokenize({ contact }, options))).toMatchObject({ reason: 'timeout' })
  })

  it('end when the caller aborts, with the reason of the caller', async () => {
    const shop = await newClient(vault, 'checkout', { fetch: async () => busy('1') })
    const ending = new AbortController()
    const call = failure(shop.checkouts.tokenize({ contact }, { signal: ending.signal }))
    ending.abort(new Error('the shopper left'))
    expect(await call).toMatchObject({ message: 'the shopper left' })
    expect(await failure(shop.checkouts.tokenize({ contact }, { signal: AbortSignal.abort('before') }))).toBe('before')
  })

  it('of one caller that leaves do not take the new token from the others', async () => {
    const sent = noting()
    const shop = await newClient(vault, 'checkout', { fetch: sent.fetch })
    const ending = new AbortController()
    const leaving = failure(shop.checkouts.tokenize({ contact }, { signal: ending.signal }))
    const staying = shop.checkouts.tokenize({ contact })
    ending.abort()
    expect(await leaving).toMatchObject({ name: 'AbortError' })
    expect(await staying).toHaveProperty('contact.token')
    expect(sent.of('/oauth/token')).toHaveLength(1)
  })
})

describe('answers', () => {
  it('come with their status, headers and request id when they are asked for', async () => {
    const support = await newStaff(vault, 'support')
    const { token } = (await vault.tokenize({ card })).card!
    const { data, response } = await support.tokens.get(token!).withResponse()
    expect(data).toMatchObject({ token, last4: '4242' })
    expect(response).toMatchObject({ status: 200, attempts: 1, idempotencyKey: undefined })
    expect(response.requestId).toBe(response.headers.get('request-id'))
  })

  it('in pages are read one item after the other', async () => {
    const { token } = (await vault.tokenize({ card })).card!
    const support = await newStaff(vault, 'support')
    for (let reads = 0; reads < 5; reads++) await support.tokens.get(token!)
    const auditor = await newStaff(vault, 'auditor')
    const types: unknown[] = []
    const filter = { token: token!, limit: 2 }
    for await (const event of auditor.audit.events(filter)) types.push(event.type)
    expect(types).toEqual(['record.tokenize', ...Array.from({ length: 5 }, () => 'record.read')])
    expect((await auditor.audit.events(filter).page()).events).toHaveLength(2)
  })

  it('of a call that has no method are given as they are', async () => {
    const { data, response } = await new VaultClient({ url: vault.url, fetch: createNodeFetch({ ca: vault.ca }) })
      .request({ method: 'GET', path: '/problems/busy', isPublic: true, answer: 'text' })
      .withResponse()
    expect(response.status).toBe(200)
    expect(data).toContain('busy')
  })
})

import type { webcrypto } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { VaultProblem } from '@strongroom/client'
import { createNodeFetch } from '@strongroom/client/node'
import { decodeJwt } from 'jose'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { clientOf, failureOf, newClient, noteRequests } from '../support/client.ts'
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

describe('access tokens', () => {
  it('are asked for once by calls at the same time, and kept', async () => {
    const sent = noteRequests(vault)
    const shop = await newClient(vault, 'checkout', { fetch: sent.fetch })
    await Promise.all(Array.from({ length: 20 }, () => shop.checkouts.tokenize({ contact })))
    await shop.checkouts.tokenize({ contact })
    expect(sent.of('/oauth/token')).toHaveLength(1)
    expect(new Set(sent.of('/v1/tokenize').map(({ headers }) => headers.get('idempotency-key'))).size).toBe(21)
  })

  it('are renewed before they end, once for all', async () => {
    const sent = noteRequests(vault)
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
    const sent = noteRequests(vault)
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
    expect(await failureOf(reader.checkouts.tokenize({ contact }))).toMatchObject({ code: 'scope-missing' })
  })

  it('are not given to a client with a wrong secret, and it is not tried again', async () => {
    const sent = noteRequests(vault)
    const { id } = await vault.client(['tokenize'])
    const stranger = clientOf(vault, { clientId: id, clientSecret: 'a guess' }, { fetch: sent.fetch })
    const error = await failureOf(stranger.checkouts.tokenize({ contact }))
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
    const sent = noteRequests(vault)
    const billing = clientOf(vault, credentials, { dpop: true, fetch: sent.fetch })
    const released = await billing.tokens.reveal(token, { purpose: 'process-payment', fields: ['number'] })
    expect(released.data).toEqual({ number: cards.visa })
    const proofs = sent.requests.map(({ headers }) => decodeJwt(headers.get('dpop')!))
    expect(new Set(proofs.map(({ jti }) => jti)).size).toBe(2)
    expect(proofs.map(({ ath }) => ath !== undefined)).toEqual([false, true])
    const unbound = clientOf(vault, credentials)
    expect(await failureOf(unbound.tokens.reveal(token, { purpose: 'process-payment' }))).toMatchObject({
      code: 'unauthenticated',
    })
  })

  it('are made with the time of the vault when the clock of this machine is wrong', async () => {
    for (const wrongMs of [-10 * MINUTE_MS, 10 * MINUTE_MS]) {
      const sent = noteRequests(vault)
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
    const demanding: typeof fetch = async (input, init = {}) => {
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

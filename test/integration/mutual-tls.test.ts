import { X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { Agent } from 'node:https'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { TLSSocket } from 'node:tls'
import { decodeJwt } from 'jose'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { certificateThumbprint, registrationOf } from '../../src/access/authentication/client-certificate.ts'
import { type ClientCertificate, createClientAuthority } from '../support/client-certificates.ts'
import { requestHttps } from '../support/https-client.ts'
import { contact } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

const OPERATOR = { id: 'operator:test', kind: 'operator' } as const

let vault: TestVault
let directory: string
let authority: Awaited<ReturnType<typeof createClientAuthority>>
let carrier: ClientCertificate
let other: ClientCertificate
let stranger: ClientCertificate
let id: string
const agents: Agent[] = []

beforeAll(async () => {
  directory = mkdtempSync(path.join(tmpdir(), 'strongroom-mtls-'))
  authority = await createClientAuthority()
  const clientCaFile = path.join(directory, 'clients.pem')
  writeFileSync(clientCaFile, authority.pem)
  vault = await TestVault.start({ clientCaFile, config: { asksForCertificates: true } })
  carrier = await authority.issue({ subject: 'O=Acme, CN=carrier' })
  other = await authority.issue({ subject: 'O=Acme, CN=other' })
  stranger = await (await createClientAuthority('CN=Another CA')).issue({ subject: 'O=Acme, CN=carrier' })
  id = await register('subject:CN=carrier,O=Acme')
})
afterEach(() => vault.checkInvariants())
afterAll(async () => {
  for (const agent of agents) agent.destroy()
  await vault.stop()
  rmSync(directory, { recursive: true })
})

const register = async (certificate: string) => {
  const input = { name: 'carrier', scopes: ['tokenize'], site: 'default' } as const
  return (await vault.commands.addClientWithKey(OPERATOR, input, { certificate })).id
}

function connectAs(certificate: ClientCertificate | undefined, options: { maxVersion?: 'TLSv1.2' } = {}): Agent {
  const agent = new Agent({ ca: vault.ca, keepAlive: true, ...certificate, ...options })
  agents.push(agent)
  return agent
}

const FORM = { 'Content-Type': 'application/x-www-form-urlencoded' }
const ask = (agent: Agent, client = id, headers: Record<string, string> = {}) =>
  requestHttps<{ access_token: string; token_type: string; error?: string }>({
    port: vault.port,
    ca: vault.ca,
    agent,
    method: 'POST',
    path: '/oauth/token',
    headers: { ...FORM, ...headers },
    body: `grant_type=client_credentials&client_id=${client}`,
  })
const tokenize = (agent: Agent, token: string, headers: Record<string, string> = {}) =>
  requestHttps<{ code?: string }>({
    port: vault.port,
    ca: vault.ca,
    agent,
    method: 'POST',
    path: '/v1/tokenize',
    headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${token}`, ...headers },
    body: JSON.stringify({ contact }),
  })

describe('a client with a certificate', () => {
  it('gets a token without any secret, bound to the certificate (RFC 8705 section 3)', async () => {
    const { status, body, text } = await ask(connectAs(carrier))
    expect(status, text).toBe(200)
    expect(body.token_type).toBe('Bearer')
    const thumbprint = certificateThumbprint({ der: new X509Certificate(carrier.cert).raw })
    expect(decodeJwt(body.access_token).cnf).toEqual({ 'x5t#S256': thumbprint })
  })

  it.each(['TLSv1.3', 'TLSv1.2'] as const)(
    'uses the token over its own connections, resumed ones too (%s)',
    async (v) => {
      const options = v === 'TLSv1.2' ? { maxVersion: v } : {}
      const agent = connectAs(carrier, options)
      const { access_token } = (await ask(agent)).body
      expect((await tokenize(agent, access_token)).status).toBe(201)
      // The agent keeps the session: the next connection shows no certificate again.
      for (const socket of Object.values(agent.freeSockets).flat()) socket?.destroy()
      const resumed = await tokenize(agent, access_token)
      expect({ status: resumed.status, reused: (resumed.socket as TLSSocket).isSessionReused() }).toEqual({
        status: 201,
        reused: true,
      })
    },
  )

  it('can be registered by the certificate itself, which needs no signature', async () => {
    const own = await authority.selfSigned({ subject: 'CN=self' })
    const client = await register(registrationOf(own.cert))
    expect((await ask(connectAs(own), client)).status).toBe(200)
    expect((await ask(connectAs(await authority.selfSigned({ subject: 'CN=self' })), client)).status).toBe(401)
  })

  it('is refused once it is revoked', async () => {
    const client = await register('subject:CN=carrier,O=Acme')
    const agent = connectAs(carrier)
    const { access_token } = (await ask(agent, client)).body
    await vault.commands.revokeClient(OPERATOR, client)
    expect((await tokenize(agent, access_token)).status).toBe(401)
    expect((await ask(agent, client)).status).toBe(401)
  })
})

describe('no token', () => {
  it.each<[string, () => ClientCertificate | undefined]>([
    ['without a certificate', () => undefined],
    ['with another client’s certificate', () => other],
    ['with the same name under another authority', () => stranger],
  ])('%s', async (_what, certificate) => {
    const answer = await ask(connectAs(certificate()))
    expect({ status: answer.status, error: answer.body.error }).toEqual({ status: 401, error: 'invalid_client' })
  })

  it('with a certificate that has expired, or is not valid yet', async () => {
    for (const validFor of [
      [-2, -1],
      [1, 2],
    ] as [number, number][]) {
      const late = await authority.issue({ subject: 'O=Acme, CN=carrier', validFor })
      expect((await ask(connectAs(late))).status).toBe(401)
    }
  })

  // OpenSSL may leave the failed signature in its error queue, and Node then ends the connection with 400 before the request.
  it('with the same name under an authority that calls itself by the trusted one’s name', async () => {
    const impostor = await (await createClientAuthority()).issue({ subject: 'O=Acme, CN=carrier' })
    for (let i = 0; i < 5; i++) expect([400, 401]).toContain((await ask(connectAs(impostor))).status)
    expect((await ask(connectAs(carrier))).status).toBe(200)
  })

  it('for a certificate that only a header names', async () => {
    const pem = encodeURIComponent(carrier.cert)
    const headers = {
      'X-Client-Cert': pem,
      'X-SSL-Client-Cert': pem,
      'Client-Cert': pem,
      'X-Forwarded-Client-Cert': pem,
    }
    expect((await ask(connectAs(undefined), id, headers)).status).toBe(401)
  })

  it('for a certificate in place of a secret, and the other way round', async () => {
    const withSecret = await vault.client(['tokenize'])
    expect((await ask(connectAs(carrier), withSecret.id)).status).toBe(401)
    expect((await vault.requestToken(id, 'a guess')).status).toBe(401)
  })
})

it('a client is not added by a certificate where none are asked for', async () => {
  const plain = await TestVault.start({ sharedDatabase: vault.database })
  try {
    const input = { name: 'unreachable', scopes: ['tokenize'], site: 'default' } as const
    for (const certificate of ['subject:CN=carrier', `sha256:${'A'.repeat(43)}`]) {
      const adding = plain.commands.addClientWithKey(OPERATOR, input, { certificate })
      await expect(adding).rejects.toThrow(/asks for no certificates: .*STRONGROOM_CLIENT_CA/)
    }
    const clients = await plain.commands.listClients()
    expect(clients.filter(({ name }) => name === 'unreachable')).toEqual([])
  } finally {
    await plain.stop()
  }
})

describe('a stolen token', () => {
  it.each<[string, () => ClientCertificate | undefined]>([
    ['without a certificate', () => undefined],
    ['with another certificate', () => other],
    ['with a certificate of the same name', () => stranger],
  ])('is worth nothing %s', async (_what, certificate) => {
    const { access_token } = (await ask(connectAs(carrier))).body
    const answer = await tokenize(connectAs(certificate()), access_token)
    expect({ status: answer.status, code: answer.body.code }).toEqual({ status: 401, code: 'unauthenticated' })
    expect(answer.headers['www-authenticate']).toMatch(/^Bearer error="invalid_token", /)
  })

  it('is refused where no certificates are asked for', async () => {
    const { access_token } = (await ask(connectAs(carrier))).body
    const plain = await TestVault.start({ sharedDatabase: vault.database })
    try {
      const agent = connectAs(carrier)
      const answer = await requestHttps<{ code: string }>({
        port: plain.port,
        ca: vault.ca,
        agent,
        method: 'POST',
        path: '/v1/tokenize',
        body: '{}',
        headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${access_token}` },
      })
      expect(answer.status).toBe(401)
    } finally {
      await plain.stop()
    }
  })
})

it('the others come as before, with a certificate or without', async () => {
  const token = await vault.clientToken(['tokenize'])
  for (const certificate of [undefined, other, stranger]) {
    const answer = await tokenize(connectAs(certificate), token)
    expect(answer.status, answer.text).toBe(201)
  }
  const { body } = await vault.call('GET', '/.well-known/oauth-authorization-server')
  expect(body).toMatchObject({ tls_client_certificate_bound_access_tokens: true })
  expect(body.token_endpoint_auth_methods_supported).toContain('tls_client_auth')
})

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { Agent } from 'node:https'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { registrationOf } from '../../src/access/authentication/client-certificate.ts'
import { type ClientCertificate, createClientAuthority } from '../support/client-certificates.ts'
import { requestHttps } from '../support/https-client.ts'
import { card, contact } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

/**
 * What a client behind a trusted proxy may try: the proxy passes its headers on, and adds the address that it has seen.
 */
let vault: TestVault
let directory: string
let carrier: ClientCertificate
let agent: Agent

beforeAll(async () => {
  directory = mkdtempSync(path.join(tmpdir(), 'strongroom-forged-'))
  const authority = await createClientAuthority()
  const clientCaFile = path.join(directory, 'clients.pem')
  writeFileSync(clientCaFile, authority.pem)
  carrier = await authority.issue({ subject: 'CN=carrier' })
  vault = await TestVault.start({
    clientCaFile,
    trustedProxies: ['127.0.0.1'],
    config: { asksForCertificates: true, limits: { cards: { perSource: 3 } } },
    overrides: { rateLimits: { requestsPerMinute: 1_000, failuresPerMinute: 3 } },
  })
  agent = new Agent({ ca: vault.ca, keepAlive: true, ...carrier })
})
afterEach(() => vault.checkInvariants())
afterAll(async () => {
  agent.destroy()
  await vault.stop()
  rmSync(directory, { recursive: true })
})

const FORM = { 'Content-Type': 'application/x-www-form-urlencoded' }

describe('a new address for each try', () => {
  /** As HAProxy's `option forwardfor` does it: the client's own headers stay. */
  const seenAt = (address: string, invented: Record<string, string>) => ({
    ...invented,
    'X-Forwarded-For': [invented['X-Forwarded-For'], address].filter((one) => one !== undefined).join(', '),
  })
  const inventions = (at: number): Record<string, string>[] => [
    { 'X-Forwarded-For': `203.0.113.${at}` },
    { 'X-Forwarded-For': `203.0.113.${at}, 127.0.0.1` },
    { 'X-Forwarded-For': `203.0.113.${at}"` },
    { 'X-Real-IP': `203.0.113.${at}`, 'True-Client-IP': `203.0.113.${at}`, 'CF-Connecting-IP': `203.0.113.${at}` },
    {
      'X-Client-IP': `203.0.113.${at}`,
      'X-Cluster-Client-IP': `203.0.113.${at}`,
      'Fastly-Client-IP': `203.0.113.${at}`,
    },
  ]

  it('does not let a tester of cards have more of them', async () => {
    const token = await vault.clientToken(['tokenize'])
    const statuses = []
    for (const invented of [1, 2].flatMap(inventions)) {
      const headers = seenAt('198.51.100.1', invented)
      statuses.push((await vault.call('POST', '/v1/tokenize', { token, body: { card }, headers })).status)
    }
    expect(statuses).toEqual([201, 201, 201, ...Array(7).fill(429)])
  })

  it('does not let a guesser of secrets have more of them', async () => {
    const text = 'grant_type=client_credentials&client_id=nobody&client_secret=guess'
    const statuses = []
    for (const invented of [3, 4].flatMap(inventions)) {
      const headers = { ...FORM, ...seenAt('198.51.100.2', invented) }
      statuses.push((await vault.call('POST', '/oauth/token', { text, headers })).status)
    }
    expect(statuses).toEqual([401, 401, 401, ...Array(7).fill(429)])
  })

  it('in the header that the proxy does not write, leaves all who try it one source together', async () => {
    const token = await vault.clientToken(['tokenize'])
    const statuses = []
    for (let at = 1; at <= 6; at++) {
      const headers = seenAt(`198.51.100.${10 + at}`, { Forwarded: `for=203.0.113.${at}` })
      statuses.push((await vault.call('POST', '/v1/tokenize', { token, body: { card }, headers })).status)
    }
    expect(statuses).toEqual([201, 201, 201, 429, 429, 429])
    // Clients that try nothing are not affected.
    const honest = { token, body: { card }, headers: { 'X-Forwarded-For': '198.51.100.11' } }
    expect((await vault.call('POST', '/v1/tokenize', honest)).status).toBe(201)
  })

  it('does not shut another shopper out', async () => {
    const token = await vault.clientToken(['tokenize'])
    for (let at = 1; at <= 6; at++) {
      const headers = seenAt('198.51.100.30', { 'X-Forwarded-For': '198.51.100.31' })
      await vault.call('POST', '/v1/tokenize', { token, body: { card }, headers })
    }
    const victim = { token, body: { card }, headers: { 'X-Forwarded-For': '198.51.100.31' } }
    expect((await vault.call('POST', '/v1/tokenize', victim)).status).toBe(201)
  })
})

describe('a certificate in a header, from a trusted proxy too', () => {
  const register = async (certificate: string) => {
    const input = { name: 'carrier', scopes: ['tokenize'], site: 'default' } as const
    const operator = { id: 'operator:test', kind: 'operator' } as const
    return (await vault.commands.addClientWithKey(operator, input, { certificate })).id
  }
  const ask = (client: string, headers: Record<string, string>, over?: Agent) =>
    requestHttps<{ access_token: string }>({
      port: vault.port,
      ca: vault.ca,
      method: 'POST',
      path: '/oauth/token',
      ...(over ? { agent: over } : {}),
      headers: { ...FORM, 'X-Forwarded-For': '198.51.100.40', ...headers },
      body: `grant_type=client_credentials&client_id=${client}`,
    })
  /** nginx, HAProxy, Envoy, AWS, Azure, Cloudflare, RFC 9440. */
  const shown = (): Record<string, string>[] => {
    const pem = encodeURIComponent(carrier.cert)
    const der = carrier.cert.replace(/-----[A-Z ]+-----|\s/g, '')
    return [
      { 'X-SSL-Client-Cert': pem, 'X-SSL-Client-Verify': 'SUCCESS', 'X-SSL-Client-S-DN': 'CN=carrier' },
      { 'SSL-Client-Cert': pem, 'X-Client-Cert': pem, 'X-Client-Verify': 'SUCCESS', 'X-Client-DN': 'CN=carrier' },
      { 'X-SSL-Client-DER': der, 'X-SSL-Client-CN': 'carrier', 'X-SSL': '1' },
      { 'X-Forwarded-Client-Cert': `By=spiffe://vault;Subject="CN=carrier";Cert="${pem}"` },
      { 'X-Amzn-Mtls-Clientcert': pem, 'X-Amzn-Mtls-Clientcert-Leaf': pem },
      { 'X-ARR-ClientCert': der },
      { 'CF-Client-Cert-DER-Base64': der, 'CF-Client-Cert-Verified': 'true' },
      { 'Client-Cert': `:${der}:`, 'Client-Cert-Chain': `:${der}:` },
      { Forwarded: 'for=198.51.100.40;proto=https;client-cert="carrier"' },
    ]
  }

  it('proves no one', async () => {
    const clients = [await register('subject:CN=carrier'), await register(registrationOf(carrier.cert))]
    let address = 50
    for (const headers of shown()) {
      for (const client of clients) {
        // Wrong log-ins are limited by source.
        const answer = await ask(client, { 'X-Forwarded-For': `198.51.100.${address++}`, ...headers })
        expect({ headers: Object.keys(headers), status: answer.status }).toMatchObject({ status: 401 })
      }
    }
    for (const client of clients) expect((await ask(client, {}, agent)).status).toBe(200)
  })

  it('is not the one that a token is bound to', async () => {
    const { access_token } = (await ask(await register('subject:CN=carrier'), {}, agent)).body
    for (const headers of shown()) {
      const answer = await vault.call('POST', '/v1/tokenize', { token: access_token, body: { contact }, headers })
      expect({ headers: Object.keys(headers), status: answer.status }).toMatchObject({ status: 401 })
    }
  })
})

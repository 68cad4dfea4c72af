import { writeFileSync } from 'node:fs'
import { Agent } from 'node:https'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { createCallerKey, signProof } from '../support/caller-keys.ts'
import { type ClientCertificate, createClientAuthority } from '../support/client-certificates.ts'
import { type FrontEnd, type Haproxy, haproxyIsMissing, PROXY_ADDRESS, startHaproxy } from '../support/haproxy.ts'
import { requestHttps } from '../support/https-client.ts'
import { cards } from '../support/samples.ts'
import { VaultProcess } from '../support/vault-process.ts'
import { without } from '../support/without.ts'

const missing = haproxyIsMissing()

const PUBLIC_HOST = 'vault.shop.example'
const FORM = { 'Content-Type': 'application/x-www-form-urlencoded' }
const SHOP = '127.0.1.1'

describe.skipIf(missing)(`behind HAProxy${without(missing)}`, () => {
  let vault: VaultProcess
  let haproxy: Haproxy
  let certificate: ClientCertificate
  /** A client that has no secret, only this certificate. */
  let certified: string
  const agents: Agent[] = []

  beforeAll(async () => {
    vault = await VaultProcess.start()
    const certsDir = path.join(vault.directory, 'certs')
    haproxy = await startHaproxy({ port: vault.port, certsDir })
    const authority = await createClientAuthority()
    certificate = await authority.issue({ subject: 'CN=shop' })
    const files = { ca: path.join(certsDir, 'clients.pem'), own: path.join(certsDir, 'client.pem') }
    writeFileSync(files.ca, authority.pem)
    writeFileSync(files.own, certificate.cert)
    const add = ['clients', 'add', '--name', 'shop', '--scope', 'tokenize', '--certificate', files.own, '--json']
    certified = (await vault.cli(add, { STRONGROOM_CLIENT_CA: files.ca })).json<{ client_id: string }>().client_id
  })
  afterAll(async () => {
    for (const agent of agents) agent.destroy()
    await haproxy?.stop()
    await vault?.remove()
  })

  async function restart(env: Record<string, string>): Promise<void> {
    await vault.stop()
    vault.spawn({
      STRONGROOM_WORKERS: '2',
      STRONGROOM_TRUSTED_PROXIES: `${PROXY_ADDRESS}/32, 2001:db8::/32`,
      STRONGROOM_CARDS_PER_SOURCE: '2',
      STRONGROOM_CLIENT_CA: path.join(vault.directory, 'certs', 'clients.pem'),
      ...env,
    })
    const ready = async () => expect((await vault.call('GET', '/readyz')).status).toBe(200)
    await vi.waitFor(ready, { timeout: 60_000, interval: 50 })
  }

  /** Calls from an address of one's own, through HAProxy or past it. */
  function call(
    through: FrontEnd | 'direct',
    localAddress: string,
    request: { path: string; body: string; headers?: Record<string, string> },
    shown?: ClientCertificate,
  ) {
    const agent = new Agent({ localAddress, ...shown })
    agents.push(agent)
    const port = through === 'direct' ? vault.port : haproxy.ports[through]
    return requestHttps<{ access_token: string }>({ port, ca: vault.ca, agent, method: 'POST', ...request })
  }

  const tokenize = async (
    through: FrontEnd | 'direct',
    from: string,
    headers: Record<string, string> = {},
  ): Promise<number> => {
    const body = JSON.stringify({ card: { number: cards.visa, exp_month: 12, exp_year: 2031 } })
    const authorization = { 'Content-Type': 'application/json', Authorization: `Bearer ${token}` }
    return (await call(through, from, { path: '/v1/tokenize', body, headers: { ...authorization, ...headers } })).status
  }
  let token: string
  const logIn = async () => {
    const { client_id, client_secret } = vault.sampleCaller('checkout')
    token = (await vault.requestToken(client_id, client_secret)).body.access_token
  }

  /** Each shopper has two cards a minute, independent of the others and of what they send. */
  async function expectApart(through: FrontEnd, [mei, ben]: readonly [string, string]): Promise<void> {
    const invented = { 'X-Forwarded-For': '203.0.113.7', Forwarded: 'for=203.0.113.7' }
    const statuses = []
    for (const headers of [{}, invented, invented, {}]) statuses.push(await tokenize(through, mei, headers))
    expect(statuses).toEqual([201, 201, 429, 429])
    expect([await tokenize(through, ben), await tokenize(through, ben)]).toEqual([201, 201])
    expect(await tokenize(through, ben)).toBe(429)
    // It is the same shopper who comes past the proxy.
    expect(await tokenize('direct', mei, invented)).toBe(429)
  }

  const askWithCertificate = (
    through: FrontEnd | 'direct',
    headers: Record<string, string>,
    shown?: ClientCertificate,
  ) =>
    call(
      through,
      SHOP,
      {
        path: '/oauth/token',
        body: `grant_type=client_credentials&client_id=${certified}`,
        headers: { ...FORM, ...headers },
      },
      shown,
    )

  describe('that passes TLS through with a PROXY header', () => {
    beforeAll(async () => {
      await restart({ STRONGROOM_PROXY_PROTOCOL: 'on' })
      await logIn()
    })

    it('two shoppers are two sources, by version 1', () => expectApart('passthrough1', ['127.3.0.1', '127.3.0.2']))

    it('two shoppers are two sources, by version 2', () => expectApart('passthrough2', ['127.4.0.1', '127.4.0.2']))

    it('a client proves itself by its certificate', async () => {
      expect((await askWithCertificate('passthrough2', {}, certificate)).status).toBe(200)
      expect((await askWithCertificate('passthrough2', {})).status).toBe(401)
    })

    it('HAProxy’s address without a PROXY header gets no answer', async () => {
      await expect(tokenize('direct', PROXY_ADDRESS)).rejects.toThrow()
    })
  })

  describe('that ends TLS and begins it again', () => {
    beforeAll(async () => {
      await restart({ STRONGROOM_ISSUER: `https://${PUBLIC_HOST}` })
      await logIn()
    })

    it('two shoppers are two sources, by X-Forwarded-For', () =>
      expectApart('forwardedFor', ['127.5.0.1', '127.5.0.2']))

    it('two shoppers are two sources, by Forwarded', () => expectApart('forwarded', ['127.6.0.1', '127.6.0.2']))

    it('a certificate in a header proves no one', async () => {
      const pem = encodeURIComponent(certificate.cert)
      const der = certificate.cert.replace(/-----[A-Z ]+-----|\s/g, '')
      const headers = {
        'X-SSL-Client-Cert': pem,
        'X-SSL-Client-Verify': 'SUCCESS',
        'X-SSL-Client-S-DN': 'CN=shop',
        'X-Forwarded-Client-Cert': `Cert="${pem}"`,
        'Client-Cert': `:${der}:`,
        'X-Amzn-Mtls-Clientcert': pem,
      }
      expect((await askWithCertificate('forwardedFor', headers, certificate)).status).toBe(401)
      expect((await askWithCertificate('direct', {}, certificate)).status).toBe(200)
    })

    it('a proof for the public URL counts, and the public host is answered for', async () => {
      const key = await createCallerKey()
      const { client_id, client_secret } = vault.sampleCaller('checkout')
      const proofFor = (path: string, accessToken?: string) =>
        signProof(
          key,
          { method: 'POST', url: `https://${PUBLIC_HOST}${path}`, ...(accessToken ? { accessToken } : {}) },
          new Date(),
        )
      const credentials = Buffer.from(`${client_id}:${client_secret}`).toString('base64')
      const asked = await call('forwardedFor', SHOP, {
        path: '/oauth/token',
        body: 'grant_type=client_credentials',
        headers: {
          ...FORM,
          Host: PUBLIC_HOST,
          Authorization: `Basic ${credentials}`,
          DPoP: await proofFor('/oauth/token'),
        },
      })
      expect(asked.status, asked.text).toBe(200)
      const bound = asked.body.access_token
      const stored = await call('forwarded', SHOP, {
        path: '/v1/tokenize',
        body: JSON.stringify({ contact: { email: 'mei@example.sg' } }),
        headers: {
          'Content-Type': 'application/json',
          Host: PUBLIC_HOST,
          Authorization: `DPoP ${bound}`,
          DPoP: await proofFor('/v1/tokenize', bound),
        },
      })
      expect(stored.status, stored.text).toBe(201)
      const wrong = { path: '/v1/tokenize', body: '{}', headers: { Host: 'other.shop.example' } }
      expect((await call('forwarded', SHOP, wrong)).status).toBe(421)
    })
  })
})

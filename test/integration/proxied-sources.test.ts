import { Agent } from 'node:https'
import { connect } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { type AnnouncingProxy, startAnnouncingProxy } from '../support/announcing-proxy.ts'
import { requestHttps } from '../support/https-client.ts'
import { versionOneFor, versionTwo, versionTwoFor } from '../support/proxy-header.ts'
import { card } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

let vault: TestVault
const proxies: AnnouncingProxy[] = []
const agents: Agent[] = []

afterEach(async () => {
  for (const agent of agents.splice(0)) agent.destroy()
  for (const proxy of proxies.splice(0)) await proxy.stop()
  await vault.checkInvariants()
  await vault.stop()
})

/** One card for each source a minute: a second one shows that the sources are the same. */
const start = async (options: { trustedProxies: string[]; proxyProtocol?: boolean }) => {
  vault = await TestVault.start({ ...options, config: { limits: { cards: { perSource: 1 } } } })
}

async function tokenizeOn(port: number, headers: Record<string, string> = {}, agent?: Agent): Promise<number> {
  const token = await tokenFor()
  const answer = await requestHttps({
    port,
    ca: vault.ca,
    method: 'POST',
    path: '/v1/tokenize',
    body: JSON.stringify({ card }),
    ...(agent ? { agent } : {}),
    headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${token}`, ...headers },
  })
  return answer.status
}

/** Made by the operator, so that no connection is needed. */
const tokenFor = async () => {
  const subject = { name: 'Tess', role: 'checkout', purposes: [], site: 'default', minutes: 15 } as const
  const operator = { id: 'operator:test', kind: 'operator' } as const
  return (await vault.commands.issueStaffToken(operator, subject)).access_token
}

describe('behind a proxy that names its clients in a header', () => {
  const via = (headers: Record<string, string>) => tokenizeOn(vault.port, headers)

  it('two shoppers are two sources, by Forwarded as by X-Forwarded-For', async () => {
    await start({ trustedProxies: ['127.0.0.0/8'] })
    expect(await via({ 'X-Forwarded-For': '203.0.113.1' })).toBe(201)
    expect(await via({ 'X-Forwarded-For': '203.0.113.2' })).toBe(201)
    expect(await via({ Forwarded: 'for=203.0.113.3;proto=https' })).toBe(201)
    // A made-up history does not hide the address that the proxy has seen.
    for (const invented of ['198.51.100.1', '198.51.100.2, 127.0.0.1', 'unknown']) {
      expect(await via({ 'X-Forwarded-For': `${invented}, 203.0.113.1` })).toBe(429)
      expect(await via({ Forwarded: `for="${invented}", for="203.0.113.3:4711"` })).toBe(429)
    }
    expect(await via({ 'X-Forwarded-For': '203.0.113.2, 127.0.0.1, 127.0.0.2' })).toBe(429)
    // The proxy itself, and all that hide behind it, are one more source.
    expect(await via({})).toBe(201)
    expect(await via({ Forwarded: 'for=_hidden' })).toBe(429)
    expect(await via({ 'X-Forwarded-For': '198.51.100.9', Forwarded: 'for=198.51.100.8' })).toBe(429)
  })

  it('IPv6 counts by /64, and an IPv4 address inside IPv6 as IPv4', async () => {
    await start({ trustedProxies: ['127.0.0.1'] })
    // Such an address is not a card number in a header, although its groups look like one.
    expect(await via({ 'X-Forwarded-For': '4242:4242:4242:4242::1' })).toBe(201)
    expect(await via({ Forwarded: 'for="[4242:4242:4242:4242:ffff::2]:443"' })).toBe(429)
    expect(await via({ 'X-Forwarded-For': '4242:4242:4242:4243::1' })).toBe(201)
    expect(await via({ 'X-Forwarded-For': '203.0.113.9' })).toBe(201)
    expect(await via({ 'X-Forwarded-For': '::ffff:203.0.113.9' })).toBe(429)
  })

  it('without trust is one source, whatever it sends', async () => {
    await start({ trustedProxies: ['192.0.2.0/24', '::1'] })
    expect(await via({ 'X-Forwarded-For': '203.0.113.1' })).toBe(201)
    expect(await via({ 'X-Forwarded-For': '203.0.113.2' })).toBe(429)
    expect(await via({ Forwarded: 'for=203.0.113.3' })).toBe(429)
  })

  it('log-ins count by shopper, too', async () => {
    vault = await TestVault.start({
      trustedProxies: ['127.0.0.1'],
      overrides: { rateLimits: { requestsPerMinute: 1_000, failuresPerMinute: 2 } },
    })
    const guess = async (address: string) => {
      const headers = { 'Content-Type': 'application/x-www-form-urlencoded', 'X-Forwarded-For': address }
      const text = 'grant_type=client_credentials&client_id=nobody&client_secret=guess'
      return (await vault.call('POST', '/oauth/token', { text, headers })).status
    }
    const statuses = []
    for (const address of ['203.0.113.1', '203.0.113.1', '203.0.113.1', '203.0.113.2'])
      statuses.push(await guess(address))
    expect(statuses).toEqual([401, 401, 429, 401])
  })
})

describe('behind a proxy that speaks the PROXY protocol', () => {
  const proxyFor = async (...parameters: [Buffer, ('together' | 'byte by byte')?]) => {
    const proxy = await startAnnouncingProxy(vault.port, ...parameters)
    proxies.push(proxy)
    return proxy.port
  }
  const via = async (...parameters: Parameters<typeof proxyFor>) => tokenizeOn(await proxyFor(...parameters))

  it('two shoppers are two sources, by version 1 as by version 2', async () => {
    await start({ trustedProxies: ['127.0.0.1'], proxyProtocol: true })
    expect(await via(versionOneFor('203.0.113.1'))).toBe(201)
    expect(await via(versionTwoFor('203.0.113.2'))).toBe(201)
    expect(await via(versionTwoFor('203.0.113.1'), 'byte by byte')).toBe(429)
    expect(await via(versionOneFor('203.0.113.2'), 'byte by byte')).toBe(429)
    expect(await via(versionOneFor('2001:db8:1:2::1'))).toBe(201)
    expect(await via(versionOneFor('2001:db8:1:2:3::1'))).toBe(429)
    // TLVs, the longest that are taken.
    expect(await via(versionTwoFor('203.0.113.3', Buffer.alloc(4096 - 12, 4)))).toBe(201)
    // An unnamed source is the proxy.
    expect(await via(Buffer.from('PROXY UNKNOWN\r\n'))).toBe(201)
    expect(await via(versionTwo(0x20, 0))).toBe(429)
  })

  it('every request of a connection has its source, and every connection, over TLS 1.2 and 1.3', async () => {
    await start({ trustedProxies: ['127.0.0.1'], proxyProtocol: true })
    const port = await proxyFor(versionTwoFor('203.0.113.1'))
    const other = await proxyFor(versionTwoFor('203.0.113.2'))
    for (const maxVersion of ['TLSv1.3', 'TLSv1.2'] as const) {
      const agent = new Agent({ keepAlive: true, maxVersion })
      agents.push(agent)
      const statuses = []
      for (let at = 0; at < 3; at++) {
        statuses.push(await tokenizeOn(port, {}, agent))
        for (const socket of Object.values(agent.freeSockets).flat()) if (at > 0) socket?.destroy()
      }
      expect(statuses).toEqual(maxVersion === 'TLSv1.3' ? [201, 429, 429] : [429, 429, 429])
    }
    expect(await tokenizeOn(other)).toBe(201)
  })

  it('many at once are not mixed up', async () => {
    await start({ trustedProxies: ['127.0.0.1'], proxyProtocol: true })
    const ports = await Promise.all(
      Array.from({ length: 20 }, (_, at) => proxyFor(versionTwoFor(`203.0.113.${at + 1}`), 'together')),
    )
    const statuses = await Promise.all([...ports, ...ports].map((port) => tokenizeOn(port)))
    expect(statuses.filter((status) => status === 201)).toHaveLength(20)
    expect(statuses.filter((status) => status === 429)).toHaveLength(20)
  })

  it('a shopper behind two of them is the one that the inner one names, if that one is trusted', async () => {
    await start({ trustedProxies: ['127.0.0.1', '198.51.100.7'], proxyProtocol: true })
    const trusted = await proxyFor(versionTwoFor('198.51.100.7'))
    const stranger = await proxyFor(versionTwoFor('203.0.113.99'))
    expect(await tokenizeOn(trusted, { 'X-Forwarded-For': '203.0.113.1' })).toBe(201)
    expect(await tokenizeOn(trusted, { 'X-Forwarded-For': '203.0.113.2' })).toBe(201)
    expect(await tokenizeOn(stranger, { 'X-Forwarded-For': '203.0.113.3' })).toBe(201)
    expect(await tokenizeOn(stranger, { 'X-Forwarded-For': '203.0.113.4' })).toBe(429)
  })

  it('a trusted address without a header is closed, and so is one that sends another', async () => {
    await start({ trustedProxies: ['127.0.0.1'], proxyProtocol: true })
    await expect(tokenizeOn(vault.port)).rejects.toThrow()
    for (const header of [
      Buffer.from('PROXY TCP4 nonsense\r\n'),
      versionTwo(0x21, 0x12, Buffer.alloc(12)),
      Buffer.alloc(1),
    ])
      await expect(via(header)).rejects.toThrow()
    const { body } = await vault.metrics.text()
    expect(body).toMatch(/^strongroom_problems_total\{code="malformed-request"\} 4$/m)
  })

  it('without trust is a direct connection, and its header is a failed handshake', async () => {
    await start({ trustedProxies: ['192.0.2.1'], proxyProtocol: true })
    expect(await tokenizeOn(vault.port)).toBe(201)
    expect(await tokenizeOn(vault.port)).toBe(429)
    for (const header of [versionOneFor('203.0.113.1'), versionTwoFor('203.0.113.1')])
      await expect(via(header)).rejects.toThrow()
  })

  it('without the option a header is a failed handshake, from trusted addresses too', async () => {
    await start({ trustedProxies: ['127.0.0.1'] })
    expect(await tokenizeOn(vault.port)).toBe(201)
    await expect(via(versionOneFor('203.0.113.1'))).rejects.toThrow()
  })

  it('a second header inside TLS is not a request', async () => {
    await start({ trustedProxies: ['127.0.0.1'], proxyProtocol: true })
    const raw = connect({ host: '127.0.0.1', port: vault.port })
    raw.write(versionOneFor('203.0.113.1'))
    const socket = connectTls({ socket: raw, servername: 'localhost', ca: vault.ca })
    const answer = new Promise<string>((resolve) => {
      socket.once('data', (chunk) => resolve(String(chunk)))
    })
    socket.write(versionOneFor('203.0.113.2'))
    expect(await answer).toMatch(/^HTTP\/1\.1 400 /)
    socket.destroy()
  })

  it('connections that never send their header are closed, while others are served', async () => {
    await start({ trustedProxies: ['127.0.0.1'], proxyProtocol: true })
    let closed = 0
    const silent = ['', 'PROXY TCP4 203.0.113.1', '\r\n\r\n'].map((text) => {
      const socket = connect({ host: '127.0.0.1', port: vault.port })
      socket.on('close', () => closed++).on('error', () => {})
      socket.resume().write(text)
      return socket
    })
    expect(await via(versionOneFor('203.0.113.1'))).toBe(201)
    await vi.waitFor(() => expect(closed).toBe(silent.length), { timeout: 15_000, interval: 100 })
  })

  it('the most connections are counted before any header', async () => {
    await start({ trustedProxies: ['127.0.0.1'], proxyProtocol: true })
    vault.server.maxConnections = 2
    const port = await proxyFor(versionOneFor('203.0.113.1'))
    const waiting = [1, 2].map(() => connect({ host: '127.0.0.1', port: vault.port }))
    await Promise.all(waiting.map((socket) => new Promise((resolve) => socket.once('connect', resolve))))
    const connections = () => new Promise((resolve) => vault.server.getConnections((_error, count) => resolve(count)))
    await vi.waitFor(async () => expect(await connections()).toBe(2))
    await expect(tokenizeOn(port)).rejects.toThrow()
    for (const socket of waiting) socket.destroy()
    await vi.waitFor(async () => expect(await connections()).toBe(0))
    expect(await tokenizeOn(port)).toBe(201)
  })
})

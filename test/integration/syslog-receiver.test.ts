import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import path from 'node:path'
import { afterEach, describe, expect, inject, it, vi } from 'vitest'
import { type Patience, type SyslogReceiver, sendToReceiver } from '../../src/audit/delivery/syslog-receiver.ts'
import { createClientAuthority } from '../support/client-certificates.ts'
import { findFreePorts } from '../support/run-program.ts'
import { type SyslogServer, startSyslogServer } from '../support/syslog-server.ts'

const PATIENT: Patience = { attempts: 50, firstPauseMs: 10, maxPauseMs: 50, answerMs: 5_000 }
const MESSAGES = Array.from({ length: 300 }, (_, number) => `message ${number} é\n ${'x'.repeat(number)}`)

const servers: SyslogServer[] = []
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()))
})

async function start(options: Parameters<typeof startSyslogServer>[0] = {}): Promise<SyslogServer> {
  const server = await startSyslogServer(options)
  servers.push(server)
  return server
}

const file = (name: string) => readFileSync(path.join(inject('cluster').certsDir, name), 'utf8')
const serverTls = () => ({ cert: file('server.pem'), key: file('server-key.pem') })

async function send(to: Partial<SyslogReceiver>, messages = MESSAGES, patience: Partial<Patience> = {}) {
  const failures: string[] = []
  const receiver = { protocol: 'tcp', host: '127.0.0.1', port: 0, ...to } as const
  await sendToReceiver(receiver, messages, {
    patience: { ...PATIENT, ...patience },
    signal: new AbortController().signal,
    onFailure: ({ message }) => failures.push(message),
  })
  return failures
}

describe('over TCP', () => {
  it('every message comes once and in order, with its line breaks', async () => {
    const { port, messages } = await start()
    expect(await send({ port })).toEqual([])
    expect(await send({ port }, ['the next batch'])).toEqual([])
    expect(messages).toEqual([...MESSAGES, 'the next batch'])
  })

  it('a batch that a crash cut off comes again from its beginning', async () => {
    const server = await start()
    server.crashAfter(100)
    const sending = send({ port: server.port })
    await vi.waitUntil(() => server.connections >= 3, { timeout: 10_000, interval: 5 })
    server.crashAfter(undefined)
    expect((await sending).length).toBeGreaterThan(0)
    expect(server.messages.slice(-MESSAGES.length)).toEqual(MESSAGES)
    expect(new Set(server.messages)).toEqual(new Set(MESSAGES))
  })

  it('waits for a receiver that is not there yet', async () => {
    const [port] = await findFreePorts(1)
    const sending = send({ port: port! }, MESSAGES, { attempts: 1_000 })
    const late = await start({ port: port! })
    await sending
    expect(late.messages).toEqual(MESSAGES)
  })

  it('gives up when its patience ends, and says why', async () => {
    const [port] = await findFreePorts(1)
    await expect(send({ port: port! }, MESSAGES, { attempts: 2 })).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })

  it('counts nothing as received by one that closes by itself, however it does that', async () => {
    const server = createServer((socket) => socket.end().resume()).listen(0, '127.0.0.1')
    await once(server, 'listening')
    try {
      const { port } = server.address() as AddressInfo
      await expect(send({ port }, ['hello'], { attempts: 2 })).rejects.toThrow('closed the connection by itself')
    } finally {
      server.close()
    }
  })

  it('counts nothing as received by one that does not close', async () => {
    const server = await start()
    server.neverClose()
    const attempt = send({ port: server.port }, MESSAGES, { attempts: 1, answerMs: 200 })
    await expect(attempt).rejects.toThrow('the receiver does not answer')
  })

  it('opens no connection for nothing', async () => {
    const server = await start()
    await send({ port: server.port }, [])
    expect(server.connections).toBe(0)
  })
})

describe('over TLS', () => {
  it('every message comes once and in order', async () => {
    const { port, messages } = await start({ tls: serverTls() })
    const tls = { ca: file('ca.pem') }
    expect(await send({ protocol: 'tls', host: 'localhost', port, tls })).toEqual([])
    expect(await send({ protocol: 'tls', port, tls })).toEqual([])
    expect(messages).toEqual([...MESSAGES, ...MESSAGES])
  })

  it('nothing goes to a receiver whose authority is not known', async () => {
    const { port, messages } = await start({ tls: serverTls() })
    const attempt = send({ protocol: 'tls', host: 'localhost', port }, MESSAGES, { attempts: 1 })
    await expect(attempt).rejects.toMatchObject({ code: expect.stringMatching(/SELF_SIGNED|UNABLE_TO/) })
    expect(messages).toEqual([])
  })

  it('shows its certificate to a receiver that asks for one', async () => {
    const authority = await createClientAuthority()
    const own = await authority.issue({ subject: 'CN=vault' })
    const { port, messages } = await start({ tls: { ...serverTls(), ca: authority.pem, requestCert: true } })
    const sendWith = (tls: SyslogReceiver['tls']) =>
      send({ protocol: 'tls', host: 'localhost', port, tls: { ca: file('ca.pem'), ...tls } }, ['hello'], {
        attempts: 1,
      })
    expect(await sendWith(own)).toEqual([])
    expect(messages).toEqual(['hello'])
    // The receiver closes such a connection after the handshake, when everything has been written already.
    await expect(sendWith({})).rejects.toThrow()
    expect(messages).toEqual(['hello'])
  })
})

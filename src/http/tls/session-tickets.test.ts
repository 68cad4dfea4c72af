import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { connect, type SecureVersion } from 'node:tls'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { ensureDevelopmentCertificate } from './development-certificate.ts'
import { createTicketSecret, replaceHourly, type TicketSecret, ticketKeysOf } from './session-tickets.ts'
import { loadTls, type TlsOptions } from './tls.ts'

let certsDir: string
let tls: TlsOptions
let ca: string
const servers: Server[] = []

beforeAll(async () => {
  certsDir = mkdtempSync(path.join(tmpdir(), 'strongroom-tickets-'))
  await ensureDevelopmentCertificate({ certsDir })
  const file = (name: string) => path.join(certsDir, name)
  tls = await loadTls({ certFile: file('server.pem'), keyFile: file('server-key.pem') })
  ca = readFileSync(file('ca.pem'), 'utf8')
})
afterEach(async () => {
  vi.useRealTimers()
  for (const server of servers.splice(0)) await new Promise((closed) => server.close(closed))
})
afterAll(() => rmSync(certsDir, { recursive: true }))

/** A server as `serve.ts` starts one, in the place of a worker. */
async function worker(secret: TicketSecret): Promise<number> {
  const server = createServer(tls)
  const use = () => server.setTicketKeys(ticketKeysOf(secret, 'callers', tls))
  use()
  secret.onReplace(use)
  servers.push(server)
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  return (server.address() as AddressInfo).port
}

/** Connects, and answers with whether the session was resumed, and the session to resume next. */
function handshake(port: number, maxVersion: SecureVersion, session?: Buffer) {
  return new Promise<{ resumed: boolean; session: Buffer }>((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', servername: 'localhost', ca, maxVersion, session })
    socket.once('error', reject).resume()
    // In TLS 1.3 a session comes after the handshake, in TLS 1.2 with it, and a resumed one need not bring another.
    socket.once('secureConnect', () => {
      if (socket.isSessionReused()) finish(session!)
    })
    socket.once('session', finish)
    function finish(next: Buffer): void {
      resolve({ resumed: socket.isSessionReused(), session: next })
      socket.destroy()
    }
  })
}

describe.each<SecureVersion>(['TLSv1.2', 'TLSv1.3'])('the key of session tickets (%s)', (version) => {
  it('resumes a session on every worker, and none from before it was replaced', async () => {
    const [first, second] = [createTicketSecret(), createTicketSecret()]
    second.replace(first.bytes)
    const [one, other] = [await worker(first), await worker(second)]
    const { resumed, session } = await handshake(one, version)
    expect(resumed).toBe(false)
    expect((await handshake(one, version, session)).resumed).toBe(true)
    expect((await handshake(other, version, session)).resumed).toBe(true)
    first.replace(Buffer.alloc(32, 7))
    expect((await handshake(one, version, session)).resumed).toBe(false)
    expect((await handshake(other, version, session)).resumed).toBe(true)
    second.replace(first.bytes)
    const { session: fresh } = await handshake(one, version)
    expect((await handshake(other, version, fresh)).resumed).toBe(true)
    expect((await handshake(other, version, session)).resumed).toBe(false)
  })
})

describe('a secret of tickets', () => {
  it('is another one every hour, and the one before is wiped', () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    const secret = createTicketSecret()
    const first = secret.bytes
    const copy = Buffer.from(first)
    const end = replaceHourly(secret)
    vi.advanceTimersByTime(60 * 60 * 1000 - 1)
    expect(secret.bytes).toBe(first)
    const keys: string[] = []
    const unfollow = secret.onReplace(() => keys.push(ticketKeysOf(secret, 'callers', tls).toString('hex')))
    vi.advanceTimersByTime(1)
    expect(Buffer.from(secret.bytes).equals(copy)).toBe(false)
    expect(first.every((byte) => byte === 0)).toBe(true)
    vi.advanceTimersByTime(2 * 60 * 60 * 1000)
    expect(new Set(keys).size).toBe(3)
    unfollow()
    end()
    vi.advanceTimersByTime(10 * 60 * 60 * 1000)
    expect(keys.length).toBe(3)
  })

  it('gives each listener, certificate, authority and revocation list a key of 48 bytes of its own', () => {
    const secret = createTicketSecret()
    const keys = [
      ticketKeysOf(secret, 'callers', tls),
      ticketKeysOf(secret, 'operator', tls),
      ticketKeysOf(secret, 'callers', { ...tls, cert: ca }),
      ticketKeysOf(secret, 'callers', { ...tls, ca }),
      ticketKeysOf(secret, 'callers', { ...tls, ca, crl: ['another list'] }),
    ]
    expect(keys.map(({ length }) => length)).toEqual([48, 48, 48, 48, 48])
    expect(new Set(keys.map((key) => key.toString('hex'))).size).toBe(5)
    expect(ticketKeysOf(secret, 'callers', tls)).toEqual(keys[0])
  })
})

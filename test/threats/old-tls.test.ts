import { randomBytes } from 'node:crypto'
import { connect as connectTcp } from 'node:net'
import path from 'node:path'
import { connect as connectTls } from 'node:tls'
import { afterAll, afterEach, beforeAll, describe, expect, inject, it, vi } from 'vitest'
import { createTicketSecret, replaceHourly, ticketKeysOf } from '../../src/http/tls/session-tickets.ts'
import { loadTls } from '../../src/http/tls/tls.ts'
import { TestVault } from '../support/test-vault.ts'

let vault: TestVault

beforeAll(async () => {
  vault = await TestVault.start()
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

const HANDSHAKE = 22
const ALERT = 21
/** RFC 8446 section 6: handshake_failure, protocol_version. */
const HANDSHAKE_FAILURE = 40
const PROTOCOL_VERSION = 70

const u16 = (value: number) => Buffer.of(value >> 8, value & 0xff)
const sized = (bytes: Buffer) => Buffer.concat([u16(bytes.length), bytes])
const extension = (type: number, data: Buffer) => Buffer.concat([u16(type), sized(data)])

/** A ClientHello written by hand (RFC 5246 section 7.4.1.2): no library of today would still offer these suites. */
function clientHello(version: number, suites: readonly number[]): Buffer {
  const extensions = Buffer.concat([
    extension(0, sized(Buffer.concat([Buffer.of(0), sized(Buffer.from('localhost'))]))), // server_name
    extension(10, sized(Buffer.concat([0x001d, 0x0017].map(u16)))), // supported_groups: X25519, P-256
    extension(11, Buffer.of(1, 0)), // ec_point_formats: uncompressed
    extension(13, sized(Buffer.concat([0x0403, 0x0804, 0x0401, 0x0203, 0x0201].map(u16)))), // signature_algorithms
  ])
  const body = Buffer.concat([
    u16(version),
    randomBytes(32),
    Buffer.of(0), // no session
    sized(Buffer.concat(suites.map(u16))),
    Buffer.of(1, 0), // no compression
    sized(extensions),
  ])
  const handshake = Buffer.concat([Buffer.of(1, 0), sized(body)])
  return Buffer.concat([Buffer.of(HANDSHAKE), u16(0x0301), sized(handshake)])
}

/** The first record that the server answers with. */
function greet(hello: Buffer): Promise<{ type: number; description: number }> {
  return new Promise((resolve, reject) => {
    const socket = connectTcp({ host: '127.0.0.1', port: vault.port }, () => socket.write(hello))
    socket.setTimeout(20_000, () => socket.destroy(new Error('no answer')))
    socket.once('data', (record) => {
      socket.destroy()
      resolve({ type: record[0]!, description: record[6]! })
    })
    socket.on('error', reject)
    socket.on('close', () => reject(new Error('closed without an answer')))
  })
}

const TLS12 = 0x0303
const GOOD = [0xc02c, 0xc02b] // ECDHE-ECDSA with AES-GCM

describe('suites', () => {
  it('takes the same hello with a good suite, so that it is the suite that is refused', async () => {
    expect(await greet(clientHello(TLS12, GOOD))).toMatchObject({ type: HANDSHAKE })
  })

  it.each([
    ['RC4', [0xc007, 0x0005, 0x0004]],
    ['CBC with ECDHE', [0xc009, 0xc00a, 0xc023, 0xc024]],
    ['CBC with RSA key exchange', [0x002f, 0x0035, 0x003c]],
    ['3DES', [0xc008, 0x000a]],
    ['CCM with 8-byte tags', [0xc0ae, 0xc0af]],
    ['CCM', [0xc0ac, 0xc0ad]],
    ['GCM without forward secrecy', [0x009c, 0x009d]],
    ['GCM with finite-field Diffie-Hellman', [0x009e, 0x009f]],
    ['ARIA and Camellia', [0xc05c, 0xc05d, 0xc086, 0xc087]],
    ['no encryption', [0xc006, 0x0002, 0x003b]],
    ['no authentication', [0xc018, 0xc019, 0x00a6]],
    ['export', [0x0003, 0x0008]],
  ])('refuses %s', async (_name, suites) => {
    expect(await greet(clientHello(TLS12, suites))).toEqual({ type: ALERT, description: HANDSHAKE_FAILURE })
  })
})

describe('versions', () => {
  it.each([
    ['TLS 1.1', 0x0302],
    ['TLS 1.0', 0x0301],
    ['SSL 3.0', 0x0300],
  ])('refuses %s', async (_name, version) => {
    const suites = [...GOOD, 0xc009, 0xc00a, 0x002f]
    const { type, description } = await greet(clientHello(version, suites))
    expect(type).toBe(ALERT)
    expect([PROTOCOL_VERSION, HANDSHAKE_FAILURE]).toContain(description)
  })
})

/**
 * An attacker has recorded a TLS 1.2 connection with its ticket, and takes the key of tickets from a server later. The
 * key of that hour was wiped: the server refuses the ticket, so its present key does not open it either.
 */
describe('a session ticket of TLS 1.2', () => {
  const handshake = (session?: Buffer) =>
    new Promise<{ isResumed: boolean; session: Buffer }>((resolve, reject) => {
      const { port, ca } = vault
      const place = { port, host: '127.0.0.1', servername: 'localhost', ca }
      const socket = connectTls({ ...place, maxVersion: 'TLSv1.2', session })
      socket.once('error', reject)
      socket.once('secureConnect', () => {
        resolve({ isResumed: socket.isSessionReused(), session: socket.getSession()! })
        socket.destroy()
      })
    })

  it('is refused an hour later, and so are the parts that its key was made of', async () => {
    const { certsDir } = inject('cluster')
    const [certFile, keyFile] = ['server.pem', 'server-key.pem'].map((name) => path.join(certsDir, name))
    const tls = await loadTls({ certFile: certFile!, keyFile: keyFile! })
    const secret = createTicketSecret()
    const use = () => vault.server.setTicketKeys(ticketKeysOf(secret, 'callers', tls))
    use()
    secret.onReplace(use)
    const bytesOfThen = secret.bytes
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    try {
      const end = replaceHourly(secret)
      vi.advanceTimersByTime(0)
      const recorded = (await handshake()).session
      expect((await handshake(recorded)).isResumed).toBe(true)
      vi.advanceTimersByTime(60 * 60 * 1000)
      expect((await handshake(recorded)).isResumed).toBe(false)
      expect(bytesOfThen.every((byte) => byte === 0)).toBe(true)
      end()
    } finally {
      vi.useRealTimers()
    }
  })
})

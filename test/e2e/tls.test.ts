import { X509Certificate } from 'node:crypto'
import { copyFileSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { Agent, createServer, request, type Server } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ensureDevelopmentCertificate } from '../../src/http/tls/development-certificate.ts'
import { loadTls, watchCertificates } from '../../src/http/tls/tls.ts'

let certsDir: string
let server: Server
const file = (name: string) => path.join(certsDir, name)
const files = () => ({ certFile: file('server.pem'), keyFile: file('server-key.pem') })
const read = (name: string) => readFileSync(file(name), 'utf8')

beforeEach(async () => {
  certsDir = mkdtempSync(path.join(tmpdir(), 'strongroom-tls-'))
  await ensureDevelopmentCertificate({ certsDir, hosts: ['vault.example.test'] })
  server = createServer(await loadTls(files()), (_, response) => response.end('ok'))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})
afterEach(async () => {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  rmSync(certsDir, { recursive: true })
})

const port = () => (server.address() as AddressInfo).port

/** Resolves with the connection once the handshake is done and the certificate verified. */
function handshake(options: ConnectionOptions = {}): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port: port(), servername: 'localhost', ca: read('ca.pem'), ...options })
    socket.once('secureConnect', () => resolve(socket)).once('error', reject)
  })
}

/** Resolves with the connection that the agent used. */
function get(agent: Agent): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: '127.0.0.1', port: port(), servername: 'localhost', agent }, (response) => {
      const { socket } = response // gone from the response once it has ended
      response.resume().once('end', () => resolve(socket))
    })
    outgoing.once('error', reject).end()
  })
}

/** New files in another directory, with a certificate of another authority. */
async function makeOtherCertificate(): Promise<{ dir: string; ca: string; serial: string }> {
  const dir = mkdtempSync(path.join(certsDir, 'other-'))
  await ensureDevelopmentCertificate({ certsDir: dir })
  const { serialNumber } = new X509Certificate(readFileSync(path.join(dir, 'server.pem')))
  return { dir, ca: readFileSync(path.join(dir, 'ca.pem'), 'utf8'), serial: serialNumber }
}

describe('the development certificate', () => {
  it.each(['localhost', 'vault.example.test'])(
    'is verified for %s by a client that knows ca.pem',
    async (servername) => {
      const socket = await handshake({ servername })
      expect(socket.authorized).toBe(true)
      socket.destroy()
    },
  )

  it.each(['127.0.0.1', '::1'])('covers the address %s', (address) => {
    expect(new X509Certificate(read('server.pem')).checkIP(address)).toBe(address)
  })

  it('is refused for another name, and by a client without ca.pem', async () => {
    await expect(handshake({ servername: 'evil.example' })).rejects.toMatchObject({
      code: 'ERR_TLS_CERT_ALTNAME_INVALID',
    })
    await expect(handshake({ ca: [] })).rejects.toMatchObject({ code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' })
  })

  it('keeps the key from others and stays as it is until it is about to expire', async () => {
    if (process.platform !== 'win32') expect(statSync(file('server-key.pem')).mode & 0o777).toBe(0o600)
    const before = read('server.pem')
    expect(await ensureDevelopmentCertificate({ certsDir })).toBe(false)
    expect(read('server.pem')).toBe(before)

    const expiry = new X509Certificate(before).validToDate
    const lastDay = new Date(expiry.getTime() - 60_000)
    expect(await ensureDevelopmentCertificate({ certsDir, now: lastDay })).toBe(true)
    expect(new X509Certificate(read('server.pem')).validToDate.getTime()).toBeGreaterThan(expiry.getTime())
  })

  it('is made again if the first time was cut off before server.pem', async () => {
    rmSync(file('server.pem'))
    expect(await ensureDevelopmentCertificate({ certsDir })).toBe(true)
    await expect(loadTls(files())).resolves.toBeDefined()
  })

  it('never replaces a certificate from elsewhere, not even an expired one', async () => {
    // The signature is not checked here, so another name of the same length makes it another authority's certificate.
    const ours = new X509Certificate(read('server.pem')).raw.toString('latin1')
    const der = Buffer.from(ours.replace('Strongroom development CA', 'The CA of somebody else!!'), 'latin1')
    const foreign = `-----BEGIN CERTIFICATE-----\n${der.toString('base64')}\n-----END CERTIFICATE-----\n`
    expect(new X509Certificate(foreign).issuer).toContain('somebody else')
    const now = new Date('2100-01-01')

    writeFileSync(file('server.pem'), foreign)
    expect(await ensureDevelopmentCertificate({ certsDir, now })).toBe(false)
    expect(read('server.pem')).toBe(foreign)

    renameSync(file('server.pem'), file('ca.pem'))
    await expect(ensureDevelopmentCertificate({ certsDir, now })).rejects.toThrow(/certificate files from elsewhere/)
    expect(read('ca.pem')).toBe(foreign)
  })
})

describe('the handshake', () => {
  it('agrees on TLS 1.3 with a client that can', async () => {
    const socket = await handshake()
    expect(socket.getProtocol()).toBe('TLSv1.3')
    socket.destroy()
  })

  it('agrees on TLS 1.2 with authenticated encryption', async () => {
    const socket = await handshake({ maxVersion: 'TLSv1.2' })
    expect(socket.getCipher().name).toBe('ECDHE-ECDSA-AES256-GCM-SHA384')
    socket.destroy()
  })

  it('refuses TLS 1.1', async () => {
    // Security level 0, or the client itself would refuse to speak it.
    const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const
    await expect(handshake(old)).rejects.toMatchObject({ code: 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION' })
  })

  it.each(['ECDHE-ECDSA-AES256-SHA384', 'ECDHE-ECDSA-AES128-SHA', 'AES128-GCM-SHA256'])(
    'refuses %s',
    async (ciphers) => {
      await expect(handshake({ maxVersion: 'TLSv1.2', ciphers })).rejects.toMatchObject({
        code: expect.stringMatching(/HANDSHAKE_FAILURE/),
      })
    },
  )

  it('refuses to renegotiate', async () => {
    const socket = await handshake({ maxVersion: 'TLSv1.2' })
    const ended = new Promise<string>((resolve) => {
      socket.once('error', (error) => resolve(error.message)).once('close', () => resolve('closed'))
      socket.renegotiate({}, (error) => resolve(error ? error.message : 'renegotiated'))
    })
    await expect(ended).resolves.not.toBe('renegotiated')
    socket.destroy()
  })
})

describe('watchCertificates', () => {
  it('gives new connections the new certificate and leaves open ones alone', async () => {
    const onReload = vi.fn()
    const onError = vi.fn()
    const watching = watchCertificates(server, files(), onReload, onError)
    const other = await makeOtherCertificate()
    const agent = new Agent({ keepAlive: true, maxSockets: 1, ca: [read('ca.pem'), other.ca] })
    try {
      const before = await get(agent)
      // As certbot and Kubernetes do it: a new file takes the place of the old one.
      for (const name of ['server.pem', 'server-key.pem']) {
        copyFileSync(path.join(other.dir, name), file(`${name}.next`))
        renameSync(file(`${name}.next`), file(name))
      }
      await vi.waitFor(() => expect(onReload).toHaveBeenCalled())

      expect(await get(agent)).toBe(before)
      expect(before.destroyed).toBe(false)
      const fresh = await handshake({ ca: other.ca })
      expect(fresh.getPeerX509Certificate()?.serialNumber).toBe(other.serial)
      expect(fresh.getProtocol()).toBe('TLSv1.3')
      fresh.destroy()
      await expect(
        handshake({ ca: other.ca, maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-SHA' }),
      ).rejects.toThrow()
      expect(onError).not.toHaveBeenCalled()
    } finally {
      agent.destroy()
      watching.close()
    }
  })

  it('keeps the old certificate when the new pair does not fit, and says so', async () => {
    const onReload = vi.fn()
    const onError = vi.fn()
    const watching = watchCertificates(server, files(), onReload, onError)
    try {
      const other = await makeOtherCertificate()
      copyFileSync(path.join(other.dir, 'server-key.pem'), file('server-key.pem'))
      await vi.waitFor(() => expect(onError).toHaveBeenCalled())
      expect(onError.mock.calls[0]?.[0].message).toMatch(/does not belong to/)
      const socket = await handshake()
      expect(socket.authorized).toBe(true)
      socket.destroy()
      expect(onReload).not.toHaveBeenCalled()
    } finally {
      watching.close()
    }
  })

  it('reloads on demand, and reports what is wrong instead of throwing', async () => {
    const onReload = vi.fn()
    const onError = vi.fn()
    const watching = watchCertificates(server, files(), onReload, onError)
    watching.close()
    await watching.reload()
    expect(onReload).toHaveBeenCalledOnce()
    rmSync(file('server-key.pem'))
    await watching.reload()
    expect(onError.mock.calls[0]?.[0].message).toMatch(/cannot be read/)
  })
})

import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ensureDevelopmentCertificate } from './development-certificate.ts'
import { certificateNames, loadTls } from './tls.ts'

let certsDir: string
const file = (name: string) => path.join(certsDir, name)

beforeAll(async () => {
  certsDir = mkdtempSync(path.join(tmpdir(), 'strongroom-tls-'))
  await ensureDevelopmentCertificate({ certsDir, hosts: ['vault.example.test', '*.shops.example.test', '192.0.2.7'] })
})
afterAll(() => rmSync(certsDir, { recursive: true }))

describe('certificateNames', () => {
  it.each([
    ['localhost', true],
    ['LOCALHOST', true],
    ['localhost.', true],
    ['127.0.0.1', true],
    ['[::1]', true],
    ['::1', true],
    ['192.0.2.7', true],
    ['vault.example.test', true],
    ['one.shops.example.test', true],
    ['one.two.shops.example.test', false],
    ['shops.example.test', false],
    ['192.0.2.8', false],
    ['[::2]', false],
    ['evil.example', false],
    ['localhost.evil.example', false],
    ['', false],
    ['.', false],
  ])('%s: %s', (host, expected) => {
    expect(certificateNames(readFileSync(file('server.pem'), 'utf8'))(host)).toBe(expected)
  })
})

describe('loadTls', () => {
  const certFile = () => file('server.pem')

  it('accepts the pair and offers TLS 1.2 or later, authenticated encryption with forward secrecy only', async () => {
    const options = await loadTls({ certFile: certFile(), keyFile: file('server-key.pem') })
    expect(options).toMatchObject({ minVersion: 'TLSv1.2', honorCipherOrder: true, handshakeTimeout: 5000 })
    for (const cipher of options.ciphers?.split(':') ?? []) {
      expect(cipher).toMatch(/^(TLS_|ECDHE-(ECDSA|RSA)-).*(GCM|CHACHA20)/)
    }
  })

  it('refuses a key that belongs to another certificate', async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    writeFileSync(file('other-key.pem'), privateKey.export({ type: 'pkcs8', format: 'pem' }))
    await expect(loadTls({ certFile: certFile(), keyFile: file('other-key.pem') })).rejects.toThrow(
      /does not belong to/,
    )
  })

  it('names the file that is missing or is not what it should be', async () => {
    await expect(loadTls({ certFile: file('no.pem'), keyFile: file('server-key.pem') })).rejects.toThrow(
      /no\.pem cannot be read \(ENOENT\)/,
    )
    await expect(loadTls({ certFile: certFile(), keyFile: certFile() })).rejects.toThrow(/unencrypted private key/)
    await expect(loadTls({ certFile: file('server-key.pem'), keyFile: file('server-key.pem') })).rejects.toThrow(
      /certificate in PEM/,
    )
  })
})

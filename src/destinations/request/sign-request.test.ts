import {
  createHmac,
  createPrivateKey,
  createSecretKey,
  generateKeyPairSync,
  hash,
  type KeyObject,
  verify,
} from 'node:crypto'
import { jwtVerify } from 'jose'
import { describe, expect, it } from 'vitest'
import type { Jwt, MessageSignature, Signer } from '../signer.ts'
import { signatureBase, signatureOf } from './sign-message.ts'
import { signRequest } from './sign-request.ts'
import type { SignDeps, UnsignedRequest } from './unsigned-request.ts'

const now = new Date('2026-11-30T12:00:00Z')
const seconds = now.getTime() / 1000
const request: UnsignedRequest = {
  method: 'POST',
  origin: 'https://api.example.com:8443',
  path: '/v1/payments',
  headers: [['Content-Type', 'application/json']],
  body: Buffer.from('{"a":1}'),
}
const digest = hash('sha256', '{"a":1}', 'base64')

const vault = generateKeyPairSync('ed25519')
const pairs = {
  ed25519: vault,
  ec: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  rsa: generateKeyPairSync('rsa', { modulusLength: 2048 }),
}
const pem = (key: KeyObject) => key.export({ type: 'pkcs8', format: 'pem' }).toString()
const secrets: Record<string, string> = {
  text: 'shared secret',
  hex: '00ff',
  base64: 'AP8=',
  id: 'key-1',
  ...Object.fromEntries(Object.entries(pairs).map(([name, { privateKey }]) => [name, pem(privateKey)])),
}
const deps: SignDeps = {
  secretOf: (name) => secrets[name] ?? '',
  messageKey: async () => ({ keyid: 'vault-key', key: vault.privateKey }),
  now: () => now,
  newId: (prefix) => `${prefix}_1`,
}
const sign = (signer: Signer) => signRequest(deps, signer, request)
const headersOf = async (signer: Signer) => Object.fromEntries((await sign(signer)).headers ?? [])

it('sends a name and a password, a token, or a header', async () => {
  expect(await headersOf({ with: 'basic', username: 'shop', password: { $secret: 'id' } })).toEqual({
    Authorization: `Basic ${Buffer.from('shop:key-1').toString('base64')}`,
  })
  expect(await headersOf({ with: 'bearer', secret: 'id' })).toEqual({ Authorization: 'Bearer key-1' })
  const header = { with: 'header', header: 'X-Key', secret: 'id', prefix: 'Key ' } as const
  expect(await headersOf(header)).toEqual({ 'X-Key': 'Key key-1' })
})

it('shows a certificate', async () => {
  expect(await sign({ with: 'mutual-tls', certificate: 'id', key: 'text' })).toEqual({
    certificate: { cert: 'key-1', key: 'shared secret' },
  })
})

describe('an HMAC', () => {
  const hmac = { with: 'hmac', algorithm: 'sha256', header: 'X-Signature', encoding: 'hex' } as const

  it.each([
    ['text', 'utf8', 'shared secret'],
    ['hex', 'hex', Buffer.from([0, 255])],
    ['base64', 'base64', Buffer.from([0, 255])],
  ] as const)('is over the final body, with a key in %s', async (secret, key_encoding, key) => {
    const expected = createHmac('sha256', key).update('{"a":1}').digest('hex')
    expect(await headersOf({ ...hmac, secret, key_encoding })).toEqual({ 'X-Signature': expected })
  })

  it('is over more where the destination says so', async () => {
    const over = ['timestamp', { text: '.' }, 'method', 'host', 'path', 'body-sha256-hex', 'body'] as const
    const text = `${seconds}.POSTapi.example.com:8443/v1/payments${hash('sha256', '{"a":1}', 'hex')}{"a":1}`
    const signer = { ...hmac, secret: 'text', algorithm: 'sha512', encoding: 'base64', prefix: 'v1=' } as const
    expect(await headersOf({ ...signer, over, timestamp_header: 'X-Time' })).toEqual({
      'X-Time': String(seconds),
      'X-Signature': `v1=${createHmac('sha512', 'shared secret').update(text).digest('base64')}`,
    })
  })

  it('refuses a key that is not in its form', async () => {
    const refused = sign({ ...hmac, secret: 'text', key_encoding: 'hex' })
    await expect(refused).rejects.toMatchObject({
      name: 'UnusableSecret',
      message: expect.not.stringContaining('shared'),
    })
  })
})

describe('an HTTP message signature', () => {
  it.each<[Pick<MessageSignature, 'algorithm'> & ({ secret: string; key_id: string } | { key: 'vault' }), string]>([
    [{ key: 'vault' }, 'ed25519'],
    [{ secret: 'ed25519', key_id: 'vault-key' }, 'ed25519'],
    [{ secret: 'ec', key_id: 'vault-key', algorithm: 'ecdsa-p256-sha256' }, 'ecdsa-p256-sha256'],
    [{ secret: 'rsa', key_id: 'vault-key', algorithm: 'rsa-pss-sha512' }, 'rsa-pss-sha512'],
  ])('of %j covers the digest of the body, and holds', async (key, algorithm) => {
    const headers = await headersOf({
      with: 'message-signature',
      ...key,
      expires_seconds: 60,
      tag: 'pay',
    } as MessageSignature)
    expect(headers['Content-Digest']).toBe(`sha-256=:${digest}:`)
    const params = headers['Signature-Input']!.replace('sig1=', '')
    expect(params).toBe(
      `("@method" "@target-uri" "content-digest" "content-type");created=${seconds};expires=${seconds + 60};nonce="sig_1";alg="${algorithm}";keyid="vault-key";tag="pay"`,
    )
    const base = [
      '"@method": POST',
      '"@target-uri": https://api.example.com:8443/v1/payments',
      `"content-digest": sha-256=:${digest}:`,
      '"content-type": application/json',
      `"@signature-params": ${params}`,
    ].join('\n')
    const signature = Buffer.from(headers.Signature!.replace('sig1=:', '').slice(0, -1), 'base64')
    const verification = {
      ed25519: () => verify(null, Buffer.from(base), pairs.ed25519.publicKey, signature),
      'ecdsa-p256-sha256': () =>
        verify('sha256', Buffer.from(base), { key: pairs.ec.publicKey, dsaEncoding: 'ieee-p1363' }, signature),
      'rsa-pss-sha512': () =>
        verify('sha512', Buffer.from(base), { key: pairs.rsa.publicKey, padding: 6, saltLength: 64 }, signature),
    }[algorithm]
    expect(verification?.()).toBe(true)
  })

  it('refuses a key for another algorithm, and says nothing of it', async () => {
    const signer = { with: 'message-signature', secret: 'rsa', key_id: 'x' } as const
    await expect(sign(signer)).rejects.toMatchObject({ name: 'UnusableSecret' })
    const text = { with: 'message-signature', secret: 'text', key_id: 'x' } as const
    await expect(sign(text)).rejects.toMatchObject({ message: 'the secret text is not a private key in PEM.' })
  })

  // https://www.rfc-editor.org/rfc/rfc9421.html#appendix-B.2
  const example: UnsignedRequest = {
    method: 'POST',
    origin: 'https://example.com',
    path: '/foo',
    headers: [
      ['Date', 'Tue, 20 Apr 2021 02:07:55 GMT'],
      ['Content-Type', 'application/json'],
      ['Content-Length', '18'],
    ],
    body: Buffer.from('{"hello": "world"}'),
  }

  it('is the one of RFC 9421, appendix B.2.6', () => {
    const covered = ['date', '@method', '@path', '@authority', 'content-type', 'content-length']
    const params = `(${covered.map((name) => `"${name}"`).join(' ')});created=1618884473;keyid="test-key-ed25519"`
    const key = `-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF
-----END PRIVATE KEY-----`
    const base = signatureBase(example, covered, params)
    expect(signatureOf('ed25519', createPrivateKey(key), base).toString('base64')).toBe(
      'wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==',
    )
  })

  it('is the one of RFC 9421, appendix B.2.5', () => {
    const params = '("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret"'
    const key = createSecretKey(
      'uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ==',
      'base64',
    )
    const base = signatureBase(example, ['date', '@authority', 'content-type'], params)
    expect(signatureOf('hmac-sha256', key, base).toString('base64')).toBe(
      'pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=',
    )
  })
})

describe('a JWT', () => {
  const claims = {
    digest: { $request: 'body-sha256-base64' },
    iat: { $request: 'issued-at' },
    exp: { $request: 'expires-at' },
    jti: { $request: 'id' },
    method: { $request: 'method' },
    host: { $request: 'host' },
    path: { $request: 'path' },
    url: { $request: 'url' },
    iss: { $secret: 'id' },
    digestAlgorithm: 'SHA-256',
    version: 2,
  } as const
  const said = {
    digest,
    iat: seconds,
    exp: seconds + 120,
    jti: 'jwt_1',
    method: 'POST',
    host: 'api.example.com:8443',
    path: '/v1/payments',
    url: 'https://api.example.com:8443/v1/payments',
    iss: 'key-1',
    digestAlgorithm: 'SHA-256',
    version: 2,
  }

  it.each<[object, KeyObject, string]>([
    [{ key: 'vault' }, vault.publicKey, 'EdDSA'],
    [{ secret: 'rsa' }, pairs.rsa.publicKey, 'RS256'],
    [{ secret: 'rsa', algorithm: 'PS256' }, pairs.rsa.publicKey, 'PS256'],
    [{ secret: 'ec', algorithm: 'ES256' }, pairs.ec.publicKey, 'ES256'],
    [{ secret: 'text', algorithm: 'HS256' }, createSecretKey('shared secret', 'utf8'), 'HS256'],
  ])('of %j says what the destination asks for', async (key, publicKey, alg) => {
    const own = 'key' in key ? key : { ...key, key_id: { $secret: 'id' } }
    const signer = { with: 'jwt', ...own, claims, protected: { 'v-c-merchant-id': { $secret: 'id' } } } as Jwt
    const { Authorization } = await headersOf(signer)
    const { payload, protectedHeader } = await jwtVerify(Authorization!.replace('Bearer ', ''), publicKey, {
      currentDate: now,
    })
    expect(payload).toEqual(said)
    const kid = 'key' in key ? 'vault-key' : 'key-1'
    expect(protectedHeader).toEqual({ typ: 'JWT', alg, kid, 'v-c-merchant-id': 'key-1' })
  })

  it('refuses a key for another algorithm', async () => {
    const signer = { with: 'jwt', secret: 'ec', key_id: 'x', algorithm: 'RS256', claims } as const
    await expect(sign(signer)).rejects.toMatchObject({ name: 'UnusableSecret' })
  })
})
